/* SPDX-License-Identifier: MIT */
/*
 * AF_PACKET: whole frames of an interface, or of all. SOCK_RAW's begin with the link header,
 * SOCK_DGRAM's behind it, and what is sent gets one made of the address.
 *
 * A bound socket is a tap (net/netdev/netdev.h): every packet passes receive(), which keeps a reference
 * to its bytes if the filter says so and the queue has room. receive() may run in softirq with locks of the
 * stack held; so the queue's lock is a leaf, and readers copy outside of it.
 *
 * A reader takes a packet off the queue; one that only peeks holds read_mutex, so that nobody takes it away.
 *
 * Limit: SOCK_PACKET gives -ESOCKTNOSUPPORT; of the options of SOL_PACKET there are PACKET_AUXDATA,
 * PACKET_STATISTICS and memberships of PACKET_MR_PROMISC, others (PACKET_RX_RING) give -ENOPROTOOPT.
 */
#include <net/filter.h>
#include <net/net.h>
#include <net/netdev/netdev.h>
#include <net/socket.h>
#include <kernel/lib/string.h>
#include <kernel/mm/alloc.h>
#include <kernel/task/cred.h>
#include <arch/uaccess.h>

#define SOL_PACKET	263
enum { PACKET_ADD_MEMBERSHIP = 1, PACKET_DROP_MEMBERSHIP = 2, PACKET_STATISTICS = 6, PACKET_AUXDATA = 8 };
enum { PACKET_MR_PROMISC = 1 };
#define MEMBERSHIPS	8u
enum { TP_STATUS_USER = 1, TP_STATUS_CSUMNOTREADY = 8, TP_STATUS_CSUM_VALID = 128 };

struct sockaddr_ll {
	u16 family, protocol;		/* protocol: network byte order */
	s32 ifindex;
	u16 hatype;
	u8 pkttype, halen, addr[8];
};
#define LL_MIN		12u		/* without the address */

struct packet_mreq {
	s32 ifindex;
	u16 type, alen;
	u8 address[8];
};

struct tpacket_auxdata {
	u32 status, len, snaplen;
	u16 mac, net, vlan_tci, vlan_tpid;
};

struct packet_sock {
	struct socket sk;		/* must be first */
	struct mutex read_mutex;	/* RANK_SOCK_READ */
	struct mutex state_mutex;	/* RANK_SOCK_STATE: binding, filter, end */
	struct netdev_tap tap;		/* state_mutex; constant while it is registered */
	bool registered;		/* state_mutex */
	struct bpf_program *filter;	/* RCU; state_mutex to write */
	u32 auxdata;			/* a word: PACKET_AUXDATA */
	struct netdev *promisc[MEMBERSHIPS];	/* state_mutex: interfaces that it wants all packets of */

	/* Guarded by queue_lock. */
	struct spinlock queue_lock;	/* RANK_SOCK_QUEUE, softirqs off */
	struct list_head queue;		/* struct pkt; control[KEEP] bytes of it are the reader's */
	u32 queued_bytes;		/* against sk.rcvbuf */
	u32 packets, drops;		/* PACKET_STATISTICS */
};
enum { KEEP, CHARGE };			/* in pkt->control, while it is queued */

static const struct socket_ops packet_ops;

static struct packet_sock *packet_of(struct socket *sk)
{
	return container_of(sk, struct packet_sock, sk);
}

/* Bytes in front of what the reader sees. */
static u32 skip_of(const struct packet_sock *p)
{
	return p->sk.type == SOCK_RAW ? 0 : ETH_HLEN;
}

/* --- receiving: from the interface --- */

/* Charged as Linux does: its bytes and the header that holds them. */
static u32 charge_of(const struct pkt *pkt)
{
	return pkt->len + sizeof(*pkt);
}

static void packet_receive(struct netdev_tap *tap, const struct pkt *pkt)
{
	struct packet_sock *p = container_of(tap, struct packet_sock, tap);
	const struct bpf_program *filter = rcu_dereference(p->filter);
	u32 skip = min(skip_of(p), pkt->len), charge = charge_of(pkt);
	u32 keep = filter ? bpf_run(filter, pkt, skip) : U32_MAX;
	struct pkt *copy = NULL;
	bool room;

	if (!keep)
		return;
	if (READ_ONCE(p->queued_bytes) + charge <= READ_ONCE(p->sk.rcvbuf))
		copy = pkt_clone(pkt, GFP_ATOMIC);
	spin_lock_bh(&p->queue_lock);
	p->packets++;
	room = copy && p->queued_bytes + charge <= READ_ONCE(p->sk.rcvbuf);
	if (room) {
		copy->type = pkt->type;
		copy->dev = pkt->dev;
		copy->control[KEEP] = min(keep, pkt->len - skip);
		copy->control[CHARGE] = charge;
		list_add_tail(&copy->node, &p->queue);
		WRITE_ONCE(p->queued_bytes, p->queued_bytes + charge);
	} else {
		p->drops++;
	}
	spin_unlock_bh(&p->queue_lock);
	if (room)
		wake_poll(&p->sk.wait, SOCK_POLL_IN);
	else if (copy)
		pkt_free(copy);
}

/* --- receiving: to the reader --- */

static struct pkt *take_first(struct packet_sock *p, bool peek)
{
	struct pkt *pkt = NULL;

	spin_lock_bh(&p->queue_lock);
	if (!list_empty(&p->queue)) {
		pkt = list_first(&p->queue, struct pkt, node);
		if (!peek) {
			list_del_rcu(&pkt->node);
			WRITE_ONCE(p->queued_bytes, p->queued_bytes - (u32)pkt->control[CHARGE]);
		}
	}
	spin_unlock_bh(&p->queue_lock);
	return pkt;
}

/* n bytes from at on; false: the reader's memory faults. */
static bool copy_out(const struct pkt *pkt, u32 at, u32 n, struct iov_iter *to)
{
	u32 chunk;

	if (at < pkt->linear) {
		chunk = min(n, pkt->linear - at);
		if (copy_to_iter(pkt->data + at, chunk, to) != chunk)
			return false;
		n -= chunk;
		at = 0;
	} else {
		at -= pkt->linear;
	}
	for (u32 i = 0; n && i < pkt->nr_frags; i++) {
		const struct pkt_frag *f = &pkt->frags[i];

		if (at >= f->len) {
			at -= f->len;
			continue;
		}
		chunk = min(n, f->len - at);
		if (copy_page_to_iter(page_address(f->page), f->offset + at, chunk, to) != chunk)
			return false;
		n -= chunk;
		at = 0;
	}
	return true;
}

static void tell_source(const struct packet_sock *p, const struct pkt *pkt, struct sock_msg *m)
{
	const struct ethhdr *eth = (const void *)pkt->data;
	struct sockaddr_ll *ll = (void *)m->name;

	if (!ll)
		return;
	*ll = (struct sockaddr_ll){
		.family = AF_PACKET, .protocol = eth->protocol, .ifindex = pkt->dev->index, .hatype = pkt->dev->type,
		.pkttype = pkt->type, .halen = ETH_ALEN,
	};
	memcpy(ll->addr, eth->src, ETH_ALEN);
	m->name_len = sizeof(*ll);
}

static void tell_auxdata(const struct packet_sock *p, const struct pkt *pkt, struct sock_msg *m)
{
	struct tpacket_auxdata a = {
		.status = TP_STATUS_USER | (pkt->flags & PKT_CSUM_PARTIAL ? TP_STATUS_CSUMNOTREADY : 0) |
			  (pkt->flags & PKT_CSUM_VALID ? TP_STATUS_CSUM_VALID : 0),
		.len = pkt->len - skip_of(p), .snaplen = (u32)pkt->control[KEEP], .net = ETH_HLEN - skip_of(p),
	};

	if (READ_ONCE(p->auxdata))
		cmsg_put(m, SOL_PACKET, PACKET_AUXDATA, &a, sizeof(a));
}

static ssize_t give(struct packet_sock *p, const struct pkt *pkt, struct sock_msg *m)
{
	u32 keep = pkt->control[KEEP];
	u32 n = min_t(size_t, keep, iov_iter_count(m->iter));

	if (!copy_out(pkt, skip_of(p), n, m->iter))
		return -EFAULT;
	if (n < keep)
		m->out_flags |= MSG_TRUNC;
	tell_source(p, pkt, m);
	tell_auxdata(p, pkt, m);
	return m->flags & MSG_TRUNC ? keep : n;
}

static ssize_t packet_recvmsg(struct socket *sk, struct sock_msg *m)
{
	ktime_t left = sock_timeout(READ_ONCE(sk->rcvtimeo), m->flags & MSG_DONTWAIT);
	struct packet_sock *p = packet_of(sk);
	bool peek = m->flags & MSG_PEEK;
	struct pkt *pkt;
	ssize_t n;

	if (m->flags & ~(MSG_PEEK | MSG_DONTWAIT | MSG_TRUNC | MSG_CMSG_COMPAT | MSG_ERRQUEUE))
		return -EINVAL;
	if (m->flags & MSG_ERRQUEUE)
		return -EAGAIN;
	for (;;) {
		n = socket_take_error(sk);
		if (n)
			return n;
		mutex_lock(&p->read_mutex);
		pkt = take_first(p, peek);
		if (pkt)
			break;
		mutex_unlock(&p->read_mutex);
		n = sock_wait_event(&sk->wait, SOCK_POLL_IN, !list_empty(&p->queue) || READ_ONCE(sk->error), &left);
		if (n)
			return n;
	}
	n = give(p, pkt, m);
	mutex_unlock(&p->read_mutex);
	if (!peek)
		pkt_free(pkt);
	return n;
}

/* --- sending --- */

static struct netdev *dev_of(u32 index)
{
	struct netdev *dev;

	rcu_read_lock();
	dev = netdev_by_index(&init_net, index);
	rcu_read_unlock();
	return dev;		/* interfaces do not go away */
}

struct target {
	struct netdev *dev;
	u16 protocol;			/* network byte order */
	u8 mac[ETH_ALEN];
};

static int take_target(struct packet_sock *p, const struct sock_msg *m, struct target *t)
{
	const struct sockaddr_ll *ll = (const void *)m->name;

	*t = (struct target){ .dev = p->tap.dev, .protocol = net16(p->tap.protocol) };
	if (m->name_len) {
		if (m->name_len < LL_MIN || m->name_len < LL_MIN + ll->halen)
			return -EINVAL;
		t->dev = dev_of(ll->ifindex);
		t->protocol = ll->protocol;
		memcpy(t->mac, ll->addr, ETH_ALEN);
	}
	if (!t->dev)
		return -ENXIO;
	return READ_ONCE(t->dev->flags) & IFF_UP ? 0 : -ENETDOWN;
}

/* A packet of these bytes; NULL. */
static struct pkt *make_packet(const u8 *bytes, u32 len)
{
	struct pkt *pkt = pkt_alloc(GFP_KERNEL);
	u32 linear = min(len, (u32)PKT_LINEAR);

	if (!pkt)
		return NULL;
	memcpy(pkt_put(pkt, linear), bytes, linear);
	if (len > linear && !pkt_append_copy(pkt, bytes + linear, len - linear, GFP_KERNEL)) {
		pkt_free(pkt);
		return NULL;
	}
	return pkt;
}

static ssize_t send_frame(struct packet_sock *p, struct sock_msg *m, const struct target *t, u8 *bytes)
{
	u32 head = skip_of(p), len = head + iov_iter_count(m->iter);
	struct ethhdr *eth = (void *)bytes;
	struct pkt *pkt;

	if (head) {
		memcpy(eth->dst, t->mac, ETH_ALEN);
		memcpy(eth->src, t->dev->mac, ETH_ALEN);
		eth->protocol = t->protocol;
	}
	if (copy_from_iter(bytes + head, len - head, m->iter) != len - head)
		return -EFAULT;
	pkt = make_packet(bytes, len);
	if (!pkt)
		return -ENOBUFS;
	pkt->protocol = net16(eth->protocol);
	netdev_transmit(t->dev, pkt);
	netdev_kick(t->dev);
	return len - head;
}

static ssize_t packet_sendmsg(struct socket *sk, struct sock_msg *m)
{
	struct packet_sock *p = packet_of(sk);
	size_t len = iov_iter_count(m->iter);
	struct target t;
	ssize_t n = take_target(p, m, &t);
	u8 *bytes;

	if (n)
		return n;
	if (len > READ_ONCE(t.dev->mtu) + (skip_of(p) ? 0 : ETH_HLEN))
		return -EMSGSIZE;
	if (!skip_of(p) && len < ETH_HLEN)
		return -EINVAL;
	bytes = kmalloc(len + ETH_HLEN, GFP_KERNEL);
	if (!bytes)
		return -ENOBUFS;
	n = send_frame(p, m, &t, bytes);
	kfree(bytes);
	return n;
}

/* --- binding --- */

/* Under state_mutex. */
static void unregister(struct packet_sock *p)
{
	if (p->registered)
		netdev_tap_remove(&init_net, &p->tap);
	p->registered = false;
}

static void listen_to(struct packet_sock *p, struct netdev *dev, u16 protocol)
{
	unregister(p);
	p->tap.dev = dev;
	p->tap.protocol = protocol;
	if (!protocol)
		return;
	netdev_tap_add(&init_net, &p->tap);
	p->registered = true;
}

static int packet_bind(struct socket *sk, const union sock_addr *addr, u32 len)
{
	const struct sockaddr_ll *ll = (const void *)addr;
	struct packet_sock *p = packet_of(sk);
	struct netdev *dev = NULL;

	if (len < sizeof(*ll) || ll->family != AF_PACKET)
		return -EINVAL;
	if (ll->ifindex) {
		dev = dev_of(ll->ifindex);
		if (!dev)
			return -ENODEV;
	}
	mutex_lock(&p->state_mutex);
	listen_to(p, dev, ll->protocol ? net16(ll->protocol) : p->tap.protocol);
	mutex_unlock(&p->state_mutex);
	if (dev && !(READ_ONCE(dev->flags) & IFF_UP))
		socket_set_error(sk, ENETDOWN);
	return 0;
}

static int packet_getname(struct socket *sk, union sock_addr *addr, bool peer)
{
	struct packet_sock *p = packet_of(sk);
	struct sockaddr_ll *ll = (void *)addr;
	const struct netdev *dev = p->tap.dev;

	if (peer)
		return -EOPNOTSUPP;
	*ll = (struct sockaddr_ll){ .family = AF_PACKET, .protocol = net16(p->tap.protocol) };
	if (!dev)
		return LL_MIN;
	ll->ifindex = dev->index;
	ll->hatype = dev->type;
	ll->halen = ETH_ALEN;
	memcpy(ll->addr, dev->mac, ETH_ALEN);
	return LL_MIN + ETH_ALEN;
}

/* --- options --- */

static int packet_attach_filter(struct socket *sk, uaddr_t val, u32 len, bool attach)
{
	struct packet_sock *p = packet_of(sk);
	struct bpf_program *new = NULL, *old;
	int err = attach ? bpf_take(val, len, &new) : 0;

	if (err)
		return err;
	mutex_lock(&p->state_mutex);
	old = p->filter;
	rcu_assign_pointer(p->filter, new);
	mutex_unlock(&p->state_mutex);
	if (old)
		kfree_rcu(old, rcu);
	return attach || old ? 0 : -ENOENT;
}

/* An interface hands up all that it receives while anybody wants that: taps see it, the stack drops others'. */
static void count_promisc(struct netdev *dev, int by)
{
	mutex_lock(&init_net.config_lock);
	dev->promiscuity += by;
	mutex_unlock(&init_net.config_lock);
}

/* Takes a free place, or leaves its own. state_mutex held. */
static int change_membership(struct packet_sock *p, struct netdev *dev, bool add)
{
	for (u32 i = 0; i < MEMBERSHIPS; i++) {
		if (p->promisc[i] != (add ? NULL : dev))
			continue;
		p->promisc[i] = add ? dev : NULL;
		count_promisc(dev, add ? 1 : -1);
		return 0;
	}
	return add ? -ENOBUFS : 0;
}

static int set_membership(struct packet_sock *p, uaddr_t val, u32 len, bool add)
{
	struct packet_mreq m;
	struct netdev *dev;
	int err;

	if (len < sizeof(m))
		return -EINVAL;
	if (copy_from_user(&m, val, sizeof(m)))
		return -EFAULT;
	if (m.type != PACKET_MR_PROMISC)
		return -ENOPROTOOPT;
	dev = dev_of(m.ifindex);
	if (!dev)
		return -ENODEV;
	mutex_lock(&p->state_mutex);
	err = change_membership(p, dev, add);
	mutex_unlock(&p->state_mutex);
	return err;
}

static int packet_setsockopt(struct socket *sk, int level, int name, uaddr_t val, u32 len)
{
	int v;

	if (level == SOL_PACKET && (name == PACKET_ADD_MEMBERSHIP || name == PACKET_DROP_MEMBERSHIP))
		return set_membership(packet_of(sk), val, len, name == PACKET_ADD_MEMBERSHIP);
	if (level != SOL_PACKET || name != PACKET_AUXDATA)
		return -ENOPROTOOPT;
	if (len < sizeof(v))
		return -EINVAL;
	if (get_user(v, val))
		return -EFAULT;
	WRITE_ONCE(packet_of(sk)->auxdata, !!v);
	return 0;
}

static int packet_getsockopt(struct socket *sk, int level, int name, uaddr_t val, uaddr_t ulen)
{
	struct packet_sock *p = packet_of(sk);
	struct { u32 packets, drops; } st;

	if (level != SOL_PACKET)
		return -ENOPROTOOPT;
	switch (name) {
	case PACKET_STATISTICS:		/* since the last time */
		spin_lock_bh(&p->queue_lock);
		st.packets = p->packets;
		st.drops = p->drops;
		p->packets = p->drops = 0;
		spin_unlock_bh(&p->queue_lock);
		return sock_put_option(val, ulen, &st, sizeof(st));
	case PACKET_AUXDATA:
		return sock_put_option(val, ulen, &p->auxdata, sizeof(p->auxdata));
	default:
		return -ENOPROTOOPT;
	}
}

/* --- life --- */

static u32 packet_poll(struct socket *sk, struct file *f, struct poll_table *pt)
{
	struct packet_sock *p = packet_of(sk);

	poll_wait(f, &sk->wait, pt);
	return (list_empty(&p->queue) ? 0 : SOCK_POLL_IN) | (READ_ONCE(sk->error) ? EPOLLERR : 0) | SOCK_POLL_OUT;
}

static long packet_ioctl(struct socket *sk, u32 cmd, uaddr_t arg)
{
	struct packet_sock *p = packet_of(sk);
	int n;

	if (cmd == SIOCOUTQ)
		return put_user(0, arg);
	if (cmd != SIOCINQ)
		return -ENOTTY;
	spin_lock_bh(&p->queue_lock);
	n = list_empty(&p->queue) ? 0 : (int)list_first(&p->queue, struct pkt, node)->control[KEEP];
	spin_unlock_bh(&p->queue_lock);
	return put_user(n, arg);
}

static void packet_release(struct socket *sk)
{
	struct packet_sock *p = packet_of(sk);
	struct pkt *pkt;

	mutex_lock(&p->state_mutex);
	unregister(p);
	for (u32 i = 0; i < MEMBERSHIPS; i++)
		if (p->promisc[i])
			count_promisc(p->promisc[i], -1);
	mutex_unlock(&p->state_mutex);
	while ((pkt = take_first(p, false)))
		pkt_free(pkt);
}

static void packet_free(struct socket *sk)
{
	struct packet_sock *p = packet_of(sk);

	kfree(p->filter);
	kfree(p);
}

static int packet_create(u32 type, u32 protocol, struct socket **out)
{
	struct packet_sock *p;

	if (!capable(CAP_NET_RAW))
		return -EPERM;
	if (type != SOCK_RAW && type != SOCK_DGRAM)
		return -ESOCKTNOSUPPORT;
	p = kzalloc(sizeof(*p), GFP_KERNEL);
	if (!p)
		return -ENOMEM;
	socket_setup(&p->sk, &packet_ops, AF_PACKET, type, protocol);
	mutex_init(&p->read_mutex, RANK_SOCK_READ);
	mutex_init(&p->state_mutex, RANK_SOCK_STATE);
	spin_lock_init(&p->queue_lock, RANK_SOCK_QUEUE);
	list_init(&p->queue);
	p->tap.receive = packet_receive;
	listen_to(p, NULL, net16(protocol));
	*out = &p->sk;
	return 0;
}

SOCKET_FAMILY(packet) = { .family = AF_PACKET, .name = "PACKET", .create = packet_create };

static const struct socket_ops packet_ops = {
	.bind = packet_bind,
	.getname = packet_getname,
	.sendmsg = packet_sendmsg,
	.recvmsg = packet_recvmsg,
	.poll = packet_poll,
	.ioctl = packet_ioctl,
	.setsockopt = packet_setsockopt,
	.getsockopt = packet_getsockopt,
	.attach_filter = packet_attach_filter,
	.release = packet_release,
	.free = packet_free,
};
