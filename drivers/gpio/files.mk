obj-y += drivers/gpio/gpio.o drivers/gpio/sifive.o
