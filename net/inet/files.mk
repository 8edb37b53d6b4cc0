lwip-users := $(addprefix net/inet/,stack.o device.o route.o neigh.o ports.o ep.o opts.o info.o \
	icmp.o tcp.o tcp_recv.o tcp_send.o dgram.o group.o)
