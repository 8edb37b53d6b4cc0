unlinked-y += kernel/ipc/futex.o
