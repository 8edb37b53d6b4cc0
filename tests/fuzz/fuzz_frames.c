/* SPDX-License-Identifier: MIT */
/*
 * The receive path under frames of every kind: device, IPv4 and IPv6, fragments, ARP, ICMP,
 * neighbour discovery, UDP, TCP with real connections, and the owners of sockets who do what they
 * like meanwhile. All of the network's code on the host (tests/unit/net/world.h).
 *
 * The input is a list of choices: which frame, for whom, how near its numbers are to right ones,
 * which bytes are damaged. Most frames get right checksums afterwards, or none would pass.
 * Connections stay from one input to the next; now and then all is closed, and then nothing may be
 * left.
 */
#include <kernel/bug.h>
#include <kernel/lib/string.h>
#include <kernel/mm/iov_iter.h>
#include <net/inet/tcp.h>
#include "../unit/net/world.h"
#include "../unit/unit.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

#define ENDPOINTS	24
#define CLOSE_EVERY	500		/* inputs */

/* --- choices --- */

static const u8 *in;
static size_t left;

static u32 byte(void)
{
	return left ? (left--, *in++) : 0;
}

static u32 word(void)
{
	u32 a = byte(), b = byte(), c = byte();

	return a << 24 | b << 16 | c << 8 | byte();
}

static u32 pick(u32 n)
{
	return (byte() << 8 | byte()) % n;
}

/* A number near a right one, or far from it. */
static u32 near(u32 x)
{
	switch (pick(6)) {
	case 0:
	case 1:
	case 2:
		return x;
	case 3:
		return x + pick(3000) - 1500;
	case 4:
		return x + (1u << pick(32));
	default:
		return word();
	}
}

/* --- sockets --- */

static void note(void *owner, u32 events)	{ }
static const struct inet_ops ops = { note };
static struct inet_ep *eps[ENDPOINTS];

static struct inet_addr address(u16 family, u32 host, u32 port)
{
	struct inet_addr a = { .family = family, .port = net16((u16)port) };

	if (family == INET_AF_INET && host)
		memcpy(a.v4, (u8[]){ 10, 0, 0, (u8)host }, 4);
	else if (host) {
		a.v6[0] = 0xfd;
		a.v6[15] = (u8)host;
	}
	return a;
}

static u32 ignore(long result)
{
	return (u32)result;
}

static void open_one(struct inet_ep **at)
{
	u16 family = pick(2) ? INET_AF_INET : INET_AF_INET6;
	struct inet_addr any = address(family, 0, 80 + pick(4)),
			 peer = address(family, 2 + pick(3), 80 + pick(4));
	enum inet_type type = pick(6)   ? pick(3) ? INET_TCP : INET_UDP
			      : pick(2) ? INET_RAW
					: INET_PING;
	u8 protocol = type == INET_TCP         ? 6
		      : type == INET_UDP       ? 17
		      : family == INET_AF_INET ? 1
					       : 58;

	if (inet_open(&init_net, family, type, protocol, &ops, eps, at))
		return;
	ignore(inet_set_opt(*at, INET_OPT_REUSEPORT, pick(4)));
	if (pick(4))
		ignore(inet_bind(*at, &any));
	if (type == INET_TCP && pick(3))
		ignore(inet_listen(*at, pick(5)));
	else if (pick(2))
		ignore(inet_connect(*at, &peer));
}

static u8 heap[20000];

static void move_stream(struct inet_ep *ep, struct iov_iter *it, bool out)
{
	u32 flags = pick(4) ? 0 : pick(32);

	if (out)
		ignore(inet_tcp_send(ep, it, flags & (INET_MORE | INET_URGENT)));
	else if (flags & INET_PEEK)
		ignore(inet_tcp_peek(ep, it, pick(100), flags));
	else if (pick(8))
		ignore(inet_tcp_recv(ep, it, flags));
	else
		ignore(inet_tcp_recv_urgent(ep, it, flags & INET_PEEK));
}

static void move_data(struct inet_ep *ep)
{
	struct kvec v = {heap, pick(sizeof(heap))};
	struct inet_msg msg = {
		.peer = address(ep->family, 2 + pick(3), 80 + pick(4)), .ttl = -1, .tos = -1};
	bool out = pick(2);
	struct iov_iter it;

	iov_iter_kernel(&it, &v, 1, v.len);
	if (ep->type == INET_TCP)
		move_stream(ep, &it, out);
	else
		ignore(out ? inet_dgram_send(ep, &it, &msg)
			   : inet_dgram_recv(ep, &it, &msg, pick(4)));
}

static void act(struct inet_ep **at)
{
	struct inet_ep *ep = *at, *fresh = NULL;
	struct inet_addr peer;

	if (!ep) {
		open_one(at);
		return;
	}
	switch (pick(10)) {
	case 0:
		*at = NULL;
		inet_close(ep, pick(3) == 0);
		return;
	case 1:
		ignore(inet_shutdown(ep, 1 + pick(3)));
		return;
	case 2:
		ignore(inet_set_opt(ep, pick(INET_OPT_QUICKACK + 1),
				    pick(3) ? pick(2) : pick(70000)));
		return;
	case 3:
		peer = address(ep->family, 2 + pick(3), 80 + pick(4));
		ignore(inet_connect(ep, pick(4) ? &peer : NULL));
		return;
	case 4:
	case 5:
		if (ep->type != INET_TCP || inet_accept(ep, &fresh))
			return;
		inet_set_owner(fresh, &ops, eps);
		at = &eps[pick(ENDPOINTS)];
		if (*at)
			inet_close(*at, pick(2));
		*at = fresh;
		return;
	default:
		move_data(ep);
	}
}

/* --- frames --- */

static u8 frame[1514];
static u32 length;
static bool v6;

static void put16(u8 *p, u32 v)	{ p[0] = (u8)(v >> 8); p[1] = (u8)v; }
static void put32(u8 *p, u32 v)	{ put16(p, v >> 16); put16(p + 2, v); }

static u32 sum(const u8 *p, u32 len, u32 start)
{
	for (u32 i = 0; i < len; i++)
		start += i % 2 ? p[i] : (u32)p[i] << 8;
	while (start >> 16)
		start = (start & 0xffff) + (start >> 16);
	return start;
}

/* Whose connection, and where it stands. False: there is none. */
static bool live(struct inet_ep **out)
{
	for (u32 i = 0, at = pick(ENDPOINTS); i < ENDPOINTS; i++) {
		struct inet_ep *ep = eps[(at + i) % ENDPOINTS];

		if (ep && ep->type == INET_TCP && ep->pcb && !ep->listening &&
		    ep->tcp->state != CLOSED) {
			*out = ep;
			return true;
		}
	}
	return false;
}

static u32 put_tcp(u8 *t, u32 *peer)
{
	static const u8 usual[] = { 0x02, 0x12, 0x10, 0x10, 0x18, 0x11, 0x04, 0x14, 0x01 };
	u32 options = pick(3) ? 0 : pick(11) * 4, data = pick(3) ? pick(100) : pick(1300);
	struct inet_ep *ep;

	put16(t, 1000 + pick(8));
	put16(t + 2, 80 + pick(4));
	put32(t + 4, word());
	put32(t + 8, word());
	if (pick(4) && live(&ep)) {
		put16(t, ep->tcp->remote_port);
		put16(t + 2, ep->tcp->local_port);
		put32(t + 4, near(ep->tcp->rcv_nxt));
		put32(t + 8, near(ep->tcp->snd_nxt));
		v6 = IP_IS_V6(&ep->tcp->remote_ip);
		*peer = (v6 ? ip_2_ip6(&ep->tcp->remote_ip)->addr[3] :
			 ip4_addr_get_u32(ip_2_ip4(&ep->tcp->remote_ip))) >> 24;
	}
	t[12] = (u8)((20 + options) / 4 << 4);
	t[13] = pick(6) ? usual[pick(sizeof(usual))] : (u8)byte();
	put16(t + 14, pick(3) ? word() : pick(3));
	for (u32 i = 0; i < options; i++)
		t[20 + i] = pick(3) ? (u8[]){ 2, 4, 3, 8, 5, 1, 10, 0 }[pick(8)] : (u8)byte();
	return 20 + options + data;
}

static u32 put_udp(u8 *t)
{
	u32 len = 8 + pick(600);

	put16(t, 80 + pick(4));
	put16(t + 2, 80 + pick(4));
	put16(t + 4, pick(8) ? len : pick(2000));
	return len;
}

/* An error about something that we sent, or not; echo; discovery. */
static u32 put_icmp(u8 *t)
{
	t[0] = v6 ? (u8[]){ 1, 2, 3, 4, 128, 129, 130, 131, 133, 134, 135, 136, 137 }[pick(13)] :
		    (u8[]){ 0, 3, 4, 5, 8, 11, 12, 13 }[pick(8)];
	t[1] = (u8)(pick(3) ? 0 : pick(16));
	for (u32 i = 4; i < 90; i++)
		t[i] = (u8)(pick(2) ? byte() : 1);
	if (v6 && pick(2))
		memcpy(t + 8, (u8[16]){ 0xfd, [15] = 1 }, 16);
	if (!v6)
		memcpy(t + 8, (u8[]){0x45, 0, 0,  60, 0, 0, 0,  0, 64, (u8[]){6, 17, 1}[pick(3)],
				     0,    0, 10, 0,  0, 1, 10, 0, 0,  2},
		       20);
	return 8 + pick(200);
}

static u32 put_transport(u8 *t, u8 *protocol, u32 *peer)
{
	switch (pick(6)) {
	case 0:
		*protocol = 17;
		return put_udp(t);
	case 1:
		*protocol = v6 ? 58 : 1;
		return put_icmp(t);
	case 2:
		*protocol = v6 ? (u8[]){ 0, 43, 44, 60, 59 }[pick(5)] :
				 (u8[]){ 2, 41, 50, 255 }[pick(4)];
		for (u32 i = 0; i < 64; i++)
			t[i] = (u8)byte();
		return pick(200);
	default:
		*protocol = 6;
		return put_tcp(t, peer);
	}
}

/* Where each protocol has its checksum. */
static u32 checksum_at(u8 protocol)
{
	return protocol == 6                                      ? 16
	       : protocol == 17                                   ? 6
	       : protocol == 1 || protocol == 58 || protocol == 2 ? 2
								  : ~0u;
}

static void fix_checksums(u8 *ip)
{
	u32 header = v6 ? 40 : (ip[0] & 15) * 4u, end = length - 14;
	u8 protocol = v6 ? ip[6] : ip[9];
	u32 at = checksum_at(protocol), start;

	if (header > end)
		return;
	if (!v6 && header >= 20) {
		put16(ip + 10, 0);
		put16(ip + 10, ~sum(ip, header, 0));
	}
	if (at == ~0u || header + at + 2 > end)
		return;
	start = protocol == 1 || protocol == 2
			? 0
			: sum(ip + (v6 ? 8 : 12), v6 ? 32 : 8, protocol + end - header);
	put16(ip + header + at, 0);
	put16(ip + header + at, ~sum(ip + header, end - header, start));
}

static void put_ip(void)
{
	static const u8 link[12] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2 };
	u8 *ip = frame + 14, transport[1500] = { 0 }, protocol;
	u32 peer = 2 + pick(3), len, header;

	v6 = pick(3) == 0;
	len = min(put_transport(transport, &protocol, &peer), 1400u);
	header = v6 ? 40 : 20 + (pick(8) ? 0 : pick(11) * 4);
	memcpy(frame, link, sizeof(link));
	put16(frame + 12, v6 ? 0x86dd : 0x0800);
	memset(ip, 0, header);
	if (v6) {
		ip[0] = 0x60;
		put16(ip + 4, len);
		ip[6] = protocol;
		ip[7] = 255;
		ip[8] = ip[24] = 0xfd;
		ip[23] = (u8)peer;
		ip[39] = 1;
	} else {
		ip[0] = (u8)(0x40 | header / 4);
		put16(ip + 2, header + len);
		put16(ip + 6, pick(6) ? 0 : (pick(2) << 13) | pick(40));
		put16(ip + 4, pick(4));
		ip[8] = 64;
		ip[9] = protocol;
		memcpy(ip + 12, (u8[]){ 10, 0, 0, (u8)peer, 10, 0, 0, 1 }, 8);
	}
	memcpy(ip + header, transport, len);
	length = 14 + header + len;
	for (u32 n = pick(3) ? 0 : pick(5); n; n--)
		frame[14 + pick(pick(2)             ? length - 14
				: 40u < length - 14 ? 40
						    : length - 14)] = (u8)byte();
	if (!pick(16))
		length = 14 + pick(length - 13);
	if (pick(8))
		fix_checksums(ip);
}

static void put_arp(void)
{
	memcpy(frame, (u8[]){2, 0, 0, 0, 0, 1, 2, 0,  0, 0, 0, 2, 8, 6, 0, 1, 8, 0,  6, 4, 0,
			     1, 2, 0, 0, 0, 0, 2, 10, 0, 0, 2, 0, 0, 0, 0, 0, 0, 10, 0, 0, 1},
	       42);
	frame[21] = (u8)(1 + pick(2));
	frame[31] = (u8)pick(256);
	length = pick(8) ? 42 : 14 + pick(40);
	if (!pick(3))
		frame[14 + pick(28)] = (u8)byte();
}

static void put_anything(void)
{
	length = pick(200);
	for (u32 i = 0; i < length; i++)
		frame[i] = (u8)byte();
	if (pick(2))
		memcpy(frame, (u8[]){ 2, 0, 0, 0, 0, 1 }, 6);
	if (pick(2))
		put16(frame + 12, (u16[]){ 0x800, 0x806, 0x86dd, 0x8100 }[pick(4)]);
}

static void one_frame(void)
{
	switch (pick(12)) {
	case 0:
		put_arp();
		break;
	case 1:
		put_anything();
		break;
	default:
		put_ip();
	}
	world_receive(frame, length);
}

static void close_all(void)
{
	for (u32 i = 0; i < ENDPOINTS; i++)
		if (eps[i]) {
			inet_close(eps[i], i % 2);
			eps[i] = NULL;
		}
	world_end();
	world_start();
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	static u32 inputs;

	if (!inputs)
		world_start();
	in = data;
	left = size;
	world_fail_one_in = inputs % 16 ? 0 : 20;
	while (left)
		switch (pick(8)) {
		case 0:
		case 1:
			act(&eps[pick(ENDPOINTS)]);
			break;
		case 2:
			world_run(1u << pick(10));
			break;
		default:
			one_frame();
		}
	world_drop_sent();
	if (++inputs % CLOSE_EVERY == 0)
		close_all();
	return 0;
}

/* What world_end() finds left over. */
void unit_expect(bool ok, const char *file, int line, const char *what, long long got,
		 long long want)
{
	if (!ok)
		panic("%s:%d: %s is %lld, should be %lld\n", file, line, what, got, want);
}
