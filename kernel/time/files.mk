obj-y += kernel/time/hrtimer.o
obj-y += kernel/time/timekeeping.o
