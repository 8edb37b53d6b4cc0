/* SPDX-License-Identifier: MIT */
/*
 * NETLINK_ROUTE about interfaces: shown, changed, made, moved into other namespaces.
 *
 * A namespace is named by a file (net/nsfs.c) or by a process in it. Of a pair's other end that is in
 * another one, a number of that is told (IFLA_LINK_NETNSID).
 *
 * Limit: namespaces by number (IFLA_TARGET_NETNSID, RTM_GETNSID) give -EOPNOTSUPP.
 */
#include <net/netdev/link.h>
#include <net/netlink/route.h>
#include <net/nsfs.h>
#include <kernel/lib/string.h>

enum { IFLA_ADDRESS = 1, IFLA_BROADCAST, IFLA_IFNAME, IFLA_MTU, IFLA_LINK, IFLA_QDISC, IFLA_STATS,
	IFLA_MASTER = 10, IFLA_TXQLEN = 13, IFLA_OPERSTATE = 16, IFLA_LINKMODE, IFLA_LINKINFO,
	IFLA_NET_NS_PID, IFLA_STATS64 = 23, IFLA_GROUP = 27, IFLA_NET_NS_FD, IFLA_PROMISCUITY = 30,
	IFLA_NUM_TX_QUEUES, IFLA_NUM_RX_QUEUES, IFLA_CARRIER, IFLA_LINK_NETNSID = 37,
	IFLA_TARGET_NETNSID = 46, IFLA_MIN_MTU = 50, IFLA_MAX_MTU };
enum { IFLA_INFO_KIND = 1, IFLA_INFO_DATA };
#define VETH_INFO_PEER	1
enum { IF_OPER_UNKNOWN = 0, IF_OPER_DOWN = 2, IF_OPER_UP = 6 };

/* Counters in the ABI's order; those that nobody counts are 0. */
static void put_stats(struct nl_out *o, const struct netdev *dev)
{
	struct netdev_stats st;
	u64 wide[24] = { 0 };
	u32 narrow[24];

	netdev_sum_stats(dev, &st);
	wide[0] = st.rx_packets;
	wide[1] = st.tx_packets;
	wide[2] = st.rx_bytes;
	wide[3] = st.tx_bytes;
	wide[4] = st.rx_errors;
	wide[5] = st.tx_errors;
	wide[6] = st.rx_dropped;
	wide[7] = st.tx_dropped;
	wide[8] = st.multicast;
	for (u32 i = 0; i < ARRAY_SIZE(wide); i++)
		narrow[i] = (u32)wide[i];
	nl_put(o, IFLA_STATS64, wide, sizeof(wide));
	nl_put(o, IFLA_STATS, narrow, sizeof(narrow));
}

/* What programs made: its kind, and the interfaces that it belongs to. */
static void put_relations(struct nl_out *o, const struct netdev *dev)
{
	const struct netdev *peer = dev->kind && dev->kind->peer ? dev->kind->peer(dev) : NULL;
	u32 nest;

	if (peer)
		nl_put_u32(o, IFLA_LINK, peer->index);
	if (peer && peer->net != dev->net)
		nl_put_u32(o, IFLA_LINK_NETNSID, peer->net->id);
	if (dev->master)
		nl_put_u32(o, IFLA_MASTER, dev->master->index);
	if (!dev->kind)
		return;
	nest = nl_nest_begin(o, IFLA_LINKINFO);
	nl_put_text(o, IFLA_INFO_KIND, dev->kind->name);
	nl_nest_end(o, nest);
}

void route_put_link(struct nl_out *o, u16 type, const struct netdev *dev)
{
	struct ifinfomsg *i = nl_begin(o, type, sizeof(*i));
	u32 flags = netdev_flags(dev);

	if (i)
		*i = (struct ifinfomsg){ .type = dev->type, .index = dev->index, .flags = flags };
	nl_put_text(o, IFLA_IFNAME, dev->name);
	nl_put_u32(o, IFLA_TXQLEN, dev->tx_queue_len);
	nl_put_u8(o, IFLA_OPERSTATE, dev->type == ARPHRD_LOOPBACK ? IF_OPER_UNKNOWN :
		  flags & IFF_RUNNING ? IF_OPER_UP : IF_OPER_DOWN);
	nl_put_u8(o, IFLA_LINKMODE, 0);
	nl_put_u32(o, IFLA_MTU, dev->mtu);
	nl_put_u32(o, IFLA_MIN_MTU, dev->min_mtu);
	nl_put_u32(o, IFLA_MAX_MTU, dev->max_mtu);
	nl_put_u32(o, IFLA_GROUP, 0);
	nl_put_u32(o, IFLA_PROMISCUITY, dev->promiscuity);
	nl_put_u32(o, IFLA_NUM_TX_QUEUES, dev->nr_queues);
	nl_put_u32(o, IFLA_NUM_RX_QUEUES, dev->nr_queues);
	nl_put_u8(o, IFLA_CARRIER, READ_ONCE(dev->carrier) ? 1 : 0);
	nl_put(o, IFLA_ADDRESS, dev->mac, ETH_ALEN);
	nl_put(o, IFLA_BROADCAST, dev->broadcast, ETH_ALEN);
	put_stats(o, dev);
	put_relations(o, dev);
	nl_end(o);
}

/* A text of at most room - 1 characters; "" where there is none. */
static void get_text(const struct nl_in *in, u16 type, char *text, u32 room)
{
	const char *p = nl_attr(in, type, 1);
	u32 len = p ? in->attr[type]->len - sizeof(struct nlattr) : 0;

	memset(text, 0, room);
	if (p)
		memcpy(text, p, min(len, room - 1));
}

/* By index, else by name. */
static struct netdev *link_of(const struct nl_in *in)
{
	const struct ifinfomsg *i = in->payload;
	char name[IFNAMSIZ];

	if (i->index)
		return netdev_by_index(in->net, i->index);
	get_text(in, IFLA_IFNAME, name, sizeof(name));
	return name[0] ? netdev_by_name(in->net, name) : NULL;
}

int route_answer_links(const struct nl_request *r, struct nl_out *o)
{
	struct netdev *dev;
	struct nl_in in;
	int err;

	if (r->dump) {
		netdev_for_each(r->net, dev)
			route_put_link(o, RTM_NEWLINK, dev);
		return 0;
	}
	err = nl_parse(&in, r->h, sizeof(struct ifinfomsg));
	if (err)
		return err;
	in.net = r->net;
	dev = link_of(&in);
	if (!dev)
		return -ENODEV;
	route_put_link(o, RTM_NEWLINK, dev);
	return 0;
}

/* --- links that are made --- */

struct new_link {
	struct link_request r;
	char name[IFNAMSIZ];
};

#define QUEUES_MAX	4096u		/* the ABI's: more are a mistake */

/* What programs make has one queue. */
static int check_queues(const struct nl_in *in)
{
	u32 tx = nl_attr_u32(in, IFLA_NUM_TX_QUEUES, 1), rx = nl_attr_u32(in, IFLA_NUM_RX_QUEUES, 1);

	if (tx - 1 >= QUEUES_MAX || rx - 1 >= QUEUES_MAX)
		return -EINVAL;
	return tx == 1 && rx == 1 ? 0 : -EOPNOTSUPP;
}

static int take_new_link(const struct nl_in *in, struct new_link *l)
{
	get_text(in, IFLA_IFNAME, l->name, sizeof(l->name));
	l->r = (struct link_request){ .name = l->name, .mac = nl_attr(in, IFLA_ADDRESS, ETH_ALEN),
				      .mtu = nl_attr_u32(in, IFLA_MTU, 0) };
	return check_queues(in);
}

static int parse_inside(struct nl_in *in, const struct nlattr *a, u32 skip)
{
	u32 len = a ? a->len - sizeof(*a) : 0;

	if (len < skip)
		return -EINVAL;
	return nl_parse_nested(in, a ? (const u8 *)(a + 1) + skip : NULL, len - skip);
}

/*
 * The namespace that a request names: *out with a reference, NULL: none. -EBADF, -EINVAL: no file of
 * one; -ESRCH: no such process.
 */
static int take_net(const struct nl_in *in, struct net **out)
{
	const u32 *fd = nl_attr(in, IFLA_NET_NS_FD, sizeof(*fd));
	u32 pid = nl_attr_u32(in, IFLA_NET_NS_PID, 0);
	struct file *f;

	*out = NULL;
	if (in->attr[IFLA_TARGET_NETNSID])
		return -EOPNOTSUPP;
	if (in->attr[IFLA_NET_NS_PID]) {
		*out = net_of_process((pid_t)pid);
		return *out ? 0 : -ESRCH;
	}
	if (!fd)
		return 0;
	f = fd_lookup((int)*fd);
	if (!f)
		return -EBADF;
	if (nsfs_net(f))
		*out = net_get(nsfs_net(f));
	file_put(f);
	return *out ? 0 : -EINVAL;
}

static void drop_net(struct net *net)
{
	if (net)
		net_put(net);
}

/* What a kind wants to know beside. Only veth has something: the other end; src: the asker's net. */
static int take_kind_data(const struct nlattr *data, struct net *src, struct new_link *link,
			  struct new_link *peer)
{
	struct nl_in inside, other;
	int err = parse_inside(&inside, data, 0);

	if (err || !inside.attr[VETH_INFO_PEER])
		return err;
	err = parse_inside(&other, inside.attr[VETH_INFO_PEER], sizeof(struct ifinfomsg));
	if (err)
		return err;
	err = take_new_link(&other, peer);
	if (!err)
		err = take_net(&other, &peer->r.net);
	if (err)
		return err;
	if (!peer->r.net)
		peer->r.net = net_get(src);
	link->r.peer = &peer->r;
	return 0;
}

/* Both ends where they are wanted: the link in net or as it says, its peer where it says. */
static int create_in(const struct nl_in *in, const struct link_kind *kind, struct new_link *link)
{
	struct net *net;
	int err = take_net(in, &net);

	if (err)
		return err;
	err = kind->create(net ? net : in->net, &link->r);
	drop_net(net);
	return err;
}

static int create_link(const struct nl_in *in)
{
	const struct link_kind *kind;
	struct new_link link, peer;
	char name[IFNAMSIZ];
	struct nl_in info;
	int err = parse_inside(&info, in->attr[IFLA_LINKINFO], 0);

	if (err)
		return err;
	get_text(&info, IFLA_INFO_KIND, name, sizeof(name));
	kind = link_kind_find(name);
	if (!kind)
		return -EOPNOTSUPP;
	err = take_new_link(in, &link);
	if (err)
		return err;
	if (kind == &link_veth)
		err = take_kind_data(info.attr[IFLA_INFO_DATA], in->net, &link, &peer);
	else if (info.attr[IFLA_INFO_DATA])
		err = -EOPNOTSUPP;
	if (!err)
		err = create_in(in, kind, &link);
	if (link.r.peer)
		drop_net(peer.r.net);
	return err;
}

int route_delete_link(const struct nl_in *in)
{
	struct netdev *dev = link_of(in);

	return dev ? link_delete(dev) : -ENODEV;
}

static int change_master(const struct nl_in *in, struct netdev *dev)
{
	u32 index = nl_attr_u32(in, IFLA_MASTER, 0);
	struct netdev *bridge = index ? netdev_by_index(in->net, index) : NULL;

	return index && !bridge ? -EINVAL : link_set_master(dev, bridge);
}

/* Into another namespace, before anything else is changed. */
static int move_link(const struct nl_in *in, struct netdev *dev, const char *name)
{
	struct net *net;
	int err = take_net(in, &net);

	if (!err && net)
		err = link_move(dev, net, name[0] ? name : NULL);
	drop_net(net);
	return err;
}

#define SETTABLE	(IFF_UP | IFF_PROMISC | IFF_ALLMULTI)

int route_change_link(const struct nl_in *in)
{
	const struct ifinfomsg *i = in->payload;
	struct netdev *dev = link_of(in);
	const u8 *mac = nl_attr(in, IFLA_ADDRESS, ETH_ALEN);
	u32 mtu = nl_attr_u32(in, IFLA_MTU, 0), change = i->change ? i->change : U32_MAX;
	char name[IFNAMSIZ];
	int err;

	if (!dev)
		return in->h->flags & NLM_F_CREATE ? create_link(in) : -ENODEV;
	if (in->h->flags & NLM_F_EXCL)
		return -EEXIST;
	get_text(in, IFLA_IFNAME, name, sizeof(name));
	err = move_link(in, dev, name);
	if (!err && mac)
		err = netdev_set_mac(dev, mac);
	if (!err && in->attr[IFLA_MTU])
		err = netdev_set_mtu(dev, mtu);
	if (!err && in->attr[IFLA_IFNAME] && i->index)
		err = strcmp(name, dev->name) ? netdev_rename(dev, name) : 0;
	if (!err && in->attr[IFLA_MASTER])
		err = change_master(in, dev);
	if (!err && (i->flags || i->change))
		err = netdev_set_flags(dev, (dev->flags & ~(change & SETTABLE)) |
						    (i->flags & change & SETTABLE));
	return err;
}
