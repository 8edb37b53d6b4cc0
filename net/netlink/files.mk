obj-y += net/netlink/netlink.o
obj-y += net/netlink/route.o
