obj-y += drivers/rtc/rtc.o drivers/rtc/goldfish.o
obj-$(CONFIG_SOC_JH7110) += drivers/rtc/jh7110.o
