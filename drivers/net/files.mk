obj-$(CONFIG_NET_DWMAC) += drivers/net/dwmac.o drivers/net/mac.o drivers/net/ring.o drivers/net/phy.o
obj-$(CONFIG_NET_GEM) += drivers/net/gem.o drivers/net/mac.o drivers/net/ring.o drivers/net/phy.o
