obj-y += drivers/irqchip/plic.o
