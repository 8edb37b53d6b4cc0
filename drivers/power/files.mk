obj-y += drivers/power/syscon.o drivers/power/sifive_test.o drivers/power/gpio_restart.o
