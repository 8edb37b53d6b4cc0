obj-y += drivers/char/mem.o drivers/char/random_dev.o drivers/char/kmsg.o
