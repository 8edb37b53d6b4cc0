obj-$(CONFIG_WATCHDOG) += drivers/watchdog/watchdog.o
obj-$(CONFIG_WATCHDOG_JH7110) += drivers/watchdog/jh7110.o
