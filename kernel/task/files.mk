obj-y += kernel/task/task.o
obj-y += kernel/task/pid.o
obj-y += kernel/task/nsproxy.o
obj-y += kernel/task/cred.o
obj-y += kernel/task/signal.o
obj-y += kernel/task/kthread.o
