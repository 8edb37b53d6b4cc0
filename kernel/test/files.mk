obj-y += kernel/test/ktest.o
