obj-y += kernel/main.o kernel/power.o
obj-y += kernel/pending.o
