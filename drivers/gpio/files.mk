obj-y += drivers/gpio/gpio.o drivers/gpio/cdev.o drivers/gpio/events.o drivers/gpio/sifive.o
