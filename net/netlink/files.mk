obj-y += net/netlink/diag.o
obj-y += net/netlink/links.o
obj-y += net/netlink/netlink.o
obj-y += net/netlink/route.o
