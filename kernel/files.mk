obj-y += kernel/main.o
obj-y += kernel/pending.o
