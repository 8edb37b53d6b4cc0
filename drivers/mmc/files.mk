obj-$(CONFIG_MMC) += drivers/mmc/host.o drivers/mmc/card.o drivers/mmc/disk.o
obj-$(CONFIG_MMC_DW) += drivers/mmc/dw_mshc.o drivers/mmc/dma_host.o
obj-$(CONFIG_MMC_SPI) += drivers/mmc/spi.o
obj-$(CONFIG_MMC_SDHCI) += drivers/mmc/sdhci.o drivers/mmc/dma_host.o
