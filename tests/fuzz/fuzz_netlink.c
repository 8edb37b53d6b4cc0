/* SPDX-License-Identifier: MIT */
/*
 * Netlink requests of every kind, by a program that may change what it likes: interfaces that are
 * made and deleted, addresses, routes, neighbours, and questions about sockets with filters of any
 * bytes. The input is one write of several messages; most have headers, lengths and types that
 * exist.
 *
 * Real: net/netlink, net/af_inet's answers, and all that they change (tests/unit/net/world.h).
 */
#include "../../net/netlink/netlink.c"
#include <net/af_inet/af_inet.h>
#include <net/inet/config.h>
#include "../unit/net/world.h"
#include "../unit/unit.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);
size_t fuzz_mutate(u8 *data, size_t len, u64 (*chance)(void));
void abort(void) __noreturn;
void *malloc(size_t size);
void free(void *p);

#define ENDPOINTS	12

/* --- the kernel around it --- */

bool capable(int cap)				{ return true; }
void socket_put(struct socket *sk)		{ }
void kvfree(const void *p)			{ kfree(p); }
void *kvmalloc(size_t size, u32 gfp)		{ return kmalloc(size, gfp); }
u64 socket_cookie(struct socket *sk)		{ return 7; }
/* There are no files, and no processes. */
struct file *fd_lookup(int fd)			{ return NULL; }
void file_put(struct file *f)			{ }
struct net *nsfs_net(const struct file *f)	{ return NULL; }
struct net *net_of_process(pid_t nr)		{ return NULL; }
struct net *current_net(void)			{ return &init_net; }

void socket_setup(struct socket *sk, struct net *net, const struct socket_ops *ops, u16 family,
		  u16 type, u32 protocol)
{
	sk->net = net;
	sk->ops = ops;
	sk->family = family;
	sk->rcvbuf = sk->sndbuf = 1u << 20;
}

void socket_meminfo(const struct socket *sk, const struct sock_memory *m,
		    u32 out[SOCK_MEMINFO_WORDS])
{
	memset(out, 0, SOCK_MEMINFO_WORDS * sizeof(u32));
}

const struct socket_family *socket_family_find(u32 family)
{
	static const struct socket_family inet = { .family = AF_INET, .diag = inet_diag };
	static const struct socket_family netlink = { .family = AF_NETLINK, .diag = netlink_diag };

	return family == AF_INET || family == AF_INET6 ? &inet : family == AF_NETLINK ? &netlink : NULL;
}

/* Nobody waits here, nor sets an option. */
#define NEVER(name) \
	void never_##name(void) __asm__(#name); \
	void never_##name(void) { panic(#name); }
NEVER(get_user)
NEVER(init_pid_ns)
NEVER(schedule)
NEVER(schedule_timeout_slow)
NEVER(sock_put_option)
NEVER(sock_wait_abandon)
NEVER(sock_wait_wake)
NEVER(wait_entry_init)
NEVER(wait_finish)
NEVER(wait_prepare)
/* Of whatever type. */
void wake_nobody(void) __asm__("wake_queue");
void wake_nobody(void)			{ }

/* --- messages --- */

struct maker {
	u8 *at, *end;
	u64 (*chance)(void);
};

static u32 pick(struct maker *m, u32 n)
{
	return (u32)(m->chance() % n);
}

static void put(struct maker *m, const void *data, u32 len)
{
	len = (u32)min((size_t)len, (size_t)(m->end - m->at));
	memcpy(m->at, data, len);
	m->at += len;
}

static void put_byte(struct maker *m, u8 byte)
{
	put(m, &byte, 1);
}

static void align(struct maker *m, const u8 *start)
{
	while ((m->at - start) % 4 && m->at < m->end)
		put_byte(m, 0);
}

static const char *const names[] = { "a0", "a1", "b0", "b1", "br", "eth0", "lo", "veth%d" };
static const char *const kinds_[] = { "veth", "bridge", "dummy", "" };

/* What an attribute may hold: a name, an address, a small number, bytes. */
static void put_value(struct maker *m)
{
	const char *text = names[pick(m, ARRAY_SIZE(names))];
	u32 word = pick(m, 4) ? pick(m, 9) : (u32)m->chance();
	u8 v4[4] = { 10, 0, (u8)pick(m, 3), (u8)pick(m, 5) }, v6[16] = { 0xfd, [15] = (u8)pick(m, 5) };

	switch (pick(m, 8)) {
	case 0:
	case 1:
		put(m, text, (u32)strnlen(text, 20) + 1);
		return;
	case 2:
		put(m, v4, 4);
		return;
	case 3:
		put(m, v6, 16);
		return;
	case 4:
		for (u32 n = pick(m, 40); n; n--)
			put_byte(m, (u8)m->chance());
		return;
	case 5:
		text = kinds_[pick(m, ARRAY_SIZE(kinds_))];
		put(m, text, (u32)strnlen(text, 20) + 1);
		return;
	case 6:
		word = 68 + pick(m, 1500);
	}
	put(m, &word, 4);
}

static void put_attributes(struct maker *m, u32 most, u32 depth);

static u8 *begin_attribute(struct maker *m, u16 type)
{
	u8 *start = m->at;

	put(m, &(struct nlattr){ 0, type }, sizeof(struct nlattr));
	return start;
}

static void end_attribute(struct maker *m, u8 *start)
{
	u16 len = (u16)(m->at - start);

	if (!pick(m, 30))
		len = (u16)m->chance();
	if (m->at - start >= 4)
		memcpy(start, &len, 2);
	align(m, start);
}

static void put_attribute(struct maker *m, u32 depth)
{
	u8 *start = begin_attribute(m, (u16)(pick(m, 20) ? pick(m, 20) : m->chance()));
	u8 head[16] = { 0 };

	if (depth && !pick(m, 3)) {
		if (pick(m, 2))
			put(m, head, sizeof(head));
		put_attributes(m, 3, depth - 1);
	} else {
		put_value(m);
	}
	end_attribute(m, start);
}

static void put_attributes(struct maker *m, u32 most, u32 depth)
{
	for (u32 n = pick(m, most + 1); n; n--)
		put_attribute(m, depth);
}

static void put_text(struct maker *m, u16 type, const char *text)
{
	u8 *start = begin_attribute(m, type);

	put(m, text, (u32)strnlen(text, 20) + 1);
	end_attribute(m, start);
}

/* A pair or a bridge, as ip link add asks for it, but for chance. */
static void put_new_link(struct maker *m)
{
	bool pair = pick(m, 3);
	u8 *info, *data, *peer, head[16] = { 0 };

	put_text(m, 3, names[pick(m, 5)]);
	info = begin_attribute(m, 18);
	put_text(m, 1, pair ? "veth" : "bridge");
	if (pair) {
		data = begin_attribute(m, 2);
		peer = begin_attribute(m, 1);
		put(m, head, sizeof(head));
		put_text(m, 3, names[pick(m, 5)]);
		end_attribute(m, peer);
		end_attribute(m, data);
	}
	end_attribute(m, info);
}

/* An address and a port to compare with; true: go on behind it. */
static void put_condition(struct maker *m)
{
	u32 bytes = pick(m, 2) ? 4 : 16;
	u8 family = (u8)(bytes == 4 ? AF_INET : AF_INET6);
	u8 op[4] = { (u8)(7 + pick(m, 2)), (u8)(12 + bytes), (u8)(12 + bytes + 4 * pick(m, 3)), 0 };
	u8 prefix = (u8)(pick(m, 8) ? pick(m, 8 * bytes + 1) : m->chance());
	u8 head[4] = { (u8)(pick(m, 4) ? family : 0), prefix };
	s32 port = pick(m, 2) ? -1 : 79 + (s32)pick(m, 14);

	put(m, op, 4);
	put(m, head, 4);
	put(m, &port, 4);
	for (u32 i = 0; i < bytes; i++)
		put_byte(m, (u8)(pick(m, 3) ? 0 : m->chance()));
}

/* Which sockets: a program of comparisons and jumps, in attribute 1. */
static void put_filter(struct maker *m)
{
	u8 *start = begin_attribute(m, 1);

	if (!pick(m, 2))
		put_condition(m);
	/* Each with a word behind it; what does not hold leads on, or out behind the end. */
	for (u32 n = pick(m, 6); n; n--) {
		u8 code = (u8)(pick(m, 16) ? pick(m, 7) : m->chance());
		u8 yes = (u8)(pick(m, 10) ? 8 : 4 * pick(m, 6));
		u8 no = (u8)(pick(m, 10) ? 8 * n + 4 * pick(m, 2) : 4 * pick(m, 12));
		u8 words[8] = { code, yes, no, 0, 0, 4, (u8)(79 + pick(m, 14)), 0 };

		put(m, words, sizeof(words));
	}
	end_attribute(m, start);
}

/* Headers of links, addresses, routes, neighbours, sockets. */
static void put_payload(struct maker *m, u16 type, bool sockets)
{
	static const u8 lengths[] = { 16, 8, 12, 12 };
	u32 len = type >= 16 && type < 32 ? lengths[(type - 16) / 4] : pick(m, 60);
	u8 *start = m->at;

	if (sockets)
		len = 56;
	for (u32 i = 0; i < len; i++)
		put_byte(m, (u8)(pick(m, 3) ? pick(m, 3) : m->chance()));
	if (m->at - start >= 8) {
		start[0] = (u8[]){ 0, 2, 10, 7, 16, (u8)m->chance() }[pick(m, 6)];
		start[1] = (u8[]){ 24, 32, 64, 6, 17, 255 }[pick(m, 6)];
		*(u32 *)(start + 4) = pick(m, 8) ? pick(m, 8) : (u32)m->chance();
	}
	/* All of TCP or UDP. */
	if (m->at - start == 56 && pick(m, 4)) {
		start[0] = pick(m, 2) ? AF_INET : AF_INET6;
		start[1] = pick(m, 2) ? 6 : 17;
		*(u32 *)(start + 4) = U32_MAX;
		if (pick(m, 8))
			memset(start + 8, 0, 48);
	}
}

static void put_message(struct maker *m)
{
	u16 type = (u16)(!pick(m, 4) ? 20 : pick(m, 40) ? 16 + pick(m, 16) : m->chance());
	u16 flags = (u16)(1 | (pick(m, 2) ? 4 : 0) | (pick(m, 3) ? 0 : 0x300) | (pick(m, 2) ? 0x400 : 0) |
			  (pick(m, 4) ? 0 : m->chance()));
	struct nlmsghdr h = { 0, type, flags, 1, 0 };
	u8 *start = m->at;
	bool makes = !pick(m, 3), sockets = !makes && type == 20 && pick(m, 4);
	bool filters = sockets && pick(m, 3);

	if (makes)
		h.type = 16;
	put(m, &h, sizeof(h));
	put_payload(m, h.type, sockets);
	if (makes && m->at - start >= 32)
		memset(start + 16, 0, 16);
	if (makes)
		put_new_link(m);
	else if (filters)
		put_filter(m);
	if (!filters)
		put_attributes(m, 5, 3);
	h.len = (u32)(m->at - start);
	if (!pick(m, 30))
		h.len = (u32)m->chance();
	if (m->at - start >= (s64)sizeof(h))
		memcpy(start, &h.len, 4);
}

size_t fuzz_mutate(u8 *data, size_t len, u64 (*chance)(void))
{
	struct maker m = { .at = data, .end = data + len, .chance = chance };

	for (u32 n = 1 + pick(&m, 3); n && m.at < m.end; n--)
		put_message(&m);
	return (size_t)(m.at - data);
}

/* --- the sockets that are asked for --- */

static void note(void *owner, u32 events)	{ }
static const struct inet_ops quiet = { note };

static void open_some(void)
{
	static struct inet_sock owners[ENDPOINTS];

	for (u32 i = 0; i < ENDPOINTS; i++) {
		struct inet_addr a = { .family = i & 1 ? INET_AF_INET6 : INET_AF_INET,
				       .port = net16((u16)(80 + i)) };
		struct inet_sock *s = &owners[i];
		bool tcp = i % 3;

		if (inet_open(&init_net, a.family, tcp ? INET_TCP : INET_UDP, tcp ? 6 : 17, &quiet, s, &s->ep) ||
		    inet_bind(s->ep, &a) || (tcp && inet_listen(s->ep, 3)))
			panic("endpoint %u", i);
	}
}

static struct netlink_sock *open_netlink(u32 protocol)
{
	struct socket *sk;

	if (netlink_create(SOCK_RAW, protocol, &sk))
		panic("netlink");
	netlink_of(sk)->port = 1 + protocol;
	netlink_of(sk)->groups = protocol == NETLINK_ROUTE ? U32_MAX : 0;
	return netlink_of(sk);
}

/* Whole messages, one behind the other, or a reader would be lost. */
static void check_answers(struct netlink_sock *n)
{
	struct nl_packet *p;

	while ((p = take_first(n, false))) {
		u32 at = 0;

		while (at + sizeof(struct nlmsghdr) <= p->len) {
			u32 len = ((const struct nlmsghdr *)(p->data + at))->len;

			if (len < sizeof(struct nlmsghdr) || len > p->len - at)
				panic("an answer of %u bytes at %u of %u", len, at, p->len);
			at += NL_ALIGN(len);
		}
		kfree(p);
	}
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	static struct netlink_sock *route, *diag;
	static u32 inputs;
	struct netlink_sock *n;
	struct sock_msg m = { 0 };
	struct kvec v = { (void *)data, size };
	struct iov_iter it;

	if (!inputs++) {
		world_start();
		open_some();
		route = open_netlink(NETLINK_ROUTE);
		diag = open_netlink(NETLINK_SOCK_DIAG);
	}
	world_fail_one_in = inputs % 16 ? 0 : 20;
	n = inputs % 4 ? route : diag;
	iov_iter_kernel(&it, &v, 1, size);
	m.iter = &it;
	(void)netlink_sendmsg(&n->sk, &m);
	world_fail_one_in = 0;
	check_answers(route);
	check_answers(diag);
	if (inputs % 8 == 0)
		world_run(10);
	world_drop_sent();
	return 0;
}

void unit_expect(bool ok, const char *file, int line, const char *what, long long got,
		 long long want)
{
	if (!ok)
		abort();
}
