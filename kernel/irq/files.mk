obj-y += kernel/irq/irq.o
obj-y += kernel/irq/softirq.o
obj-y += kernel/irq/workqueue.o
