/* SPDX-License-Identifier: MIT */
/*
 * Endpoints: creation, end, addresses, options; what TCP and datagrams have in common.
 *
 * An endpoint stands between an owner (a socket), which may go at any time, and a control
 * block of lwIP, which may end at any time. Each holds a reference; the last frees it.
 *
 *  (1) ep->pcb and what lwIP has of ep (callback arguments) are set and cleared together,
 *      under the lock.
 *  (2) ep->owner is cleared under the lock by inet_close(); who tells events looks at it in an RCU
 *      read section.
 *  (3) An endpoint with a port keeps it until its control block is gone: TIME_WAIT
 *      keeps a port busy, as on Linux.
 */
#include <kernel/bug.h>
#include <kernel/lib/string.h>
#include <net/inet/ep.h>
#include <net/inet/route.h>
#include <lwip/tcp.h>

static struct kmem_cache *cache;

void inet_ep_init(void)
{
	if (!cache)
		cache = kmem_cache_create("inet_ep", sizeof(struct inet_ep), 8, NULL);
	if (!cache)
		panic("no memory for the cache of endpoints");
}

static void setup_tcp(struct inet_ep *ep)
{
	ep->rcvbuf = INET_TCP_RCVBUF;
	ep->sndbuf = INET_TCP_SNDBUF;
	ep->keep_idle_s = 7200;
	ep->keep_intvl_s = 75;
	ep->keep_cnt = 9;
	spin_lock_init(&ep->queue_lock, RANK_INET_PORTS);
	list_init(&ep->syn_queue);
	list_init(&ep->accept_queue);
	list_init(&ep->accept_node);
	list_init(&ep->zc_waiting);
}

static void setup_dgram(struct inet_ep *ep)
{
	ep->rcvbuf = ep->sndbuf = INET_DGRAM_BUF;
	list_init(&ep->dgrams);
	list_init(&ep->errors);
}

struct inet_ep *inet_ep_create(struct inet_stack *s, u16 family, enum inet_type type, u8 protocol,
			       u32 gfp)
{
	struct inet_ep *ep = kmem_cache_zalloc(cache, gfp);

	if (!ep)
		return NULL;
	ep->stack = s;
	ep->type = type;
	ep->protocol = protocol;
	ep->family = family;
	refcount_set(&ep->refs, 1);
	ep->local.family = family;
	ep->ttl = IP_DEFAULT_TTL;
	ep->incoming_cpu = -1;
	ep->mcast_ttl = 1;
	ep->mcast_loop = true;
	ep->mtu_discover = INET_PMTU_WANT;
	list_init(&ep->node);
	if (type == INET_TCP)
		setup_tcp(ep);
	else
		setup_dgram(ep);
	return ep;
}

void inet_ep_put(struct inet_ep *ep)
{
	if (!refcount_dec(&ep->refs))
		return;
	ASSERT(!ep->pcb && !ep->port && !ep->owner);
	ASSERT(ep->type != INET_TCP || list_empty(&ep->zc_waiting));
	inet_ep_drop_page(ep);
	kmem_cache_free(cache, ep);
}

void inet_ep_drop_page(struct inet_ep *ep)
{
	struct page *page = inet_ep_take_page(ep);

	if (page)
		page_put(page);
}

struct page *inet_ep_fresh_page(struct inet_ep *ep, struct page *full)
{
	if (full)
		page_put(full);
	ep->tx_fill = 0;
	return page_alloc(GFP_KERNEL);
}

void inet_ep_list(struct inet_ep *ep)
{
	ep->serial = ++ep->stack->last_serial;
	list_add_tail(&ep->node, &ep->stack->eps[ep->type]);
}

void inet_ep_fail(struct inet_ep *ep, int error)
{
	ep->error = error;
	inet_fire(ep, INET_EV_ERROR | INET_EV_READ | INET_EV_WRITE);
}

void inet_ep_pcb_gone(struct inet_ep *ep)
{
	ep->pcb = NULL;
	if (ep->port)
		port_release(ep);
	if (!list_empty(&ep->node))
		list_del(&ep->node);
	inet_ep_put(ep);
}

/* --- addresses --- */

bool inet_addr_is_any(const struct inet_addr *a)
{
	u8 sum = 0;

	for (u32 i = 0; i < (a->family == INET_AF_INET ? 4 : 16); i++)
		sum |= a->v6[i];
	return !sum;
}

static const u8 mapped_prefix[12] = { [10] = 0xff, [11] = 0xff };

bool inet_addr_is_mapped(const struct inet_addr *a)
{
	return a->family == INET_AF_INET6 && !memcmp(a->v6, mapped_prefix, sizeof(mapped_prefix));
}

bool inet_to_ip(const struct inet_ep *ep, const struct inet_addr *a, ip_addr_t *out)
{
	u32 word[4];

	if (a->family != ep->family)
		return false;
	if (a->family == INET_AF_INET || inet_addr_is_mapped(a)) {
		if (a->family == INET_AF_INET6 && ep->v6only)
			return false;
		memcpy(word, a->family == INET_AF_INET ? a->v4 : a->v6 + 12, 4);
		ip_addr_set_ip4_u32(out, word[0]);
		return true;
	}
	memcpy(word, a->v6, 16);
	IP_ADDR6(out, word[0], word[1], word[2], word[3]);
	if (ip6_addr_has_scope(ip_2_ip6(out), IP6_UNKNOWN))
		ip6_addr_set_zone(ip_2_ip6(out), (u8)a->scope);
	return true;
}

void inet_from_ip(const struct inet_ep *ep, const ip_addr_t *ip, u16 port, struct inet_addr *out)
{
	*out = (struct inet_addr){ .family = ep->family, .port = lwip_htons(port) };
	if (IP_IS_V4(ip)) {
		if (ep->family == INET_AF_INET6)
			memcpy(out->v6, mapped_prefix, sizeof(mapped_prefix));
		memcpy(ep->family == INET_AF_INET6 ? out->v6 + 12 : out->v4, ip_2_ip4(ip), 4);
		return;
	}
	if (ep->family == INET_AF_INET6) {
		memcpy(out->v6, ip_2_ip6(ip)->addr, 16);
		out->scope = ip6_addr_zone(ip_2_ip6(ip));
	}
}

/* --- life --- */

static bool can_serve(enum inet_type type, u16 family, u8 protocol)
{
	if (type == INET_PING)
		return protocol == (family == INET_AF_INET ? IP_PROTO_ICMP : IP6_NEXTH_ICMP6);
	return true;
}

/*
 * A connection over IPv4 may be of any instance: each gets as many sockets. All else is the first's.
 */
static struct inet_stack *home_for(struct net *net, u16 family, enum inet_type type)
{
	struct inet_common *c = net->inet->common;
	u32 next;

	if (likely(net->inet->alone) || type != INET_TCP || family != INET_AF_INET)
		return net->inet;
	next = READ_ONCE(c->next_home);
	WRITE_ONCE(c->next_home, next + 1);
	return c->shards[next % c->nr_shards];
}

int inet_open(struct net *net, u16 family, enum inet_type type, u8 protocol,
	      const struct inet_ops *ops, void *owner, struct inet_ep **out)
{
	struct inet_stack *s = home_for(net, family, type);
	struct inet_ep *ep;
	int err;

	if (family != INET_AF_INET && family != INET_AF_INET6)
		return -EAFNOSUPPORT;
	if (!can_serve(type, family, protocol))
		return -EPROTONOSUPPORT;
	ep = inet_ep_create(s, family, type, protocol, GFP_KERNEL);
	if (!ep)
		return -ENOMEM;
	ep->ops = ops;
	inet_lock(s);
	err = type == INET_TCP ? tcp_ep_open(ep) : dgram_ep_open(ep);
	if (!err) {
		ep->owner = owner;
		inet_ep_list(ep);
	}
	inet_unlock(s);
	if (err) {
		inet_ep_put(ep);
		return err;
	}
	*out = ep;
	return 0;
}

void inet_set_owner(struct inet_ep *ep, const struct inet_ops *ops, void *owner)
{
	inet_ep_lock(ep);
	ep->ops = ops;
	smp_store_release(&ep->owner, owner);
	inet_unlock(ep->stack);
}

/*
 * Its lock, to end something of it: with it those of all instances where others look at it, too.
 * True: those.
 */
static __always_inline bool lock_to_end(struct inet_ep *ep)
{
	if (likely(!READ_ONCE(ep->listening) && !ep->memberships)) {
		inet_ep_lock(ep);
		if (likely(!ep->listening))
			return false;
		inet_unlock(ep->stack);
	}
	inet_lock_all(ep->stack->net);
	return true;
}

static __always_inline void unlock_ended(struct inet_stack *s, bool all)
{
	if (all)
		inet_unlock_all(s->net);
	else
		inet_unlock(s);
}

void inet_close(struct inet_ep *ep, bool abort)
{
	bool all = lock_to_end(ep);
	struct inet_stack *s = ep->stack;

	WRITE_ONCE(ep->owner, NULL);
	ep->orphan = true;
	inet_ep_drop_page(ep);
	/* Of the first instance, as groups are: group.c. */
	groups_leave_all(ep);
	if (all)
		inet_switch(s);
	if (ep->type == INET_TCP)
		tcp_ep_close(ep, abort);
	else
		dgram_ep_close(ep);
	unlock_ended(s, all);
	inet_ep_put(ep);
}

/* --- binding --- */

/* -EADDRNOTAVAIL unless it is an address of ours, a group, or broadcast. */
static int check_local(const ip_addr_t *ip)
{
	if (ip_addr_isany(ip) || ip_addr_ismulticast(ip))
		return 0;
	return inet_is_local(ip) ? 0 : -EADDRNOTAVAIL;
}

static int bind_locked(struct inet_ep *ep, const struct inet_addr *addr)
{
	ip_addr_t ip;
	int err;

	if (ep->port || ep->connected || ep->listening)
		return -EINVAL;
	if (!inet_to_ip(ep, addr, &ip))
		return addr->family == ep->family ? -EINVAL : -EAFNOSUPPORT;
	err = check_local(&ip);
	if (!err)
		err = port_bind(ep, addr);
	if (err)
		return err;
	err = ep->type == INET_TCP ? tcp_ep_bind(ep, &ip) : dgram_ep_bind(ep, &ip);
	if (!err)
		ep->bound = ep->local;
	else if (ep->port)
		port_release(ep);
	return err;
}

int inet_bind(struct inet_ep *ep, const struct inet_addr *addr)
{
	int err;

	inet_ep_lock(ep);
	err = bind_locked(ep, addr);
	inet_unlock(ep->stack);
	return err;
}

static int connect_tcp(struct inet_ep *ep, const struct inet_addr *addr)
{
	bool all = lock_to_end(ep);
	int err;

	if (all)
		inet_switch(ep->stack);
	err = tcp_ep_connect(ep, addr);
	if (err == TCP_ELSEWHERE) {
		inet_unlock(ep->stack);
		inet_lock_all(ep->stack->net);
		all = true;
		inet_switch(ep->stack);
		err = tcp_ep_connect(ep, addr);
	}
	unlock_ended(ep->stack, all);
	return err;
}

int inet_connect(struct inet_ep *ep, const struct inet_addr *addr)
{
	int err;

	if (ep->type == INET_TCP)
		return connect_tcp(ep, addr);
	inet_lock(ep->stack);
	err = dgram_ep_connect(ep, addr);
	inet_unlock(ep->stack);
	return err;
}

int inet_shutdown(struct inet_ep *ep, u32 how)
{
	bool all = lock_to_end(ep);
	int err = 0;

	if (all)
		inet_switch(ep->stack);
	if (ep->type == INET_TCP)
		err = tcp_ep_shutdown(ep, how);
	else if (!ep->peer.family)
		err = -ENOTCONN;
	else
		ep->shut |= how;
	if (!err)
		inet_fire(ep, INET_EV_READ | INET_EV_WRITE | INET_EV_RDHUP | INET_EV_HUP);
	unlock_ended(ep->stack, all);
	return err;
}

/* --- state --- */

int inet_take_error(struct inet_ep *ep)
{
	return __atomic_exchange_n(&ep->error, 0, __ATOMIC_RELAXED);
}

int inet_local(struct inet_ep *ep, struct inet_addr *out)
{
	inet_ep_lock(ep);
	*out = ep->local;
	inet_unlock(ep->stack);
	return 0;
}

int inet_peer(struct inet_ep *ep, struct inet_addr *out)
{
	int err = 0;

	inet_ep_lock(ep);
	if (ep->peer.family && (ep->type != INET_TCP || (ep->connected && ep->pcb)))
		*out = ep->peer;
	else
		err = -ENOTCONN;
	inet_unlock(ep->stack);
	return err;
}

bool inet_tcp_is_opening(const struct inet_ep *ep)
{
	return READ_ONCE(ep->connecting);
}

bool inet_is_listening(const struct inet_ep *ep)
{
	return READ_ONCE(ep->listening);
}

static u32 poll_urgent(const struct inet_ep *ep)
{
	return (inet_tcp_peekable(ep) ? INET_EV_READ : 0) |
	       (READ_ONCE(ep->urgent) == URGENT_HERE ? INET_EV_URGENT : 0);
}

static u32 poll_tcp(const struct inet_ep *ep)
{
	bool gone = !READ_ONCE(ep->pcb);
	u32 mask = 0;

	if (ep->listening)
		return READ_ONCE(ep->accept_len) ? INET_EV_ACCEPT | INET_EV_READ : 0;
	if (READ_ONCE(ep->connecting))
		return 0;
	if (unlikely(READ_ONCE(ep->urgent)))
		mask |= poll_urgent(ep);
	else if (READ_ONCE(ep->rx_bytes))
		mask |= INET_EV_READ;
	if (READ_ONCE(ep->got_fin) || (ep->shut & INET_SHUT_RD) || gone)
		mask |= INET_EV_READ | INET_EV_RDHUP;
	if (tcp_ep_writeable(ep) || (ep->shut & INET_SHUT_WR) || gone)
		mask |= INET_EV_WRITE;
	/* Never connected, or both directions at their end. */
	if (gone || !ep->connected ||
	    ((ep->got_fin || (ep->shut & INET_SHUT_RD)) && (ep->shut & INET_SHUT_WR)))
		mask |= INET_EV_HUP | (ep->connected ? 0 : INET_EV_WRITE);
	return mask;
}

bool inet_tcp_has_news(const struct inet_ep *ep)
{
	if (READ_ONCE(ep->rx_bytes) || READ_ONCE(ep->error))
		return true;
	return !READ_ONCE(ep->connecting) &&
	       (READ_ONCE(ep->got_fin) || (ep->shut & INET_SHUT_RD) || !READ_ONCE(ep->pcb) || !ep->connected);
}

u32 inet_poll(const struct inet_ep *ep)
{
	u32 mask = READ_ONCE(ep->error) ? INET_EV_ERROR | INET_EV_WRITE : 0;
	u32 notices = READ_ONCE(ep->zc_done) ? INET_EV_ERRQUEUE : 0;

	if (ep->type == INET_TCP)
		return mask | (mask ? INET_EV_READ : 0) | notices | poll_tcp(ep);
	if (READ_ONCE(ep->dgrams_len) || (ep->shut & INET_SHUT_RD))
		mask |= INET_EV_READ;
	if (ep->shut & INET_SHUT_RD)
		mask |= INET_EV_RDHUP;
	if (READ_ONCE(ep->errors_len))
		mask |= INET_EV_ERRQUEUE;
	return mask | notices | INET_EV_WRITE;
}
