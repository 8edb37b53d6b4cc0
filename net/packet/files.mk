obj-y += net/packet/diag.o
obj-y += net/packet/packet.o
obj-y += net/packet/ring.o
