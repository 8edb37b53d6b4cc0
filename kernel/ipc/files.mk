obj-y += kernel/ipc/futex.o
