obj-y += net/netdev/netdev.o net/netdev/pkt.o net/netdev/rx.o net/netdev/tx.o net/netdev/tap.o
obj-y += net/netdev/loopback.o
lwip-users += net/netdev/rx.o net/init.o
obj-y += net/netdev/ioctl.o net/netdev/proc.o
