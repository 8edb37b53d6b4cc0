obj-y += net/packet/packet.o
