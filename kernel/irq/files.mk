obj-y += kernel/irq/softirq.o
