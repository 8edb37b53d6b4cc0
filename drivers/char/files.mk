obj-y += drivers/char/mem.o drivers/char/random_dev.o drivers/char/kmsg.o
obj-$(CONFIG_SOC_JH7110) += drivers/char/jh7110_trng.o
