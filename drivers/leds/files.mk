obj-$(CONFIG_LEDS) += drivers/leds/leds.o drivers/leds/gpio.o
