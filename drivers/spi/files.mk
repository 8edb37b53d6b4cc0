obj-$(CONFIG_SPI_SIFIVE) += drivers/spi/spi.o drivers/spi/sifive.o
