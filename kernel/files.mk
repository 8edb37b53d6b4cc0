obj-y += kernel/main.o
