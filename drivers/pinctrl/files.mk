obj-$(CONFIG_SOC_JH7110) += drivers/pinctrl/jh7110.o
