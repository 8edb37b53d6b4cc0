/* SPDX-License-Identifier: MIT */
/*
 * The ioctls of sockets that show and set interfaces, IPv4 routes and neighbours: what ifconfig(8),
 * route(8) and arp(8) use (netdevice(7)). Newer programs speak netlink (net/netlink), which says
 * more.
 *
 * Of an interface's IPv4 addresses these calls know the first (ip(8) knows all). Setting it takes the
 * place of the old one; setting its mask or broadcast address, that of the same address with the
 * old ones.
 *
 * Limit: multicast addresses of the link layer, SIOCSIFMAP, aliases (eth0:1), proxy ARP,
 * SIOCETHTOOL and the ioctls for IPv6 addresses and routes give -ENOTTY, -EOPNOTSUPP or -ENODEV.
 */
#include <net/inet/config.h>
#include <net/net.h>
#include <net/netdev/netdev.h>
#include <kernel/lib/string.h>
#include <kernel/mm/alloc.h>
#include <kernel/task/cred.h>
#include <kernel/uapi/socket.h>
#include <arch/uaccess.h>

enum {
	SIOCADDRT = 0x890b, SIOCDELRT = 0x890c, SIOCGIFNAME = 0x8910, SIOCGIFCONF = 0x8912, SIOCGIFFLAGS, SIOCSIFFLAGS,
	SIOCGIFADDR, SIOCSIFADDR, SIOCGIFDSTADDR, SIOCSIFDSTADDR, SIOCGIFBRDADDR, SIOCSIFBRDADDR, SIOCGIFNETMASK,
	SIOCSIFNETMASK, SIOCGIFMETRIC, SIOCSIFMETRIC, SIOCGIFMTU = 0x8921, SIOCSIFMTU, SIOCSIFNAME, SIOCSIFHWADDR,
	SIOCGIFHWADDR = 0x8927, SIOCGIFINDEX = 0x8933, SIOCGIFTXQLEN = 0x8942, SIOCSIFTXQLEN, SIOCETHTOOL = 0x8946,
	SIOCDARP = 0x8953, SIOCGARP, SIOCSARP, SIOCGIFMAP = 0x8970,
};

struct sockaddr_any {
	u16 family;
	u8 data[14];
};
struct sockaddr_in {
	u16 family, port;
	u8 addr[4], zero[8];
};

struct ifreq {
	char name[IFNAMSIZ];
	union {
		struct sockaddr_any any;
		struct sockaddr_in in;
		char newname[IFNAMSIZ];
		s16 flags;
		s32 value;
		u8 size[24];
	};
};

struct rtentry {
	u64 pad1;
	struct sockaddr_in dst, gateway, mask;
	u16 flags, pad2;
	u64 pad3, pad4;
	s16 metric;
	uaddr_t dev;
	u64 mtu, window;
	u16 irtt;
};
#define RTF_GATEWAY	2
#define RTF_HOST	4
#define RTF_REJECT	0x200

struct arpreq {
	struct sockaddr_in protocol;
	struct sockaddr_any hardware;
	s32 flags;
	struct sockaddr_any mask;
	char dev[IFNAMSIZ];
};
#define ATF_COM		2
#define ATF_PERM	4

#define CONF_MAX	64u		/* interfaces that SIOCGIFCONF lists at most */

/* --- IPv4 addresses --- */

static void take_first_addr(const struct inet_ifaddr *a, void *arg)
{
	struct inet_ifaddr *out = arg;

	if (a->addr.family == INET_AF_INET && !out->dev)
		*out = *a;
}

/* The interface's, false: it has none. net_config_lock held. */
static bool get_addr(struct netdev *dev, struct inet_ifaddr *out)
{
	*out = (struct inet_ifaddr){ .dev = NULL };
	inet_addr_for_each(dev->net, dev, take_first_addr, out);
	return out->dev;
}

static u32 mask_of(u32 prefix_len)
{
	return prefix_len ? net32(~0u << (32 - prefix_len)) : 0;
}

/* -1: it is no mask. */
static int prefix_of(u32 mask)
{
	u32 host = net32(mask), len = host == ~0u ? 32 : (u32)__builtin_clz(~host);

	return mask_of(len) == mask ? (int)len : -1;
}

static u32 word_of(const u8 *addr)
{
	u32 v;

	memcpy(&v, addr, sizeof(v));
	return v;
}

/* The length that an address has by its class, as of old. */
static u8 class_length(const u8 *addr)
{
	return addr[0] < 128 ? 8 : addr[0] < 192 ? 16 : addr[0] < 224 ? 24 : 32;
}

static void default_broadcast(struct inet_ifaddr *a)
{
	u32 v = word_of(a->addr.v4) | ~mask_of(a->prefix_len);

	if ((a->dev->flags & IFF_BROADCAST) && a->prefix_len < 31)
		memcpy(a->broadcast, &v, sizeof(v));
	else
		memset(a->broadcast, 0, sizeof(a->broadcast));
}

static int replace_addr(struct netdev *dev, const struct inet_ifaddr *old,
			const struct inet_ifaddr *new)
{
	int err = old->dev ? inet_addr_del(dev, &old->addr, old->prefix_len) : 0;

	return err ? err : inet_addr_add(dev, new);
}

static int set_addr(struct netdev *dev, const u8 *addr)
{
	struct inet_ifaddr old, new = { .dev = dev, .flags = 0x80, .scope = addr[0] == 127 ? 254 : 0 };

	(void)get_addr(dev, &old);
	if (!word_of(addr))
		return old.dev ? inet_addr_del(dev, &old.addr, old.prefix_len) : 0;
	if (old.dev && !memcmp(old.addr.v4, addr, 4))
		return 0;
	new.addr.family = INET_AF_INET;
	memcpy(new.addr.v4, addr, 4);
	new.prefix_len = class_length(addr);
	default_broadcast(&new);
	return replace_addr(dev, &old, &new);
}

static int set_mask(struct netdev *dev, const u8 *mask)
{
	int len = prefix_of(word_of(mask));
	struct inet_ifaddr old, new;

	if (!get_addr(dev, &old))
		return -EADDRNOTAVAIL;
	if (len < 0)
		return -EINVAL;
	if (len == old.prefix_len)
		return 0;
	new = old;
	new.prefix_len = (u8)len;
	default_broadcast(&new);
	return replace_addr(dev, &old, &new);
}

static int set_broadcast(struct netdev *dev, const u8 *addr)
{
	struct inet_ifaddr old, new;

	if (!get_addr(dev, &old))
		return -EADDRNOTAVAIL;
	new = old;
	memcpy(new.broadcast, addr, 4);
	return memcmp(old.broadcast, addr, 4) ? replace_addr(dev, &old, &new) : 0;
}

static int show_addr(struct netdev *dev, u32 cmd, struct ifreq *r)
{
	struct inet_ifaddr a;
	u32 mask;

	if (!get_addr(dev, &a))
		return -EADDRNOTAVAIL;
	memset(&r->in, 0, sizeof(r->in));
	r->in.family = AF_INET;
	mask = mask_of(a.prefix_len);
	memcpy(r->in.addr, cmd == SIOCGIFNETMASK ? (u8 *)&mask : cmd == SIOCGIFBRDADDR ? a.broadcast : a.addr.v4, 4);
	return 0;
}

/* --- interfaces --- */

static int show_device(struct netdev *dev, u32 cmd, struct ifreq *r)
{
	switch (cmd) {
	case SIOCGIFFLAGS:
		r->flags = (s16)netdev_flags(dev);
		return 0;
	case SIOCGIFADDR:
	case SIOCGIFDSTADDR:
	case SIOCGIFBRDADDR:
	case SIOCGIFNETMASK:
		return show_addr(dev, cmd, r);
	case SIOCGIFMETRIC:
		r->value = 0;
		return 0;
	case SIOCGIFMTU:
		r->value = dev->mtu;
		return 0;
	case SIOCGIFHWADDR:
		memset(&r->any, 0, sizeof(r->any));
		r->any.family = dev->type;
		memcpy(r->any.data, dev->mac, ETH_ALEN);
		return 0;
	case SIOCGIFINDEX:
		r->value = dev->index;
		return 0;
	case SIOCGIFTXQLEN:
		r->value = dev->tx_queue_len;
		return 0;
	case SIOCGIFMAP:
		memset(r->size, 0, sizeof(r->size));
		return 0;
	default:
		return -EOPNOTSUPP;
	}
}

static int change_device(struct netdev *dev, u32 cmd, struct ifreq *r)
{
	u32 settable = IFF_UP | IFF_PROMISC | IFF_ALLMULTI;

	switch (cmd) {
	case SIOCSIFFLAGS:
		return netdev_set_flags(dev, (dev->flags & ~settable) | ((u16)r->flags & settable));
	case SIOCSIFADDR:
	case SIOCSIFNETMASK:
	case SIOCSIFBRDADDR:
		if (r->in.family != AF_INET)
			return -EAFNOSUPPORT;
		return (cmd == SIOCSIFADDR ? set_addr : cmd == SIOCSIFNETMASK ? set_mask :
			set_broadcast)(dev, r->in.addr);
	case SIOCSIFMTU:
		return netdev_set_mtu(dev, r->value);
	case SIOCSIFHWADDR:
		return r->any.family == dev->type ? netdev_set_mac(dev, r->any.data) : -EINVAL;
	case SIOCSIFNAME:
		r->newname[IFNAMSIZ - 1] = '\0';
		return netdev_rename(dev, r->newname);
	case SIOCSIFTXQLEN:
		if (r->value < 0)
			return -EINVAL;
		WRITE_ONCE(dev->tx_queue_len, r->value);
		return 0;
	default:
		return -EOPNOTSUPP;
	}
}

static bool is_change(u32 cmd)
{
	switch (cmd) {
	case SIOCSIFFLAGS:
	case SIOCSIFADDR:
	case SIOCSIFDSTADDR:
	case SIOCSIFBRDADDR:
	case SIOCSIFNETMASK:
	case SIOCSIFMETRIC:
	case SIOCSIFMTU:
	case SIOCSIFNAME:
	case SIOCSIFHWADDR:
	case SIOCSIFTXQLEN:
		return true;
	default:
		return false;
	}
}

static long device_ioctl(struct net *net, u32 cmd, uaddr_t arg)
{
	struct netdev *dev;
	struct ifreq r;
	long err;

	if (copy_from_user(&r, arg, sizeof(r)))
		return -EFAULT;
	r.name[IFNAMSIZ - 1] = '\0';
	if (is_change(cmd) && !capable(CAP_NET_ADMIN))
		return -EPERM;
	mutex_lock(&net_config_lock);
	dev = cmd == SIOCGIFNAME ? netdev_by_index(net, r.value) : netdev_by_name(net, r.name);
	if (!dev)
		err = -ENODEV;
	else if (cmd == SIOCGIFNAME)
		err = strscpy(r.name, dev->name, sizeof(r.name)) < 0;
	else
		err = is_change(cmd) ? change_device(dev, cmd, &r) : show_device(dev, cmd, &r);
	mutex_unlock(&net_config_lock);
	if (!err && !is_change(cmd) && copy_to_user(arg, &r, sizeof(r)))
		err = -EFAULT;
	return err;
}

/* --- the list of addresses --- */

struct conf {
	struct ifreq entry[CONF_MAX];
	u32 nr;
};

static void add_conf(const struct inet_ifaddr *a, void *arg)
{
	struct conf *c = arg;
	struct ifreq *r = &c->entry[c->nr];

	if (a->addr.family != INET_AF_INET || c->nr == CONF_MAX)
		return;
	memset(r, 0, sizeof(*r));
	memcpy(r->name, a->dev->name, IFNAMSIZ);
	r->in.family = AF_INET;
	memcpy(r->in.addr, a->addr.v4, 4);
	c->nr++;
}

static long conf_ioctl(struct net *net, uaddr_t arg)
{
	struct { s32 len, pad; uaddr_t buf; } user;
	struct conf *c;
	u32 fit;
	long err = 0;

	if (copy_from_user(&user, arg, sizeof(user)))
		return -EFAULT;
	c = kmalloc(sizeof(*c), GFP_KERNEL);
	if (!c)
		return -ENOMEM;
	c->nr = 0;
	mutex_lock(&net_config_lock);
	inet_addr_for_each(net, NULL, add_conf, c);
	mutex_unlock(&net_config_lock);
	fit = user.buf ? min(c->nr, (u32)max(user.len, 0) / (u32)sizeof(struct ifreq)) : c->nr;
	if (user.buf && copy_to_user(user.buf, c->entry, fit * sizeof(struct ifreq)))
		err = -EFAULT;
	kfree(c);
	return err ? err : put_user((s32)(fit * sizeof(struct ifreq)), arg);
}

/* --- routes --- */

static int take_route(struct net *net, const struct rtentry *e, const char *dev,
		      struct inet_route *r)
{
	int len = e->flags & RTF_HOST ? 32 : prefix_of(word_of(e->mask.addr));

	if (e->dst.family != AF_INET)
		return -EAFNOSUPPORT;
	if (len < 0)
		return -EINVAL;
	*r = (struct inet_route){
		.family = INET_AF_INET, .prefix_len = (u8)len, .protocol = 3 /* RTPROT_BOOT */,
		.type = e->flags & RTF_REJECT ? INET_ROUTE_UNREACHABLE : INET_ROUTE_UNICAST,
		.dst.family = INET_AF_INET, .metric = e->metric > 0 ? e->metric - 1 : 0,
		.scope = e->flags & RTF_GATEWAY ? 0 : 253 /* RT_SCOPE_LINK */,
	};
	memcpy(r->dst.v4, e->dst.addr, 4);
	if (word_of(r->dst.v4) & ~mask_of(len))
		return -EINVAL;
	if (e->flags & RTF_GATEWAY) {
		r->gateway.family = INET_AF_INET;
		memcpy(r->gateway.v4, e->gateway.addr, 4);
	}
	if (dev[0]) {
		r->dev = netdev_by_name(net, dev);
		if (!r->dev)
			return -ENODEV;
	}
	return 0;
}

static long route_ioctl(struct net *net, u32 cmd, uaddr_t arg)
{
	char dev[IFNAMSIZ] = "";
	struct inet_route r;
	struct rtentry e;
	long err;

	if (!capable(CAP_NET_ADMIN))
		return -EPERM;
	if (copy_from_user(&e, arg, sizeof(e)))
		return -EFAULT;
	if (e.dev && strncpy_from_user(dev, e.dev, IFNAMSIZ - 1) < 0)
		return -EFAULT;
	mutex_lock(&net_config_lock);
	err = take_route(net, &e, dev, &r);
	if (!err)
		err = cmd == SIOCADDRT ? inet_route_add(net, &r) : inet_route_del(net, &r);
	mutex_unlock(&net_config_lock);
	return err;
}

/* --- neighbours --- */

struct search {
	const struct arpreq *req;
	const struct netdev *dev;
	struct inet_neigh found;
};

static void match_neigh(const struct inet_neigh *n, void *arg)
{
	struct search *s = arg;

	if (!memcmp(n->addr.v4, s->req->protocol.addr, 4) && (!s->dev || s->dev == n->dev))
		s->found = *n;
}

static int show_neigh(struct net *net, struct arpreq *r, struct netdev *dev)
{
	struct search s = { .req = r, .dev = dev };

	inet_neigh_for_each(net, INET_AF_INET, match_neigh, &s);
	if (!s.found.dev)
		return -ENXIO;
	r->flags = s.found.state & INET_NUD_PERMANENT ? ATF_COM | ATF_PERM :
		   s.found.state & (INET_NUD_INCOMPLETE | INET_NUD_FAILED) ? 0 : ATF_COM;
	r->hardware.family = s.found.dev->type;
	memcpy(r->hardware.data, s.found.mac, ETH_ALEN);
	memcpy(r->dev, s.found.dev->name, IFNAMSIZ);
	return 0;
}

static int change_neigh(struct net *net, const struct arpreq *r, struct netdev *dev, bool add)
{
	struct inet_neigh n = { .dev = dev, .state = r->flags & ATF_PERM ? INET_NUD_PERMANENT : INET_NUD_REACHABLE };
	struct inet_route route;
	int err;

	n.addr.family = INET_AF_INET;
	memcpy(n.addr.v4, r->protocol.addr, 4);
	if (!n.dev) {
		err = inet_route_lookup(net, &n.addr, 0, &route);
		if (err)
			return err;
		n.dev = route.dev;
	}
	if (!add)
		return inet_neigh_del(net, n.dev, &n.addr);
	memcpy(n.mac, r->hardware.data, ETH_ALEN);
	return inet_neigh_add(net, &n, true);
}

static long arp_ioctl(struct net *net, u32 cmd, uaddr_t arg)
{
	struct netdev *dev = NULL;
	struct arpreq r;
	long err = 0;

	if (cmd != SIOCGARP && !capable(CAP_NET_ADMIN))
		return -EPERM;
	if (copy_from_user(&r, arg, sizeof(r)))
		return -EFAULT;
	r.dev[IFNAMSIZ - 1] = '\0';
	if (r.protocol.family != AF_INET)
		return -EPFNOSUPPORT;
	mutex_lock(&net_config_lock);
	if (r.dev[0]) {
		dev = netdev_by_name(net, r.dev);
		err = dev ? 0 : -ENODEV;
	}
	if (!err)
		err = cmd == SIOCGARP ? show_neigh(net, &r, dev) : change_neigh(net, &r, dev, cmd == SIOCSARP);
	mutex_unlock(&net_config_lock);
	if (!err && cmd == SIOCGARP && copy_to_user(arg, &r, sizeof(r)))
		err = -EFAULT;
	return err;
}

long netdev_ioctl(struct net *net, u32 cmd, uaddr_t arg)
{
	switch (cmd) {
	case SIOCGIFCONF:
		return conf_ioctl(net, arg);
	case SIOCADDRT:
	case SIOCDELRT:
		return route_ioctl(net, cmd, arg);
	case SIOCDARP:
	case SIOCGARP:
	case SIOCSARP:
		return arp_ioctl(net, cmd, arg);
	case SIOCGIFNAME:
	case SIOCGIFFLAGS:
	case SIOCGIFADDR:
	case SIOCGIFDSTADDR:
	case SIOCGIFBRDADDR:
	case SIOCGIFNETMASK:
	case SIOCGIFMETRIC:
	case SIOCGIFMTU:
	case SIOCGIFHWADDR:
	case SIOCGIFINDEX:
	case SIOCGIFTXQLEN:
	case SIOCGIFMAP:
	case SIOCETHTOOL:
		return device_ioctl(net, cmd, arg);
	default:
		return is_change(cmd) ? device_ioctl(net, cmd, arg) : -ENOTTY;
	}
}
