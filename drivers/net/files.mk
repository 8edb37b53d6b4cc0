obj-$(CONFIG_NET_DWMAC) += drivers/net/dwmac.o drivers/net/phy.o
