obj-y += kernel/main.o kernel/power.o
