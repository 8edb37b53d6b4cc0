obj-y += net/netdev/netdev.o net/netdev/pkt.o net/netdev/rx.o net/netdev/tx.o net/netdev/tap.o net/netdev/groups.o
obj-y += net/netdev/csum.o net/netdev/gso.o net/netdev/gro.o
obj-y += net/netdev/loopback.o
lwip-users += net/netdev/rx.o net/init.o net/namespace.o
obj-y += net/netdev/ioctl.o net/netdev/proc.o
obj-y += net/netdev/link.o net/netdev/veth.o net/netdev/bridge.o
