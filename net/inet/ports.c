/* SPDX-License-Identifier: MIT */
/*
 * Which endpoints are bound to which port. lwIP is always given a port: what may share one,
 * and which is free, is decided here.
 *
 * Hash tables by type and number; an entry lists the endpoints on its port, connections of a
 * listener and those in TIME_WAIT included. TCP's is one for all instances of a namespace and
 * guarded by ports_lock, under which another endpoint's address and what it said of sharing are
 * read; all others' endpoints are of the first instance, whose lock guards theirs. Listeners come
 * and go with the locks of all instances held.
 *
 * Two endpoints may share a port if no packet could mean both: different interfaces or
 * addresses; or if both said SO_REUSEPORT; or both SO_REUSEADDR and the other does not listen.
 */
#include <kernel/lib/random.h>
#include <kernel/lib/string.h>
#include <net/inet/ep.h>
#include <net/port/hooks.h>
#include <lwip/udp.h>

/* Ports given out by chance: Linux's default ip_local_port_range. */
#define EPHEMERAL_FIRST	32768
#define EPHEMERAL_LAST	60999

struct inet_port {
	struct inet_port *next;		/* in its bucket */
	struct list_head eps;		/* by port_node */
	struct list_head listeners;	/* of those, TCP's that listen; by accept_node */
	u16 number;			/* host byte order */
	u8 type;			/* enum inet_type */
};

/* TCP: where the flow to a peer would have to live; NULL: anywhere. */
struct flow {
	const ip_addr_t *local, *remote;
	u16 remote_port;		/* host byte order */
};

static void lock_table(const struct inet_ep *ep)
{
	if (ep->type == INET_TCP)
		tcp_ports_lock(ep->stack);
}

static void unlock_table(const struct inet_ep *ep)
{
	if (ep->type == INET_TCP)
		tcp_ports_unlock(ep->stack);
}

static struct inet_port **bucket_of(struct inet_stack *s, u8 type, u16 number)
{
	if (type == INET_TCP)
		return &s->common->tcp_ports[number % INET_TCP_BUCKETS];
	return &s->common->dgram_ports[(number ^ type << 8) % INET_DGRAM_BUCKETS];
}

static struct inet_port *find(struct inet_stack *s, u8 type, u16 number)
{
	struct inet_port *p = *bucket_of(s, type, number);

	while (p && (p->number != number || p->type != type))
		p = p->next;
	return p;
}

/* What an endpoint gets of IPv4: nothing, every address, or one. */
static bool takes_v4(const struct inet_ep *ep, const struct inet_addr *a, const u8 **addr)
{
	static const u8 any[4];

	*addr = any;
	if (a->family == INET_AF_INET)
		*addr = a->v4;
	else if (inet_addr_is_mapped(a))
		*addr = a->v6 + 12;
	else
		return inet_addr_is_any(a) && !ep->v6only;
	return true;
}

static bool is_any4(const u8 *a)
{
	return !(a[0] | a[1] | a[2] | a[3]);
}

static bool overlap_v4(const struct inet_ep *a, const struct inet_addr *aa, const struct inet_ep *b)
{
	const u8 *x, *y;

	if (!takes_v4(a, aa, &x) || !takes_v4(b, &b->local, &y))
		return false;
	return is_any4(x) || is_any4(y) || !memcmp(x, y, 4);
}

static bool overlap_v6(const struct inet_addr *a, const struct inet_addr *b)
{
	if (a->family != INET_AF_INET6 || b->family != INET_AF_INET6)
		return false;
	if (inet_addr_is_mapped(a) || inet_addr_is_mapped(b))
		return false;
	return inet_addr_is_any(a) || inet_addr_is_any(b) ||
	       (!memcmp(a->v6, b->v6, 16) && a->scope == b->scope);
}

static bool conflicts(const struct inet_ep *ep, const struct inet_addr *addr,
		      const struct inet_ep *other)
{
	if (other == ep || (ep->device && other->device && ep->device != other->device))
		return false;
	if (ep->reuse_port && other->reuse_port)
		return false;
	if (ep->reuse_addr && other->reuse_addr && !other->listening)
		return false;
	return overlap_v4(ep, addr, other) || overlap_v6(addr, &other->local);
}

/* The table's lock is held. */
static bool is_taken(const struct inet_ep *ep, const struct inet_addr *addr)
{
	struct inet_port *p = find(ep->stack, ep->type, net16(addr->port));
	struct inet_ep *o;

	if (!p)
		return false;
	list_for_each(o, &p->eps, port_node)
		if (conflicts(ep, addr, o))
			return true;
	return false;
}

bool port_conflicts(const struct inet_ep *ep, const struct inet_addr *addr)
{
	bool taken;

	lock_table(ep);
	taken = is_taken(ep, addr);
	unlock_table(ep);
	return taken;
}

static bool takes(const struct udp_pcb *pcb, const ip_addr_t *to, u32 ifindex)
{
	if (pcb->netif_idx && pcb->netif_idx != ifindex)
		return false;
	if (IP_IS_ANY_TYPE_VAL(pcb->local_ip))
		return true;
	return IP_IS_V6(&pcb->local_ip) == IP_IS_V6(to) &&
	       (ip_addr_isany(&pcb->local_ip) || ip_addr_eq(&pcb->local_ip, to));
}

static bool is_peer(const struct udp_pcb *pcb, const ip_addr_t *from, u16 from_port)
{
	return pcb->remote_port == from_port &&
	       (ip_addr_isany(&pcb->remote_ip) || ip_addr_eq(&pcb->remote_ip, from));
}

struct inet_ep *port_receiver(struct inet_stack *s, const ip_addr_t *to, u16 to_port,
			      const ip_addr_t *from, u16 from_port, u32 ifindex)
{
	struct inet_port *p = find(s, INET_UDP, to_port);
	struct inet_ep *ep, *open = NULL;

	if (!p)
		return NULL;
	/*
	 * Connected to the sender; else bound to the address;
	 * else to all. Of equals the last that came.
	 */
	list_for_each(ep, &p->eps, port_node) {
		if (!takes(ep->udp, to, ifindex))
			continue;
		if (ep->udp->flags & UDP_FLAGS_CONNECTED) {
			if (is_peer(ep->udp, from, from_port))
				return ep;
		} else if (!open || ip_addr_isany(&open->udp->local_ip) ||
			   !ip_addr_isany(&ep->udp->local_ip)) {
			open = ep;
		}
	}
	/* Who shares a port is found by inet_udp_share(), for the packet. */
	return open && open->reuse_port ? NULL : open;
}

static int join(struct inet_ep *ep, u16 number)
{
	struct inet_port *p = find(ep->stack, ep->type, number), **bucket;

	if (!p) {
		p = kmalloc(sizeof(*p), GFP_ATOMIC);
		if (!p)
			return -ENOMEM;
		bucket = bucket_of(ep->stack, ep->type, number);
		*p = (struct inet_port){ .next = *bucket, .number = number, .type = ep->type };
		list_init(&p->eps);
		list_init(&p->listeners);
		*bucket = p;
	}
	list_add_tail(&ep->port_node, &p->eps);
	ep->port = p;
	return 0;
}

struct list_head *port_listeners(struct inet_stack *s, u16 number)
{
	struct inet_port *p = find(s, INET_TCP, number);

	return p ? &p->listeners : NULL;
}

static bool is_here(const struct inet_ep *ep, const struct flow *f, u16 number)
{
	return !f || inet_shard_of(ep->stack->common, f->local, number, f->remote, f->remote_port) ==
		     ep->stack;
}

/* A number nobody uses; 0: none. */
static u16 choose(const struct inet_ep *ep, const struct flow *f)
{
	u32 range = EPHEMERAL_LAST - EPHEMERAL_FIRST + 1, start = (u32)random_u64() % range;

	for (u32 i = 0; i < range; i++) {
		u16 number = (u16)(EPHEMERAL_FIRST + (start + i) % range);

		if (is_here(ep, f, number) && !find(ep->stack, ep->type, number))
			return number;
	}
	return f ? choose(ep, NULL) : 0;
}

static int bind_locked(struct inet_ep *ep, const struct inet_addr *addr)
{
	u16 number = net16(addr->port);
	int err;

	if (number) {
		if (is_taken(ep, addr))
			return -EADDRINUSE;
	} else {
		number = choose(ep, NULL);
		if (!number)
			return -EADDRINUSE;
	}
	err = join(ep, number);
	if (err)
		return err;
	ep->local = *addr;
	ep->local.port = net16(number);
	return 0;
}

int port_bind(struct inet_ep *ep, const struct inet_addr *addr)
{
	int err;

	if (ep->type == INET_RAW) {
		ep->local = *addr;
		return 0;
	}
	lock_table(ep);
	err = bind_locked(ep, addr);
	unlock_table(ep);
	return err;
}

static int bind_any(struct inet_ep *ep, const struct flow *f)
{
	int err = -EADDRNOTAVAIL;
	u16 number;

	if (ep->port || ep->type == INET_RAW)
		return 0;
	lock_table(ep);
	number = choose(ep, f);
	if (number)
		err = join(ep, number);
	if (!err)
		ep->local.port = net16(number);
	unlock_table(ep);
	return err;
}

int port_bind_any(struct inet_ep *ep)
{
	return bind_any(ep, NULL);
}

int port_bind_for(struct inet_ep *ep, const ip_addr_t *local, const ip_addr_t *remote,
		  u16 remote_port)
{
	const struct flow f = { local, remote, remote_port };

	return bind_any(ep, ep->stack->alone ? NULL : &f);
}

void port_share(struct inet_ep *child, struct inet_ep *listener)
{
	lock_table(child);
	child->port = listener->port;
	list_add_tail(&child->port_node, &child->port->eps);
	unlock_table(child);
}

void port_release(struct inet_ep *ep)
{
	struct inet_port *p = ep->port;

	lock_table(ep);
	list_del(&ep->port_node);
	ep->port = NULL;
	if (list_empty(&p->eps)) {
		struct inet_port **at = bucket_of(ep->stack, p->type, p->number);

		while (*at != p)
			at = &(*at)->next;
		*at = p->next;
		kfree(p);
	}
	unlock_table(ep);
}

/* Another's share of the datagrams that would come to ep? here: of those for this CPU's packets. */
static bool shares(const struct inet_ep *ep, const struct inet_ep *with, bool here)
{
	return ep->reuse_port && !ep->peer.family && ep->family == with->family &&
	       ep->device == with->device &&
	       ip_addr_eq(&ep->udp->local_ip, &with->udp->local_ip) &&
	       (!here || ep->incoming_cpu == (s32)cpu_id());
}

static u32 count_sharers(const struct inet_ep *with, bool here)
{
	struct inet_ep *ep;
	u32 n = 0;

	list_for_each(ep, &with->port->eps, port_node)
		n += shares(ep, with, here);
	return n;
}

struct udp_pcb *inet_udp_share(struct udp_pcb *pcb, u16 remote_port)
{
	struct inet_ep *ep = pcb ? pcb->recv_arg : NULL, *other;
	bool here = true;
	u32 n;

	if (!ep || !ep->reuse_port)
		return pcb;
	n = count_sharers(ep, true);
	if (!n) {
		here = false;
		n = count_sharers(ep, false);
	}
	n = (u32)((u64)inet_flow_hash(ep->stack, pcb->local_port, remote_port) * n >> 32);
	list_for_each(other, &ep->port->eps, port_node)
		if (shares(other, ep, here) && !n--)
			return other->udp;
	return pcb;
}
