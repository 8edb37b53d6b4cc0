obj-$(CONFIG_MMC) += drivers/mmc/host.o drivers/mmc/card.o drivers/mmc/disk.o
obj-$(CONFIG_MMC_DW) += drivers/mmc/dw_mshc.o
obj-$(CONFIG_MMC_SPI) += drivers/mmc/spi.o
