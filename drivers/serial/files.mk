obj-y += drivers/serial/uart.o drivers/serial/ns16550.o drivers/serial/sifive.o
