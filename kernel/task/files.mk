obj-y += kernel/task/task.o kernel/task/pid.o kernel/task/nsproxy.o kernel/task/cred.o
obj-y += kernel/task/signal.o
obj-y += kernel/task/cpu_clock.o kernel/task/cpu_timer.o kernel/task/itimer.o kernel/task/posix_timer.o
obj-y += kernel/task/kthread.o
