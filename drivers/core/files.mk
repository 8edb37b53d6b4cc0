obj-y += drivers/core/device.o drivers/core/dma.o drivers/core/power.o drivers/core/provider.o \
	drivers/core/tree.o drivers/core/wait.o
