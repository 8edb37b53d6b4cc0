lwip-users := $(addprefix net/inet/,stack.o create.o shard.o device.o addr4.o route.o neigh.o ports.o \
	ep.o errqueue.o opts.o info.o icmp.o tcp.o tcp_opts.o tcp_table.o tcp_listen.o tcp_cookie.o \
	tcp_mem.o tcp_sack.o tcp_recv.o tcp_send.o tcp_splice.o tcp_urgent.o zerocopy.o dgram.o dgram_send.o group.o)
