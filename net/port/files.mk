# lwIP's own files (scripts/setup fetches them, scripts/lwip.py rewrites them): its raw interface.
lwip-files := $(addprefix core/,def inet_chksum init ip mem memp netif pbuf raw stats tcp tcp_in tcp_out udp) \
	$(addprefix core/ipv4/,icmp igmp ip4 ip4_addr ip4_frag) \
	$(addprefix core/ipv6/,icmp6 inet6 ip6 ip6_addr ip6_frag mld6 nd6)

# Ours that know lwIP's headers; net/inet/files.mk has the others.
lwip-users += net/port/port.o net/port/pbuf.o net/port/memory.o
