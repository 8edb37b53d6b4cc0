obj-y += kernel/ipc/futex.o
obj-y += kernel/ipc/shm.o kernel/ipc/shm_attach.o kernel/ipc/shm_control.o
