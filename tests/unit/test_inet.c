/* SPDX-License-Identifier: MIT */
/*
 * The network beside TCP's segments: datagrams, fragments, path MTUs, addresses, lists of
 * endpoints, instances and the interfaces that move between them.
 */
#include <net/inet/device.h>
#include <net/inet/neigh.h>
#include <net/netdev/link.h>
#include <net/port/port.h>
#include "net/peer.h"

void free(void *p);

static void send_udp(u16 sport, u16 dport)
{
	u8 f[14 + 20 + 8 + 4] = {2,  0, 0, 0, 0, 1,  2,  0, 0, 0,  0, 2, 8, 0,  0x45, 0, 0,
				 32, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 2, 10, 0,    0, 1};
	u32 sum = 0;

	for (u32 i = 14; i < 34; i += 2)
		sum += (u32)f[i] << 8 | f[i + 1];
	sum = ~((sum & 0xffff) + (sum >> 16));
	f[24] = (u8)(sum >> 8);
	f[25] = (u8)sum;
	f[34] = (u8)(sport >> 8);
	f[35] = (u8)sport;
	f[36] = (u8)(dport >> 8);
	f[37] = (u8)dport;
	f[39] = 12;
	world_receive(f, sizeof(f));
}

TEST(datagram_sockets_of_one_port_share_what_comes)
{
	struct inet_addr a = { .family = INET_AF_INET, .port = net16(53) };
	u32 got[4] = { 0 }, all = 0;
	struct inet_ep *e[4];
	char buf[16];

	world_start();
	for (u32 i = 0; i < 4; i++) {
		EXPECT_EQ(inet_open(&init_net, INET_AF_INET, INET_UDP, 17, &ops, &told, &e[i]), 0);
		EXPECT_EQ(inet_set_opt(e[i], INET_OPT_REUSEPORT, 1), 0);
		EXPECT_EQ(inet_bind(e[i], &a), 0);
	}
	/* The same flow is always the same one's. */
	for (u32 round = 0; round < 2; round++)
		for (u16 i = 0; i < 400; i++)
			send_udp(3000 + i, 53);
	for (u32 i = 0; i < 4; i++) {
		struct kvec v = { buf, sizeof(buf) };
		struct iov_iter it;

		iov_iter_kernel(&it, &v, 1, sizeof(buf));
		while (inet_dgram_recv(e[i], &it, NULL, 0) > 0) {
			got[i]++;
			iov_iter_kernel(&it, &v, 1, sizeof(buf));
		}
		EXPECT_TRUE(got[i] % 2 == 0 && got[i] > 100 && got[i] < 300);
		all += got[i];
		inet_close(e[i], false);
	}
	EXPECT_EQ(all, 800);
	world_end();
}

/* lwIP writes it wherever it is told to. */
TEST(a_checksum_has_room_in_what_it_is_for)
{
	struct inet_addr to = { .family = INET_AF_INET6, .v6 = { 0xfd, [15] = 2 } };
	struct inet_msg msg = { .peer = to, .ttl = -1, .tos = -1 };
	u8 buf[8] = { 128 };
	struct inet_ep *ep;

	world_start();
	EXPECT_EQ(inet_open(&init_net, INET_AF_INET6, INET_RAW, 58, &ops, &told, &ep), 0);
	for (u32 len = 0; len < 6; len++) {
		struct kvec v = { buf, len };
		struct iov_iter it;

		iov_iter_kernel(&it, &v, 1, len);
		EXPECT_EQ(inet_dgram_send(ep, &it, &msg), len < 4 ? -EINVAL : (int)len);
	}
	inet_close(ep, false);
	world_end();
}

static u32 sum16(const u8 *p, u32 len, u32 sum)
{
	for (u32 i = 0; i < len; i++)
		sum += i % 2 ? p[i] : (u32)p[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/* "Too big for the way to fd00::2", from there. */
static void send_too_big(u32 mtu)
{
	u8 f[14 + 40 + 48] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x86, 0xdd }, *ip = f + 14;
	u8 *icmp = ip + 40;
	u32 sum;

	ip[0] = icmp[8] = 0x60;
	ip[5] = 48;
	ip[6] = 58;
	ip[7] = 64;
	ip[8] = ip[24] = icmp[16] = icmp[32] = 0xfd;
	ip[23] = icmp[47] = 2;
	ip[39] = icmp[31] = 1;
	icmp[0] = 2;
	icmp[6] = (u8)(mtu >> 8);
	icmp[7] = (u8)mtu;
	sum = ~sum16(icmp, 48, sum16(ip + 8, 32, 48 + 58));
	icmp[2] = (u8)(sum >> 8);
	icmp[3] = (u8)sum;
	world_receive(f, sizeof(f));
}

/* Else its datagrams go in fragments of nothing, for ever. RFC 8201, 4. */
TEST(a_path_mtu_below_that_of_ipv6_is_not_believed)
{
	struct inet_addr to = {.family = INET_AF_INET6, .port = net16(9), .v6 = {0xfd, [15] = 2}};
	struct inet_msg msg = {.peer = to, .ttl = -1, .tos = -1};
	struct inet_ep *ep;

	world_start();
	EXPECT_EQ(inet_open(&init_net, INET_AF_INET6, INET_UDP, 17, &ops, &told, &ep), 0);
	for (u32 mtu = 40; mtu < 1400; mtu = mtu * 9 / 8) {
		struct kvec v = { stuff, 3000 };
		struct iov_iter it;

		iov_iter_kernel(&it, &v, 1, v.len);
		EXPECT_EQ(inet_dgram_send(ep, &it, &msg), 3000);
		send_too_big(mtu);
	}
	inet_close(ep, false);
	world_end();
}

/* One of three fragments of a datagram of 3000 bytes from port 9 to 9 over IPv6. */
static void send_fragment6(u32 number)
{
	u8 f[14 + 48 + 1024] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x86, 0xdd }, *ip = f + 14;
	u8 pseudo[40] = { 0 }, datagram[3008] = { [1] = 9, [3] = 9, [4] = 3008 >> 8, [5] = 3008 & 0xff };
	u32 at = number * 1024, len = min(3008 - at, 1024u), sum;

	ip[0] = 0x60;
	ip[4] = (u8)((len + 8) >> 8);
	ip[5] = (u8)(len + 8);
	ip[6] = 44;
	ip[7] = 64;
	ip[8] = ip[24] = 0xfd;
	ip[23] = 2;
	ip[39] = 1;
	ip[40] = 17;
	ip[42] = (u8)(at >> 8);
	ip[43] = (u8)((at & 0xff) | (number < 2));
	ip[47] = 77;
	for (u32 i = 8; i < 3008; i++)
		datagram[i] = (u8)(i * 7 + i / 256);
	memcpy(pseudo, ip + 8, 32);
	pseudo[34] = 3008 >> 8;
	pseudo[35] = 3008 & 0xff;
	pseudo[39] = 17;
	sum = ~sum16(datagram, 3008, sum16(pseudo, 40, 0));
	datagram[6] = (u8)(sum >> 8);
	datagram[7] = (u8)sum;
	memcpy(ip + 48, datagram + at, len);
	world_receive(f, 14 + 48 + len);
}

/* A fragment's link to the next one is longer than its header, and lay on its first bytes. */
TEST(fragments_of_ipv6_in_any_order_make_the_datagram)
{
	static const u8 orders[][3] = { { 0, 1, 2 }, { 2, 1, 0 }, { 1, 0, 2 }, { 2, 0, 1 } };
	struct inet_addr a = { .family = INET_AF_INET6, .port = net16(9) };
	static u8 got[4000];
	struct inet_ep *ep;

	world_start();
	EXPECT_EQ(inet_open(&init_net, INET_AF_INET6, INET_UDP, 17, &ops, &told, &ep), 0);
	EXPECT_EQ(inet_bind(ep, &a), 0);
	for (u32 n = 0; n < 4; n++) {
		struct kvec v = { got, sizeof(got) };
		struct iov_iter it;
		u32 wrong = 0;

		for (u32 i = 0; i < 3; i++)
			send_fragment6(orders[n][i]);
		iov_iter_kernel(&it, &v, 1, sizeof(got));
		EXPECT_EQ(inet_dgram_recv(ep, &it, NULL, 0), 3000);
		for (u32 i = 0; i < 3000; i++)
			wrong += got[i] != (u8)((i + 8) * 7 + (i + 8) / 256);
		EXPECT_EQ(wrong, 0);
	}
	send_fragment6(0);		/* the rest of it never comes */
	inet_close(ep, false);
	world_end();
}

/* --- several IPv4 addresses --- */

static u32 get32(const u8 *p)
{
	return (u32)p[0] << 24 | (u32)p[1] << 16 | (u32)p[2] << 8 | p[3];
}

static void change_address(u32 addr, u8 prefix_len, bool add, int want)
{
	struct netdev *dev = netdev_by_name(&init_net, "eth0");
	struct inet_ifaddr a = { .dev = dev, .addr.family = INET_AF_INET, .prefix_len = prefix_len };

	for (u32 i = 0; i < 4; i++)
		a.addr.v4[i] = (u8)(addr >> (24 - 8 * i));
	mutex_lock(&net_config_lock);
	EXPECT_EQ(add ? inet_addr_add(dev, &a) : inet_addr_del(dev, &a.addr, prefix_len), want);
	mutex_unlock(&net_config_lock);
}

/* Of an ARP request for `addr`: who answers; 0: nobody. */
static u32 who_has(u32 addr)
{
	u8 f[42] = { 255, 255, 255, 255, 255, 255, 2, 0, 0, 0, 0, 2, 8, 6, 0, 1, 8, 0, 6, 4, 0, 1,
		     2, 0, 0, 0, 0, 2, 10, 0, 0, 2 };
	struct frame *answer;
	u32 sender = 0;

	for (u32 i = 0; i < 4; i++)
		f[38 + i] = (u8)(addr >> (24 - 8 * i));
	world_receive(f, sizeof(f));
	answer = world_take();
	if (answer && answer->data[12] == 8 && answer->data[13] == 6 && answer->data[21] == 2)
		sender = get32(answer->data + 28);
	free(answer);
	world_drop_sent();
	return sender;
}

/* Of a UDP datagram to a port of nobody's: where the ICMP error comes from; 0: none. */
static u32 who_refuses(u32 addr)
{
	u8 f[14 + 28 + 4] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0, 0, 32, 0, 0, 0, 0, 64, 17,
			      0, 0, 10, 0, 0, 2 };
	struct frame *answer;
	u32 sender = 0, sum;

	for (u32 i = 0; i < 4; i++)
		f[30 + i] = (u8)(addr >> (24 - 8 * i));
	sum = ~sum16(f + 14, 20, 0);
	f[24] = (u8)(sum >> 8);
	f[25] = (u8)sum;
	f[35] = f[37] = 77;
	f[39] = 12;
	world_receive(f, sizeof(f));
	world_run(10);
	answer = world_take();
	if (answer && answer->data[23] == 1 && answer->data[34] == 3)
		sender = get32(answer->data + 26);
	free(answer);
	world_drop_sent();
	return sender;
}

static u32 source_to(u32 addr)
{
	struct inet_addr to = { .family = INET_AF_INET };
	struct inet_route r = { 0 };

	for (u32 i = 0; i < 4; i++)
		to.v4[i] = (u8)(addr >> (24 - 8 * i));
	EXPECT_EQ(inet_route_lookup(&init_net, &to, 0, &r), 0);
	return get32(r.source.v4);
}

TEST(each_address_of_an_interface_answers_for_itself)
{
	world_start();
	change_address(0x0a00004d, 24, true, 0);
	change_address(0x0a00004d, 24, true, -EEXIST);
	change_address(0x0a010001, 16, true, 0);
	change_address(0x0a00004e, 24, true, 0);
	EXPECT_EQ(who_has(0x0a000001), 0x0a000001);
	EXPECT_EQ(who_has(0x0a00004d), 0x0a00004d);
	EXPECT_EQ(who_has(0x0a010001), 0x0a010001);
	EXPECT_EQ(who_has(0x0a00004f), 0);
	EXPECT_EQ(who_refuses(0x0a000001), 0x0a000001);
	EXPECT_EQ(who_refuses(0x0a00004e), 0x0a00004e);
	EXPECT_EQ(who_refuses(0x0a010001), 0x0a010001);
	EXPECT_EQ(who_refuses(0x0a00004f), 0);
	/* A network's first address is the source; of what goes by a router, the router's network's. */
	EXPECT_EQ(source_to(0x0a000009), 0x0a000001);
	EXPECT_EQ(source_to(0x0a010909), 0x0a010001);
	EXPECT_EQ(source_to(0xc0000201), 0x0a000001);
	change_address(0x0a00004e, 24, false, 0);
	EXPECT_EQ(who_has(0x0a00004e), 0);
	/* The first of all goes, and what is of its network; the next network's is the first. */
	change_address(0x0a000001, 24, false, 0);
	EXPECT_EQ(who_has(0x0a00004d), 0);
	EXPECT_EQ(who_has(0x0a010001), 0x0a010001);
	EXPECT_EQ(who_refuses(0x0a010001), 0x0a010001);
	change_address(0x0a000001, 24, true, 0);
	EXPECT_EQ(who_has(0x0a000001), 0x0a000001);
	change_address(0x0a010001, 16, false, 0);
	EXPECT_EQ(source_to(0x0a000009), 0x0a000001);
	world_run(20000);
	world_end();
}

/* --- neighbours --- */

static u16 state_seen;

static void see_state(const struct inet_neigh *n, void *addr)
{
	if (!memcmp(n->addr.v4, addr, 4))
		state_seen = n->state;
}

/* Of the neighbour, after a packet to it. */
static u16 state_after_sending(u8 *addr)
{
	struct pkt *pkt = pkt_alloc(GFP_KERNEL);

	memset(pkt_put(pkt, 20), 0, 20);
	pkt->protocol = ETH_P_IP;
	neigh_output4(netdev_by_name(&init_net, "eth0"), addr, pkt);
	inet_neigh_for_each(&init_net, INET_AF_INET, see_state, addr);
	return state_seen;
}

/* Its answer may have come later than the tick that what is sent goes by. */
TEST(a_neighbour_is_reachable_from_its_answer_on_for_half_a_minute)
{
	u8 addr[] = { 10, 0, 0, 9 };

	world_start();
	world_run(5 - world_now_ms() % 4);
	EXPECT_EQ(state_after_sending(addr), INET_NUD_REACHABLE);
	EXPECT_EQ(state_after_sending(addr), INET_NUD_REACHABLE);
	world_run(29000);
	EXPECT_EQ(state_after_sending(addr), INET_NUD_REACHABLE);
	world_run(1010);
	EXPECT_EQ(state_after_sending(addr), INET_NUD_DELAY);
	world_drop_sent();
	mutex_lock(&net_config_lock);
	neigh_flush(netdev_by_name(&init_net, "eth0"), false);
	mutex_unlock(&net_config_lock);
	world_run(10);
	world_end();
}

static void change_router(u8 router, bool add)
{
	struct inet_neigh n = { .dev = netdev_by_name(&init_net, "eth0"), .state = INET_NUD_PERMANENT,
				.mac = { 2, 0, 0, 0, 0, router },
				.addr = { .family = INET_AF_INET, .v4 = { 10, 0, 0, router } } };

	mutex_lock(&net_config_lock);
	EXPECT_EQ(add ? inet_neigh_add(&init_net, &n, false) :
		  inet_neigh_del(&init_net, n.dev, &n.addr), 0);
	mutex_unlock(&net_config_lock);
}

/* To 203.0.0.0/16, or 203.0.113.0/24. */
static void change_route(u8 bytes, u8 router, bool add)
{
	struct inet_route r = { .family = INET_AF_INET, .type = INET_ROUTE_UNICAST,
				.prefix_len = (u8)(bytes * 8),
				.dst = { .family = INET_AF_INET, .v4 = { 203, 0, bytes > 2 ? 113 : 0 } },
				.gateway = { .family = INET_AF_INET, .v4 = { 10, 0, 0, router } } };

	mutex_lock(&net_config_lock);
	EXPECT_EQ(add ? inet_route_add(&init_net, &r) : inet_route_del(&init_net, &r), 0);
	mutex_unlock(&net_config_lock);
}

/* Which router has a datagram to 203.0.113.1; 2 is the one of all that has no other. */
static u8 router_of(struct inet_ep *ep)
{
	struct inet_msg msg = { .peer = { .family = INET_AF_INET, .port = 9, .v4 = { 203, 0, 113, 1 } },
				.ttl = -1, .tos = -1 };
	struct kvec v = { "x", 1 };
	struct iov_iter it;
	struct frame *f;
	u8 router;

	iov_iter_kernel(&it, &v, 1, 1);
	EXPECT_EQ(inet_dgram_send(ep, &it, &msg), 1);
	f = world_take();
	router = f ? f->data[5] : 0;
	free(f);
	return router;
}

/* The way that was taken last is kept. */
TEST(a_changed_route_counts_for_the_next_packet)
{
	struct inet_ep *ep;

	world_start();
	for (u8 i = 70; i < 73; i++)
		change_router(i, true);
	EXPECT_EQ(inet_open(&init_net, INET_AF_INET, INET_UDP, 17, &ops, &told, &ep), 0);
	EXPECT_EQ(router_of(ep), 2);
	change_route(2, 70, true);
	EXPECT_EQ(router_of(ep), 70);
	change_route(3, 71, true);
	EXPECT_EQ(router_of(ep), 71);
	change_route(3, 71, false);
	EXPECT_EQ(router_of(ep), 70);
	change_route(2, 70, false);
	change_route(2, 72, true);
	EXPECT_EQ(router_of(ep), 72);
	change_route(2, 72, false);
	EXPECT_EQ(router_of(ep), 2);
	for (u8 i = 70; i < 73; i++)
		change_router(i, false);
	inet_close(ep, false);
	world_end();
}

/* --- lists --- */

static struct inet_ep *listed[101];
static u32 seen[101], let_go;

/* Between two holds of the lock: the last that was told, the next one and others end, one begins. */
static void change_list(void *owner, u32 events)
{
	static const struct inet_ops quiet = { note };

	if (let_go++)
		return;
	for (u32 i = 31; i < 60; i += i == 31 ? 1 : 9) {
		inet_close(listed[i], false);
		listed[i] = NULL;
	}
	EXPECT_EQ(inet_open(&init_net, INET_AF_INET, INET_UDP, 17, &quiet, &seen[100], &listed[100]), 0);
}

static void see(const struct inet_info *info, void *arg)
{
	u32 i = (u32)((u32 *)info->owner - seen);

	seen[i]++;
	if (i < 100)
		inet_fire(listed[i], INET_EV_READ);
}

TEST(a_list_of_endpoints_lets_others_in)
{
	static const struct inet_ops changing = { change_list };

	world_start();
	for (u32 i = 0; i < 100; i++)
		EXPECT_EQ(inet_open(&init_net, INET_AF_INET, INET_UDP, 17, &changing, &seen[i],
				    &listed[i]), 0);
	inet_for_each(&init_net, INET_UDP, see, NULL);
	EXPECT_TRUE(let_go > 32);
	for (u32 i = 0; i < ARRAY_SIZE(listed); i++) {
		EXPECT_EQ(seen[i], listed[i] || i == 31);
		if (listed[i])
			inet_close(listed[i], false);
	}
	world_end();
}

/* lwIP looked for a free number for ever. */
TEST(there_are_interfaces_enough)
{
	char name[IFNAMSIZ] = "";
	struct link_request r = { .name = name };
	int err = 0;
	u32 n = 0;

	world_start();
	mutex_lock(&net_config_lock);
	for (; n < 300 && !err; n += !err) {
		snprintf(name, sizeof(name), "bridge-%u", n);
		err = link_bridge.create(&init_net, &r);
	}
	EXPECT_EQ(err, -ENFILE);
	EXPECT_EQ(n, INET_DEVICES_MAX - 2);
	while (n--) {
		snprintf(name, sizeof(name), "bridge-%u", n);
		EXPECT_EQ(link_delete(netdev_by_name(&init_net, name)), 0);
	}
	mutex_unlock(&net_config_lock);
	world_end();
}

/* --- instances --- */

static struct netdev *end_of_cable(struct net *net, u8 nr)
{
	struct netdev *dev = netdev_by_name(net, "end");
	struct inet_ifaddr a = { .dev = dev, .prefix_len = 24,
				 .addr = { .family = INET_AF_INET, .v4 = { 10, 9, 0, nr } } };


	EXPECT_EQ(netdev_set_flags(net->loopback, IFF_UP), 0);
	EXPECT_EQ(netdev_set_flags(dev, IFF_UP), 0);
	EXPECT_EQ(inet_addr_add(dev, &a), 0);
	return dev;
}

/* What goes with nothing but its interface, and with nothing but its namespace. */
static void add_lasting(struct net *net, struct netdev *dev)
{
	struct inet_neigh n = { .dev = dev, .state = INET_NUD_PERMANENT, .mac = { 2, 0, 0, 0, 0, 7 },
				.addr = { .family = INET_AF_INET, .v4 = { 10, 9, 0, 99 } } };
	struct inet_route r = { .family = INET_AF_INET, .type = INET_ROUTE_BLACKHOLE, .prefix_len = 32,
				.dst = { .family = INET_AF_INET, .v4 = { 192, 0, 2, 1 } } };

	EXPECT_EQ(inet_neigh_add(net, &n, false), 0);
	EXPECT_EQ(inet_route_add(net, &r), 0);
}

/* The first piece of a datagram whose others never come. */
static void send_fragment(struct netdev *from, const struct netdev *to)
{
	static const u8 header[20] = { 0x45, 0, 0, 28, 0, 5, 0x20, 0, 64, 17, 0, 0, 10, 9, 0, 1, 10, 9, 0, 2 };
	struct pkt *pkt = pkt_alloc(GFP_KERNEL);
	u16 sum;
	u8 *p;

	p = pkt_put(pkt, ETH_HLEN);
	memcpy(p, to->mac, ETH_ALEN);
	memcpy(p + ETH_ALEN, from->mac, ETH_ALEN);
	p[12] = 8;
	p[13] = 0;
	p = pkt_put(pkt, sizeof(header) + 8);
	memset(p, 0, sizeof(header) + 8);
	memcpy(p, header, sizeof(header));
	sum = (u16)~lwip_checksum(p, sizeof(header));
	memcpy(p + 10, &sum, sizeof(sum));
	pkt->protocol = ETH_P_IP;
	netdev_transmit(from, pkt);
	netdev_kick(from);
}

static struct inet_ep *open_there(struct net *net, enum inet_type type)
{
	struct inet_ep *ep = NULL;

	EXPECT_EQ(inet_open(net, INET_AF_INET, type, type == INET_TCP ? 6 : 17, &ops, &told, &ep), 0);
	return ep;
}

/* All, and the other's FIN: what is closed after that waits for nothing but time. */
static void read_to_end(struct inet_ep *ep)
{
	static u8 data[5000];

	while (recv_bytes(ep, data, sizeof(data)) > 0)
		;
}

/* A connection between the two; what of it is still to be done when they end differs. */
static void use_instances(struct net *a, struct net *b, u32 how)
{
	struct inet_addr there = { .family = INET_AF_INET, .port = net16(80), .v4 = { 10, 9, 0, 2 } };
	struct inet_msg msg = { .ttl = -1, .tos = -1, .peer = there };
	struct inet_ep *l = open_there(b, INET_TCP), *c = open_there(a, INET_TCP),
		       *d = open_there(a, INET_UDP), *s;
	static u8 data[5000];
	struct kvec v = { data, sizeof(data) };
	struct iov_iter it;

	EXPECT_EQ(inet_bind(l, &there), 0);
	EXPECT_EQ(inet_listen(l, 3), 0);
	EXPECT_EQ(inet_connect(c, &there), -EINPROGRESS);
	world_run(10);
	EXPECT_EQ(inet_take_error(c), 0);
	s = accept_from(l);
	/* Pieces of datagrams, of which some come; and neighbours that are not there. */
	iov_iter_kernel(&it, &v, 1, sizeof(data));
	EXPECT_EQ(inet_dgram_send(d, &it, &msg), sizeof(data));
	msg.peer.v4[3] = 77;
	iov_iter_kernel(&it, &v, 1, sizeof(data));
	(void)!inet_dgram_send(d, &it, &msg);
	iov_iter_kernel(&it, &v, 1, sizeof(data));
	EXPECT_EQ(inet_tcp_send(c, &it, 0), sizeof(data));
	world_run(how & 1 ? 10 : 0);
	inet_close(c, how & 2);
	inet_close(d, false);
	world_run(how & 1 ? 10 : 0);
	if (how & 1)
		read_to_end(s);
	inet_close(s, how & 4);
	inet_close(l, false);
	world_run(how & 1 ? 10 : 0);
}

/* Both of a cable's, in either order, or the cable first. */
TEST(an_instance_ends_with_all_that_is_in_it)
{
	struct netdev *one;
	struct net *a, *b;

	for (u32 how = 0; how < 24; how++) {
		world_start();
		a = net_create();
		b = net_create();
		EXPECT_TRUE(a && b);
		mutex_lock(&net_config_lock);
		struct link_request far = { .name = "end", .net = b }, near = { .name = "end", .peer = &far };

		EXPECT_EQ(link_veth.create(a, &near), 0);
		one = end_of_cable(a, 1);
		send_fragment(one, end_of_cable(b, 2));
		add_lasting(a, one);
		mutex_unlock(&net_config_lock);
		world_run(10);
		use_instances(a, b, how);
		if (how >= 16) {
			mutex_lock(&net_config_lock);
			EXPECT_EQ(link_delete(netdev_by_name(b, "end")), 0);
			mutex_unlock(&net_config_lock);
		}
		net_put(how & 8 ? a : b);
		world_run(how & 1);
		net_put(how & 8 ? b : a);
		world_end();
	}
}

/* It can be sent there and back, and lives on when its namespace ends. */
TEST(an_interface_moves)
{
	char name[IFNAMSIZ] = "end";
	struct netdev *dev;
	struct net *a;
	u32 index;

	world_start();
	a = net_create();
	EXPECT_TRUE(a);
	mutex_lock(&net_config_lock);
	struct link_request far = { .name = name, .net = a }, near = { .name = name, .peer = &far };

	EXPECT_EQ(link_veth.create(&init_net, &near), 0);
	dev = end_of_cable(&init_net, 1);
	index = dev->index;
	EXPECT_EQ(link_move(dev, a, NULL), -EEXIST);
	EXPECT_EQ(link_move(dev, a, "a/b"), -EINVAL);
	EXPECT_EQ(link_move(dev, a, "other"), 0);
	EXPECT_TRUE(!netdev_by_name(&init_net, "end") && netdev_by_name(a, "other") == dev);
	EXPECT_TRUE(dev->net == a && dev->index == index && !(dev->flags & IFF_UP));
	EXPECT_EQ(link_move(a->loopback, &init_net, NULL), -EINVAL);
	EXPECT_EQ(link_move(dev, &init_net, NULL), 0);
	EXPECT_EQ(dev->index, index);
	EXPECT_EQ(netdev_set_flags(dev, IFF_UP), 0);
	mutex_unlock(&net_config_lock);
	net_put(a);
	world_run(10);
	EXPECT_TRUE(!netdev_by_name(&init_net, "other"));
	world_end();
}

/* Many more than one hold of the lock takes in, and the softirq does not come. */
TEST(packets_that_wait_go_with_their_interface)
{
	struct link_request far = { .name = "far" }, near = { .name = "near", .peer = &far };
	LIST_HEAD(pkts);

	world_start();
	mutex_lock(&net_config_lock);
	EXPECT_EQ(link_veth.create(&init_net, &near), 0);
	for (u32 i = 0; i < 900; i++) {
		struct pkt *pkt = pkt_alloc(GFP_KERNEL);

		memset(pkt_put(pkt, 28), 0x45, 28);
		pkt->protocol = ETH_P_IP;
		pkt->dev = netdev_by_name(&init_net, "far");
		list_add_tail(&pkt->node, &pkts);
	}
	softirq_disable();
	inet_lock(init_net.inet);
	inet_input(&init_net, &pkts, 900);
	inet_unlock(init_net.inet);
	EXPECT_TRUE(init_net.inet->inbox_len > 500);
	EXPECT_EQ(link_delete(netdev_by_name(&init_net, "near")), 0);
	EXPECT_EQ(init_net.inet->inbox_len, 0);
	synchronize_rcu();
	softirq_enable();
	mutex_unlock(&net_config_lock);
	world_end();
}
