unlinked-y += kernel/syscall/table.o
