obj-y += kernel/sched/balance.o
obj-y += kernel/sched/core.o
obj-y += kernel/sched/cputime.o
obj-y += kernel/sched/fair.o
obj-y += kernel/sched/idle.o
obj-y += kernel/sched/loadavg.o
obj-y += kernel/sched/rt.o
obj-y += kernel/sched/weight.o
