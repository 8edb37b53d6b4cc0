obj-y += net/af_inet/dgram.o
obj-y += net/af_inet/family.o
obj-y += net/af_inet/options.o
obj-y += net/af_inet/proc.o
obj-y += net/af_inet/tcp.o
