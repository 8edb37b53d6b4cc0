/* SPDX-License-Identifier: MIT */
/*
 * AF_PACKET: whole frames of an interface, or of all. SOCK_RAW's begin with the link header,
 * SOCK_DGRAM's behind it, and what is sent gets one made of the address.
 *
 * A bound socket is a tap (net/netdev/netdev.h): every packet that the filter wants passes
 * packet_receive(), which puts it into the ring that user space has mapped (ring.c), or keeps a
 * reference to its bytes if the queue has room. packet_receive() may run in softirq with locks
 * of the stack held; so the queue's lock is a leaf, and readers copy outside of it.
 *
 * A reader takes a packet off the queue; one that only peeks holds read_mutex, so that nobody takes
 * it away.
 *
 * Limit: SOCK_PACKET gives -ESOCKTNOSUPPORT; options of SOL_PACKET that are in no switch here
 * give -ENOPROTOOPT (PACKET_TX_RING, PACKET_FANOUT, PACKET_VNET_HDR), memberships but
 * PACKET_MR_PROMISC as well. PACKET_TIMESTAMP is kept, but devices take no time: stamps are the
 * kernel's.
 */
#include <net/net.h>
#include <net/packet/packet.h>
#include <kernel/lib/string.h>
#include <kernel/mm/alloc.h>
#include <kernel/task/cred.h>
#include <kernel/time/hrtimer.h>
#include <arch/uaccess.h>

enum { PACKET_MR_PROMISC = 1 };
#define SOF_TIMESTAMPING_SOFTWARE	BIT(4)
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

enum { KEEP, CHARGE, IFINDEX, HATYPE };	/* in pkt->control, while it is queued */

static const struct socket_ops packet_ops;

/* --- what is told of a packet --- */

static void describe(const struct pkt *pkt, u32 ifindex, u16 hatype, struct sockaddr_ll *ll)
{
	const struct ethhdr *eth = (const void *)pkt->data;

	*ll = (struct sockaddr_ll){
		.family = AF_PACKET, .protocol = eth->protocol, .ifindex = (s32)ifindex,
		.hatype = hatype, .pkttype = pkt->type, .halen = ETH_ALEN,
	};
	memcpy(ll->addr, eth->src, ETH_ALEN);
}

void packet_describe(const struct pkt *pkt, struct sockaddr_ll *ll)
{
	describe(pkt, pkt->dev->index, pkt->dev->type, ll);
}

u32 packet_status(const struct packet_sock *p, const struct pkt *pkt)
{
	return (pkt->flags & PKT_CSUM_PARTIAL ? TP_STATUS_CSUMNOTREADY : 0) |
	       (pkt->flags & PKT_CSUM_VALID ? TP_STATUS_CSUM_VALID : 0) |
	       (READ_ONCE(p->timestamp) & SOF_TIMESTAMPING_SOFTWARE ? TP_STATUS_TS_SOFTWARE : 0);
}

/* --- receiving: from the interface --- */

/* Charged as Linux does: its bytes and the header that holds them. */
static u32 charge_of(const struct pkt *pkt)
{
	return pkt->len + sizeof(*pkt);
}

/* queue_lock held. False: there is no room. */
static bool queue_add(struct packet_sock *p, const struct pkt *pkt, struct pkt *copy, u32 keep)
{
	u32 charge = charge_of(pkt);

	if (!copy || p->queued_bytes + charge > READ_ONCE(p->sk.rcvbuf))
		return false;
	copy->type = pkt->type;
	copy->dev = NULL;		/* it may go before the packet is read */
	copy->control[IFINDEX] = pkt->dev->index;
	copy->control[HATYPE] = pkt->dev->type;
	copy->control[KEEP] = min(keep, pkt->len - packet_skip(p));
	copy->control[CHARGE] = charge;
	copy->stamp_ns = ktime_real();
	list_add_tail(&copy->node, &p->queue);
	WRITE_ONCE(p->queued_bytes, p->queued_bytes + charge);
	return true;
}

static void packet_receive(struct netdev_tap *tap, const struct pkt *pkt)
{
	struct packet_sock *p = container_of(tap, struct packet_sock, tap);
	const struct bpf_program *filter = rcu_dereference(p->filter);
	u32 skip = min(packet_skip(p), pkt->len);
	u32 keep = filter ? bpf_run_pkt(filter, pkt, skip) : U32_MAX;
	bool fits, wake, arm = false;
	struct packet_ring *ring;
	struct pkt *copy = NULL;

	if (!keep || (pkt->type == PKT_OUTGOING && READ_ONCE(p->ignore_outgoing)))
		return;
	if (!READ_ONCE(p->ring) &&
	    READ_ONCE(p->queued_bytes) + charge_of(pkt) <= READ_ONCE(p->sk.rcvbuf))
		copy = pkt_clone(pkt, GFP_ATOMIC);
	spin_lock_bh(&p->queue_lock);
	p->packets++;
	ring = p->ring;
	wake = false;
	if (ring)
		fits = packet_ring_add(p, pkt, keep, &wake, &arm);
	else
		fits = wake = queue_add(p, pkt, copy, keep);
	p->drops += !fits;
	spin_unlock_bh(&p->queue_lock);
	if (arm)
		packet_ring_arm(ring);
	if (wake)
		wake_poll(&p->sk.wait, SOCK_POLL_IN);
	if (copy && (ring || !fits))
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

static void tell_auxdata(const struct packet_sock *p, const struct pkt *pkt, struct sock_msg *m)
{
	struct tpacket_auxdata a = {
		.status = TP_STATUS_USER | packet_status(p, pkt),
		.len = pkt->len - packet_skip(p), .snaplen = (u32)pkt->control[KEEP],
		.net = ETH_HLEN - packet_skip(p),
	};

	if (READ_ONCE(p->auxdata))
		cmsg_put(m, SOL_PACKET, PACKET_AUXDATA, &a, sizeof(a));
}

static ssize_t give(struct packet_sock *p, const struct pkt *pkt, struct sock_msg *m)
{
	u32 keep = pkt->control[KEEP];
	u32 n = min_t(size_t, keep, iov_iter_count(m->iter));

	if (!copy_out(pkt, packet_skip(p), n, m->iter))
		return -EFAULT;
	if (n < keep)
		m->out_flags |= MSG_TRUNC;
	if (m->name) {
		describe(pkt, (u32)pkt->control[IFINDEX], (u16)pkt->control[HATYPE],
			 (struct sockaddr_ll *)m->name);
		m->name_len = sizeof(struct sockaddr_ll);
	}
	sock_tell_stamp(&p->sk, m, pkt->stamp_ns);
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
		n = sock_wait_event(&sk->wait, SOCK_POLL_IN,
				    !list_empty(&p->queue) || READ_ONCE(sk->error), &left);
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

struct target {
	u32 ifindex;
	u16 protocol;			/* network byte order */
	u8 mac[ETH_ALEN];
};

static int take_target(struct packet_sock *p, const struct sock_msg *m, struct target *t)
{
	const struct sockaddr_ll *ll = (const void *)m->name;

	*t = (struct target){ .ifindex = (u32)READ_ONCE(p->tap.ifindex),
			      .protocol = net16(p->tap.protocol) };
	if (!m->name_len)
		return 0;
	if (m->name_len < LL_MIN || m->name_len < LL_MIN + ll->halen)
		return -EINVAL;
	t->ifindex = (u32)ll->ifindex;
	t->protocol = ll->protocol;
	memcpy(t->mac, ll->addr, ETH_ALEN);
	return 0;
}

/* May so many bytes go there? */
static int check_target(struct packet_sock *p, const struct target *t, size_t len)
{
	const struct netdev *dev;
	int err = 0;

	rcu_read_lock();
	dev = netdev_by_index(p->sk.net, t->ifindex);
	if (!dev)
		err = -ENXIO;
	else if (!(READ_ONCE(dev->flags) & IFF_UP))
		err = -ENETDOWN;
	else if (len > READ_ONCE(dev->mtu) + (packet_skip(p) ? 0 : ETH_HLEN))
		err = -EMSGSIZE;
	rcu_read_unlock();
	return err;
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

/* -ENXIO: it went meanwhile. */
static int transmit(struct packet_sock *p, const struct target *t, struct pkt *pkt)
{
	struct netdev *dev;

	rcu_read_lock();
	dev = netdev_by_index(p->sk.net, t->ifindex);
	if (dev) {
		if (packet_skip(p))
			memcpy(((struct ethhdr *)(void *)pkt->data)->src, dev->mac, ETH_ALEN);
		netdev_transmit(dev, pkt);
		netdev_kick(dev);
	} else {
		pkt_free(pkt);
	}
	rcu_read_unlock();
	return dev ? 0 : -ENXIO;
}

static ssize_t send_frame(struct packet_sock *p, struct sock_msg *m, const struct target *t,
			  u8 *bytes)
{
	u32 head = packet_skip(p), len = head + iov_iter_count(m->iter);
	struct ethhdr *eth = (void *)bytes;
	struct pkt *pkt;

	if (head) {
		memcpy(eth->dst, t->mac, ETH_ALEN);
		eth->protocol = t->protocol;
	}
	if (copy_from_iter(bytes + head, len - head, m->iter) != len - head)
		return -EFAULT;
	pkt = make_packet(bytes, len);
	if (!pkt)
		return -ENOBUFS;
	pkt->protocol = net16(eth->protocol);
	return transmit(p, t, pkt) ? -ENXIO : (ssize_t)(len - head);
}

static ssize_t packet_sendmsg(struct socket *sk, struct sock_msg *m)
{
	struct packet_sock *p = packet_of(sk);
	size_t len = iov_iter_count(m->iter);
	struct target t;
	ssize_t n = take_target(p, m, &t);
	u8 *bytes;

	if (!n)
		n = check_target(p, &t, len);
	if (n)
		return n;
	if (!packet_skip(p) && len < ETH_HLEN)
		return -EINVAL;
	bytes = kmalloc(len + ETH_HLEN, GFP_KERNEL);
	if (!bytes)
		return -ENOBUFS;
	n = send_frame(p, m, &t, bytes);
	kfree(bytes);
	return n;
}

/* --- binding --- */

static void packet_gone(struct netdev_tap *tap)
{
	struct packet_sock *p = container_of(tap, struct packet_sock, tap);

	socket_set_error(&p->sk, ENETDOWN);
	wake_all(&p->sk.wait);
}

static bool is_up(struct net *net, u32 ifindex)
{
	const struct netdev *dev;
	bool up;

	rcu_read_lock();
	dev = netdev_by_index(net, ifindex);
	up = dev && (READ_ONCE(dev->flags) & IFF_UP);
	rcu_read_unlock();
	return up;
}

static int packet_bind(struct socket *sk, const union sock_addr *addr, u32 len)
{
	const struct sockaddr_ll *ll = (const void *)addr;
	struct packet_sock *p = packet_of(sk);
	int err;

	if (len < sizeof(*ll) || ll->family != AF_PACKET)
		return -EINVAL;
	mutex_lock(&p->state_mutex);
	err = netdev_tap_bind(sk->net, &p->tap, (u32)ll->ifindex,
			      ll->protocol ? net16(ll->protocol) : p->tap.protocol);
	mutex_unlock(&p->state_mutex);
	if (!err && ll->ifindex && !is_up(sk->net, (u32)ll->ifindex))
		socket_set_error(sk, ENETDOWN);
	return err;
}

static int packet_getname(struct socket *sk, union sock_addr *addr, bool peer)
{
	struct packet_sock *p = packet_of(sk);
	struct sockaddr_ll *ll = (void *)addr;
	const struct netdev *dev;

	if (peer)
		return -EOPNOTSUPP;
	*ll = (struct sockaddr_ll){ .family = AF_PACKET, .protocol = net16(p->tap.protocol),
				    .ifindex = READ_ONCE(p->tap.ifindex) };
	rcu_read_lock();
	dev = netdev_by_index(sk->net, (u32)ll->ifindex);
	if (dev) {
		ll->hatype = dev->type;
		ll->halen = ETH_ALEN;
		memcpy(ll->addr, dev->mac, ETH_ALEN);
	}
	rcu_read_unlock();
	return LL_MIN + ll->halen;
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

/*
 * An interface hands up all that it receives while anybody wants that: taps see it, the stack
 * drops others'. Takes a free place, or leaves its own. state_mutex held.
 */
static int change_membership(struct packet_sock *p, u32 ifindex, bool add)
{
	for (u32 i = 0; i < PACKET_MEMBERSHIPS; i++) {
		if (p->promisc[i].ifindex != (add ? 0 : ifindex))
			continue;
		if (add)
			return netdev_promisc_begin(p->sk.net, &p->promisc[i], ifindex);
		netdev_promisc_end(&p->promisc[i]);
		return 0;
	}
	return add ? -ENOBUFS : 0;
}

static int set_membership(struct packet_sock *p, uaddr_t val, u32 len, bool add)
{
	struct packet_mreq m;
	int err;

	if (len < sizeof(m))
		return -EINVAL;
	if (copy_from_user(&m, val, sizeof(m)))
		return -EFAULT;
	if (m.type != PACKET_MR_PROMISC)
		return -ENOPROTOOPT;
	mutex_lock(&p->state_mutex);
	err = change_membership(p, (u32)m.ifindex, add);
	mutex_unlock(&p->state_mutex);
	return err;
}

/* What the next ring is like: not while there is one. */
static int set_ring_word(struct packet_sock *p, u32 *word, u32 v)
{
	int err = 0;

	mutex_lock(&p->state_mutex);
	if (p->ring)
		err = -EBUSY;
	else
		*word = v;
	mutex_unlock(&p->state_mutex);
	return err;
}

static int set_number(struct packet_sock *p, int name, u32 v)
{
	switch (name) {
	case PACKET_AUXDATA:
		WRITE_ONCE(p->auxdata, !!v);
		return 0;
	/* there are no interfaces on top of others: it is the one */
	case PACKET_ORIGDEV:
		WRITE_ONCE(p->origdev, !!v);
		return 0;
	case PACKET_IGNORE_OUTGOING:
		if (v > 1)
			return -EINVAL;
		WRITE_ONCE(p->ignore_outgoing, v);
		return 0;
	case PACKET_TIMESTAMP:
		WRITE_ONCE(p->timestamp, v);
		return 0;
	case PACKET_VERSION:
		return packet_ring_header(v) < 0 ? -EINVAL : set_ring_word(p, &p->version, v);
	case PACKET_RESERVE:
		return v > INT_MAX ? -EINVAL : set_ring_word(p, &p->reserve, v);
	default:
		return -ENOPROTOOPT;
	}
}

static int packet_setsockopt(struct socket *sk, int level, int name, uaddr_t val, u32 len)
{
	struct packet_sock *p = packet_of(sk);
	u32 v;

	if (level != SOL_PACKET)
		return -ENOPROTOOPT;
	switch (name) {
	case PACKET_ADD_MEMBERSHIP:
	case PACKET_DROP_MEMBERSHIP:
		return set_membership(p, val, len, name == PACKET_ADD_MEMBERSHIP);
	case PACKET_RX_RING:
		return packet_ring_set(p, val, len);
	case PACKET_AUXDATA:
	case PACKET_ORIGDEV:
	case PACKET_IGNORE_OUTGOING:
	case PACKET_TIMESTAMP:
	case PACKET_VERSION:
	case PACKET_RESERVE:
		if (len < sizeof(v))
			return -EINVAL;
		return get_user(v, val) ? -EFAULT : set_number(p, name, v);
	default:
		return -ENOPROTOOPT;
	}
}

/* Since the last time; of a ring of blocks also how often it was found full. */
static int get_statistics(struct packet_sock *p, uaddr_t val, uaddr_t ulen)
{
	struct { u32 packets, drops, freezes; } st;
	bool blocks;

	spin_lock_bh(&p->queue_lock);
	st.packets = p->packets;
	st.drops = p->drops;
	st.freezes = p->freezes;
	p->packets = p->drops = p->freezes = 0;
	spin_unlock_bh(&p->queue_lock);
	blocks = READ_ONCE(p->version) == 2;
	return sock_put_option(val, ulen, &st, blocks ? sizeof(st) : 2 * sizeof(u32));
}

/* The value that comes in names the version. */
static int get_header_len(uaddr_t val, uaddr_t ulen)
{
	s32 room, version, len;

	if (get_user(room, ulen))
		return -EFAULT;
	if (room < (s32)sizeof(version))
		return -EINVAL;
	if (get_user(version, val))
		return -EFAULT;
	len = packet_ring_header((u32)version);
	return len < 0 ? len : sock_put_option(val, ulen, &len, sizeof(len));
}

static int packet_getsockopt(struct socket *sk, int level, int name, uaddr_t val, uaddr_t ulen)
{
	struct packet_sock *p = packet_of(sk);
	u32 v;

	if (level != SOL_PACKET)
		return -ENOPROTOOPT;
	switch (name) {
	case PACKET_STATISTICS:		return get_statistics(p, val, ulen);
	case PACKET_HDRLEN:		return get_header_len(val, ulen);
	case PACKET_AUXDATA:		v = READ_ONCE(p->auxdata); break;
	case PACKET_ORIGDEV:		v = READ_ONCE(p->origdev); break;
	case PACKET_IGNORE_OUTGOING:	v = READ_ONCE(p->ignore_outgoing); break;
	case PACKET_TIMESTAMP:		v = READ_ONCE(p->timestamp); break;
	case PACKET_VERSION:		v = READ_ONCE(p->version); break;
	case PACKET_RESERVE:		v = READ_ONCE(p->reserve); break;
	default:			return -ENOPROTOOPT;
	}
	return sock_put_option(val, ulen, &v, sizeof(v));
}

/* --- life --- */

static u32 packet_poll(struct socket *sk, struct file *f, struct poll_table *pt)
{
	struct packet_sock *p = packet_of(sk);

	bool readable;

	poll_wait(f, &sk->wait, pt);
	spin_lock_bh(&p->queue_lock);
	readable = p->ring ? packet_ring_readable(p->ring) : !list_empty(&p->queue);
	spin_unlock_bh(&p->queue_lock);
	return (readable ? SOCK_POLL_IN : 0) | (READ_ONCE(sk->error) ? EPOLLERR : 0) |
	       SOCK_POLL_OUT;
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

static void packet_meminfo(struct socket *sk, struct sock_memory *m)
{
	struct packet_sock *p = packet_of(sk);

	m->rmem = READ_ONCE(p->queued_bytes);
	m->drops = READ_ONCE(p->drops);
}

static void packet_release(struct socket *sk)
{
	struct packet_sock *p = packet_of(sk);
	struct pkt *pkt;

	packet_list_remove(p);
	mutex_lock(&p->state_mutex);
	netdev_tap_remove(&p->tap);
	for (u32 i = 0; i < PACKET_MEMBERSHIPS; i++)
		if (p->promisc[i].ifindex)
			netdev_promisc_end(&p->promisc[i]);
	packet_ring_destroy(p->ring);
	p->ring = NULL;
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
	socket_setup(&p->sk, current_net(), &packet_ops, AF_PACKET, type, protocol);
	mutex_init(&p->read_mutex, RANK_SOCK_READ);
	mutex_init(&p->state_mutex, RANK_SOCK_STATE);
	spin_lock_init(&p->queue_lock, RANK_SOCK_QUEUE);
	list_init(&p->queue);
	p->tap.receive = packet_receive;
	p->tap.gone = packet_gone;
	packet_list_add(p);
	*out = &p->sk;
	return netdev_tap_bind(p->sk.net, &p->tap, 0, net16(protocol));
}

SOCKET_FAMILY(packet) = { .family = AF_PACKET, .name = "PACKET", .create = packet_create,
			  .diag = packet_diag };

static const struct socket_ops packet_ops = {
	.bind = packet_bind,
	.getname = packet_getname,
	.sendmsg = packet_sendmsg,
	.recvmsg = packet_recvmsg,
	.poll = packet_poll,
	.ioctl = packet_ioctl,
	.mmap = packet_ring_mmap,
	.meminfo = packet_meminfo,
	.setsockopt = packet_setsockopt,
	.getsockopt = packet_getsockopt,
	.attach_filter = packet_attach_filter,
	.release = packet_release,
	.free = packet_free,
};
