obj-y += kernel/task/task.o kernel/task/pid.o kernel/task/nsproxy.o kernel/task/cred.o
obj-y += kernel/task/signal.o
obj-y += kernel/task/kthread.o
