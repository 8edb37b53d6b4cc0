obj-y += kernel/syscall/table.o
