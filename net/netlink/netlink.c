/* SPDX-License-Identifier: MIT */
/*
 * Netlink sockets: requests to the kernel, and its answers.
 *
 * A request is carried out inside sendmsg(2); its answer is in the socket's queue when that
 * returns. A dump is made in one go and cut into datagrams of whole messages, small enough
 * for the buffers that programs use. Who joins a group is told of changes.
 *
 * A socket's port number names it: the process's own number for the first, others below zero.
 *
 * Limit: of the protocols there are NETLINK_ROUTE and NETLINK_SOCK_DIAG. Programs cannot send
 * to each other. The options of SOL_NETLINK are NETLINK_ADD_MEMBERSHIP, NETLINK_DROP_MEMBERSHIP
 * and NETLINK_CAP_ACK.
 */
#include <net/netlink/netlink.h>
#include <kernel/lib/string.h>
#include <kernel/mm/alloc.h>
#include <kernel/task/cred.h>
#include <kernel/task/pid.h>
#include <arch/uaccess.h>

#define SOL_NETLINK	270
enum { NETLINK_ADD_MEMBERSHIP = 1, NETLINK_DROP_MEMBERSHIP, NETLINK_CAP_ACK = 10 };
#define GROUPS		32u
#define DATAGRAM_MAX	4096u		/* of several messages; programs read with 8 KiB and more */
#define REQUEST_MAX	65536u
#define ANSWER_FIRST	8192u		/* room for an answer at first */
#define ANSWER_MAX	(32u << 20)

struct sockaddr_nl {
	u16 family, pad;
	u32 port, groups;
};

struct nl_packet {
	struct list_head node;
	u32 len;
	u8 data[] __aligned(4);
};

static const struct socket_ops netlink_ops;
static DEFINE_SPINLOCK(sockets_lock, RANK_SOCK_TABLE);
static LIST_HEAD(all_sockets);

static struct netlink_sock *netlink_of(struct socket *sk)
{
	return container_of(sk, struct netlink_sock, sk);
}

/* --- making messages --- */

/* len bytes, zeroed, or NULL; counted in any case. */
static void *reserve(struct nl_out *o, u32 len)
{
	u32 at = o->len;

	o->len += NL_ALIGN(len);
	if (o->len > o->size)
		return NULL;
	memset(o->data + at, 0, NL_ALIGN(len));
	return o->data + at;
}

void *nl_begin(struct nl_out *o, u16 type, u32 payload)
{
	struct nlmsghdr *h;

	o->message = o->len;
	h = reserve(o, sizeof(*h) + payload);
	if (!h)
		return NULL;
	*h = (struct nlmsghdr){ .type = type, .flags = o->flags, .seq = o->seq, .pid = o->pid };
	return h + 1;
}

void nl_end(struct nl_out *o)
{
	if (o->len <= o->size)
		((struct nlmsghdr *)(o->data + o->message))->len = o->len - o->message;
}

void nl_put(struct nl_out *o, u16 type, const void *data, u32 len)
{
	struct nlattr *a = reserve(o, sizeof(*a) + len);

	if (!a)
		return;
	*a = (struct nlattr){ sizeof(*a) + len, type };
	if (len)
		memcpy(a + 1, data, len);
}

u32 nl_nest_begin(struct nl_out *o, u16 type)
{
	u32 at = o->len;

	nl_put(o, type, NULL, 0);
	return at;
}

void nl_nest_end(struct nl_out *o, u32 nest)
{
	if (o->len <= o->size)
		((struct nlattr *)(o->data + nest))->len = o->len - nest;
}

/* --- reading them --- */

int nl_parse_nested(struct nl_in *in, const void *attributes, u32 len)
{
	memset(in, 0, sizeof(*in));
	for (u32 at = 0; at < len && len - at >= sizeof(struct nlattr);) {
		const struct nlattr *a = (const void *)((const u8 *)attributes + at);

		if (a->len < sizeof(*a) || a->len > len - at)
			return -EINVAL;
		if ((a->type & NLA_TYPE_MASK) < NL_ATTRS)
			in->attr[a->type & NLA_TYPE_MASK] = a;
		at += NL_ALIGN(a->len);
	}
	return 0;
}

int nl_parse(struct nl_in *in, const struct nlmsghdr *h, u32 payload)
{
	u32 at = sizeof(*h) + NL_ALIGN(payload);
	int err;

	if (h->len < sizeof(*h) + payload)
		return -EINVAL;
	err = nl_parse_nested(in, (const u8 *)h + at, h->len > at ? h->len - at : 0);
	in->h = h;
	in->payload = h + 1;
	return err;
}

const void *nl_attr(const struct nl_in *in, u16 type, u32 len)
{
	const struct nlattr *a = in->attr[type];

	return a && a->len >= sizeof(*a) + len ? a + 1 : NULL;
}

/* --- the queue --- */

static void queue_packet(struct netlink_sock *n, struct nl_packet *p)
{
	spin_lock(&n->sk.lock);
	list_add_tail(&p->node, &n->queue);
	n->queued += p->len;
	spin_unlock(&n->sk.lock);
	wake_poll(&n->sk.wait, SOCK_POLL_IN);
}

/* One datagram of these bytes. False: no memory, and the reader learns that something is lost. */
static bool queue_bytes(struct netlink_sock *n, const void *data, u32 len)
{
	struct nl_packet *p = kmalloc(sizeof(*p) + len, GFP_KERNEL);

	if (!p) {
		socket_set_error(&n->sk, ENOBUFS);
		return false;
	}
	p->len = len;
	memcpy(p->data, data, len);
	queue_packet(n, p);
	return true;
}

/* Whole messages, as many to a datagram as go into DATAGRAM_MAX. */
static void queue_messages(struct netlink_sock *n, const u8 *data, u32 len)
{
	u32 begin = 0, end = 0;

	while (end < len) {
		u32 next = end + NL_ALIGN(((const struct nlmsghdr *)(data + end))->len);

		if (next - begin > DATAGRAM_MAX && end > begin) {
			if (!queue_bytes(n, data + begin, end - begin))
				return;
			begin = end;
		}
		end = next;
	}
	if (end > begin)
		(void)queue_bytes(n, data + begin, end - begin);
}

static struct nl_packet *take_first(struct netlink_sock *n, bool peek)
{
	struct nl_packet *p = NULL;

	spin_lock(&n->sk.lock);
	if (!list_empty(&n->queue)) {
		p = list_first(&n->queue, struct nl_packet, node);
		if (!peek) {
			list_del_rcu(&p->node);
			n->queued -= p->len;
		}
	}
	spin_unlock(&n->sk.lock);
	return p;
}

/* --- requests --- */

static void acknowledge(struct netlink_sock *n, const struct nlmsghdr *h, int err)
{
	u32 copied = err && !READ_ONCE(n->cap_ack) ? h->len : sizeof(*h);
	u32 len = sizeof(*h) + sizeof(s32) + copied;
	struct nlmsghdr *out = kmalloc(NL_ALIGN(len), GFP_KERNEL | GFP_ZERO);

	if (!out) {
		socket_set_error(&n->sk, ENOBUFS);
		return;
	}
	*out = (struct nlmsghdr){ len, NLMSG_ERROR, copied < h->len ? 0x100 : 0, h->seq, n->port };
	*(s32 *)(out + 1) = err;
	memcpy((u8 *)(out + 1) + sizeof(s32), h, copied);
	(void)queue_bytes(n, out, NL_ALIGN(len));
	kfree(out);
}

/* Makes an answer with as much room as it takes, and queues it. */
static int answer(struct netlink_sock *n, const struct nl_request *r)
{
	struct nl_out o = { .size = ANSWER_FIRST };
	int err;

	/* Who reads nothing gets no more. */
	if (READ_ONCE(n->queued) > READ_ONCE(n->sk.rcvbuf))
		return -ENOBUFS;
	for (;;) {
		o.data = kvmalloc(o.size, GFP_KERNEL);
		if (!o.data)
			return -ENOBUFS;
		o.len = 0;
		o.seq = r->h->seq;
		o.pid = n->port;
		o.flags = r->dump ? NLM_F_MULTI : 0;
		err = n->protocol->answer(r, &o);
		if (!err && r->dump) {
			s32 *status = nl_begin(&o, NLMSG_DONE, sizeof(*status));

			if (status)
				*status = 0;
			nl_end(&o);
		}
		if (err || o.len <= o.size || o.size >= ANSWER_MAX)
			break;
		kvfree(o.data);
		o.size = max(2 * o.size, ALIGN_UP(o.len, 4096u));
	}
	if (!err && o.len > o.size)
		err = -ENOBUFS;
	if (!err)
		queue_messages(n, o.data, o.len);
	kvfree(o.data);
	return err;
}

static void carry_out(struct netlink_sock *n, const struct nlmsghdr *h)
{
	struct nl_request r = { .net = n->sk.net, .h = h };
	int err;

	if (!(h->flags & NLM_F_REQUEST))
		return;
	if (h->type < NLMSG_MIN_TYPE) {
		if (h->flags & NLM_F_ACK)
			acknowledge(n, h, 0);
		return;
	}
	if (n->protocol->is_get(h->type)) {
		r.dump = h->flags & NLM_F_DUMP;
		err = answer(n, &r);
		if (!err && r.dump)
			return;
	} else {
		err = capable(CAP_NET_ADMIN) ? n->protocol->change(&r) : -EPERM;
	}
	if (err || (h->flags & NLM_F_ACK))
		acknowledge(n, h, err);
}

static void carry_out_all(struct netlink_sock *n, const u8 *data, u32 len)
{
	while (len >= sizeof(struct nlmsghdr)) {
		const struct nlmsghdr *h = (const void *)data;

		if (h->len < sizeof(*h) || h->len > len)
			return;
		carry_out(n, h);
		data += min(NL_ALIGN(h->len), len);
		len -= min(NL_ALIGN(h->len), len);
	}
}

/* --- port numbers --- */

/* Each namespace and protocol has its own. */
static bool port_is_taken_locked(const struct netlink_sock *asker, u32 port)
{
	struct netlink_sock *n;

	list_for_each(n, &all_sockets, node)
		if (n->sk.net == asker->sk.net && n->protocol == asker->protocol &&
		    n->port == port)
			return true;
	return false;
}

/* 0: one that is free. -EADDRINUSE. */
static int set_port(struct netlink_sock *n, u32 port)
{
	static u32 last = -4096;	/* sockets_lock */
	u32 own = process_tgid(current_process());
	int err = 0;

	spin_lock(&sockets_lock);
	if (!port)
		for (port = own; port_is_taken_locked(n, port); port = --last)
			;
	else if (port_is_taken_locked(n, port))
		err = -EADDRINUSE;
	if (!err)
		n->port = port;
	spin_unlock(&sockets_lock);
	return err;
}

static int netlink_bind(struct socket *sk, const union sock_addr *addr, u32 len)
{
	const struct sockaddr_nl *a = (const void *)addr;
	struct netlink_sock *n = netlink_of(sk);
	int err = 0;

	if (len < sizeof(*a) || a->family != AF_NETLINK)
		return -EINVAL;
	if (n->port && a->port && a->port != n->port)
		return -EINVAL;
	if (!n->port)
		err = set_port(n, a->port);
	if (err)
		return err;
	spin_lock(&sockets_lock);
	n->groups = a->groups;
	spin_unlock(&sockets_lock);
	return 0;
}

/* To the kernel: nobody else can be sent to. */
static int netlink_connect(struct socket *sk, const union sock_addr *addr, u32 len, u32 flags)
{
	const struct sockaddr_nl *a = (const void *)addr;
	struct netlink_sock *n = netlink_of(sk);

	if (len < sizeof(a->family))
		return -EINVAL;
	if (a->family == AF_UNSPEC)
		return 0;
	if (len < sizeof(*a) || a->family != AF_NETLINK)
		return -EINVAL;
	if (a->port || a->groups)
		return -EPERM;
	return n->port ? 0 : set_port(n, 0);
}

static int netlink_getname(struct socket *sk, union sock_addr *addr, bool peer)
{
	struct netlink_sock *n = netlink_of(sk);
	struct sockaddr_nl *a = (void *)addr;

	*a = (struct sockaddr_nl){ .family = AF_NETLINK };
	if (!peer) {
		a->port = n->port;
		a->groups = n->groups;
	}
	return sizeof(*a);
}

/* --- transfer --- */

static ssize_t netlink_sendmsg(struct socket *sk, struct sock_msg *m)
{
	const struct sockaddr_nl *a = (const void *)m->name;
	struct netlink_sock *n = netlink_of(sk);
	size_t len = iov_iter_count(m->iter);
	int err = 0;
	u8 *data;

	if (m->flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (m->name_len && (m->name_len < sizeof(*a) || a->family != AF_NETLINK))
		return -EINVAL;
	if (m->name_len && (a->port || a->groups))
		return a->groups ? -EPERM : -ECONNREFUSED;
	if (!n->port)
		err = set_port(n, 0);
	if (err)
		return err;
	if (len > min(REQUEST_MAX, READ_ONCE(sk->sndbuf) - 32))
		return -EMSGSIZE;
	data = kmalloc(len, GFP_KERNEL);
	if (!data)
		return -ENOBUFS;
	if (copy_from_iter(data, len, m->iter) != len)
		err = -EFAULT;
	else
		carry_out_all(n, data, len);
	kfree(data);
	return err ? err : (ssize_t)len;
}

static ssize_t netlink_recvmsg(struct socket *sk, struct sock_msg *m)
{
	ktime_t left = sock_timeout(READ_ONCE(sk->rcvtimeo), m->flags & MSG_DONTWAIT);
	struct netlink_sock *n = netlink_of(sk);
	bool peek = m->flags & MSG_PEEK;
	struct nl_packet *p;
	ssize_t len;

	if (m->flags & MSG_OOB)
		return -EOPNOTSUPP;
	for (;;) {
		len = socket_take_error(sk);
		if (len)
			return len;
		mutex_lock(&n->read_mutex);
		p = take_first(n, peek);
		if (p)
			break;
		mutex_unlock(&n->read_mutex);
		len = sock_wait_event(&sk->wait, SOCK_POLL_IN,
				      !list_empty(&n->queue) || READ_ONCE(sk->error), &left);
		if (len)
			return len;
	}
	len = min_t(size_t, p->len, iov_iter_count(m->iter));
	if (copy_to_iter(p->data, len, m->iter) != (size_t)len)
		len = -EFAULT;
	else if (len < p->len)
		m->out_flags |= MSG_TRUNC;
	if (len >= 0 && (m->flags & MSG_TRUNC))
		len = p->len;
	mutex_unlock(&n->read_mutex);
	if (m->name) {
		*(struct sockaddr_nl *)m->name = (struct sockaddr_nl){ .family = AF_NETLINK };
		m->name_len = sizeof(struct sockaddr_nl);
	}
	if (!peek)
		kfree(p);
	return len;
}

/* --- groups --- */

struct target {
	struct netlink_sock *n;
	struct target *next;
};

/*
 * The members of a namespace's group of NETLINK_ROUTE that have a port, with references; where
 * memory fails, fewer, and those learn it.
 */
static struct target *members(const struct net *net, u32 group)
{
	struct target *list = NULL, *t;
	struct netlink_sock *n;

	spin_lock(&sockets_lock);
	list_for_each(n, &all_sockets, node) {
		if (n->sk.net != net || n->protocol != &nl_route || !n->port ||
		    !(n->groups & BIT(group - 1)))
			continue;
		t = kmalloc(sizeof(*t), GFP_ATOMIC);
		if (!t || !socket_get_live(&n->sk)) {
			kfree(t);
			socket_set_error(&n->sk, ENOBUFS);
			continue;
		}
		t->n = n;
		t->next = list;
		list = t;
	}
	spin_unlock(&sockets_lock);
	return list;
}

void netlink_notify(struct net *net, u32 group, void (*make)(struct nl_out *o, const void *what),
		    const void *what)
{
	struct target *t = members(net, group), *next;
	struct nl_out o = { .size = DATAGRAM_MAX };

	if (!t)
		return;
	o.data = kmalloc(o.size, GFP_KERNEL);
	if (o.data)
		make(&o, what);
	for (; t; t = next) {
		struct netlink_sock *n = t->n;

		next = t->next;
		if (!o.data || o.len > o.size ||
		    READ_ONCE(n->queued) + o.len > READ_ONCE(n->sk.rcvbuf)) {
			socket_set_error(&n->sk, ENOBUFS);
			wake_poll(&n->sk.wait, SOCK_POLL_IN);
		} else {
			(void)queue_bytes(n, o.data, o.len);
		}
		socket_put(&n->sk);
		kfree(t);
	}
	kfree(o.data);
}

static int netlink_setsockopt(struct socket *sk, int level, int name, uaddr_t val, u32 len)
{
	struct netlink_sock *n = netlink_of(sk);
	u32 v;

	if (level != SOL_NETLINK)
		return -ENOPROTOOPT;
	if (len < sizeof(v))
		return -EINVAL;
	if (get_user(v, val))
		return -EFAULT;
	switch (name) {
	case NETLINK_ADD_MEMBERSHIP:
	case NETLINK_DROP_MEMBERSHIP:
		if (!v || v > GROUPS)
			return -EINVAL;
		spin_lock(&sockets_lock);
		if (name == NETLINK_ADD_MEMBERSHIP)
			n->groups |= BIT(v - 1);
		else
			n->groups &= ~BIT(v - 1);
		spin_unlock(&sockets_lock);
		return 0;
	case NETLINK_CAP_ACK:
		WRITE_ONCE(n->cap_ack, !!v);
		return 0;
	default:
		return -ENOPROTOOPT;
	}
}

static int netlink_getsockopt(struct socket *sk, int level, int name, uaddr_t val, uaddr_t ulen)
{
	u32 v = READ_ONCE(netlink_of(sk)->cap_ack);

	if (level != SOL_NETLINK || name != NETLINK_CAP_ACK)
		return -ENOPROTOOPT;
	return sock_put_option(val, ulen, &v, sizeof(v));
}

/* --- life --- */

static u32 netlink_poll(struct socket *sk, struct file *f, struct poll_table *pt)
{
	poll_wait(f, &sk->wait, pt);
	return (list_empty(&netlink_of(sk)->queue) ? 0 : SOCK_POLL_IN) |
	       (READ_ONCE(sk->error) ? EPOLLERR : 0) | SOCK_POLL_OUT;
}

static void netlink_release(struct socket *sk)
{
	struct netlink_sock *n = netlink_of(sk);

	spin_lock(&sockets_lock);
	list_del(&n->node);
	spin_unlock(&sockets_lock);
}

static void netlink_free(struct socket *sk)
{
	struct netlink_sock *n = netlink_of(sk);
	struct nl_packet *p, *next;

	list_for_each_safe(p, next, &n->queue, node)
		kfree(p);
	kfree(n);
}

void netlink_for_each(struct net *net, void (*fn)(struct netlink_sock *n, void *arg), void *arg)
{
	struct netlink_sock *n;

	spin_lock(&sockets_lock);
	list_for_each(n, &all_sockets, node)
		if (n->sk.net == net)
			fn(n, arg);
	spin_unlock(&sockets_lock);
}

static void netlink_meminfo(struct socket *sk, struct sock_memory *m)
{
	m->rmem = READ_ONCE(netlink_of(sk)->queued);
}

static const struct nl_protocol *protocol_find(u32 nr)
{
	return nr == NETLINK_ROUTE ? &nl_route : nr == NETLINK_SOCK_DIAG ? &nl_sock_diag : NULL;
}

static int netlink_create(u32 type, u32 protocol, struct socket **out)
{
	struct netlink_sock *n;

	if (type != SOCK_RAW && type != SOCK_DGRAM)
		return -ESOCKTNOSUPPORT;
	if (!protocol_find(protocol))
		return -EPROTONOSUPPORT;
	n = kzalloc(sizeof(*n), GFP_KERNEL);
	if (!n)
		return -ENOMEM;
	socket_setup(&n->sk, current_net(), &netlink_ops, AF_NETLINK, type, protocol);
	mutex_init(&n->read_mutex, RANK_SOCK_READ);
	list_init(&n->queue);
	n->protocol = protocol_find(protocol);
	spin_lock(&sockets_lock);
	list_add_tail(&n->node, &all_sockets);
	spin_unlock(&sockets_lock);
	*out = &n->sk;
	return 0;
}

SOCKET_FAMILY(netlink) = { .family = AF_NETLINK, .name = "NETLINK", .create = netlink_create,
			   .diag = netlink_diag };

static const struct socket_ops netlink_ops = {
	.bind = netlink_bind,
	.connect = netlink_connect,
	.getname = netlink_getname,
	.sendmsg = netlink_sendmsg,
	.recvmsg = netlink_recvmsg,
	.poll = netlink_poll,
	.meminfo = netlink_meminfo,
	.setsockopt = netlink_setsockopt,
	.getsockopt = netlink_getsockopt,
	.release = netlink_release,
	.free = netlink_free,
};
