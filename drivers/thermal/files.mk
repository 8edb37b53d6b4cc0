obj-$(CONFIG_THERMAL) += drivers/thermal/thermal.o
obj-$(CONFIG_THERMAL_JH7110) += drivers/thermal/jh7110.o
