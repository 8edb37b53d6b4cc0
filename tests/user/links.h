/* SPDX-License-Identifier: MIT */
/* Interfaces made, changed and deleted by netlink. */
#ifndef LINKS_H
#define LINKS_H

#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include "inetsock.h"

struct request {
	struct nlmsghdr h;
	struct ifinfomsg i;
	char attributes[512];
};

static int netlink = -1;		/* this process's */

TAP_UNUSED static struct rtattr *put(struct request *r, int type, const void *data, int len)
{
	struct rtattr *a = (void *)((char *)r + NLMSG_ALIGN(r->h.nlmsg_len));

	a->rta_type = type;
	a->rta_len = RTA_LENGTH(len);
	if (len)
		memcpy(RTA_DATA(a), data, len);
	r->h.nlmsg_len = NLMSG_ALIGN(r->h.nlmsg_len) + RTA_ALIGN(a->rta_len);
	return a;
}

TAP_UNUSED static void end_nest(struct request *r, struct rtattr *a)
{
	a->rta_len = (char *)r + r->h.nlmsg_len - (char *)a;
}

TAP_UNUSED static struct request begin(int type, int flags, const char *name)
{
	struct request r = { .h = { NLMSG_LENGTH(sizeof(struct ifinfomsg)), type,
				    NLM_F_REQUEST | NLM_F_ACK | flags, 1, 0 } };

	if (name)
		put(&r, IFLA_IFNAME, name, strlen(name) + 1);
	return r;
}

/* 0 or -errno, as the kernel answers. */
TAP_UNUSED static int ask(struct request *r)
{
	struct {
		struct nlmsghdr h;
		struct nlmsgerr e;
		char more[2048];
	} answer;

	if (netlink < 0)
		netlink = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
	if (send(netlink, r, r->h.nlmsg_len, 0) < 0)
		return -errno;
	if (recv(netlink, &answer, sizeof(answer), 0) < 0)
		return -errno;
	return answer.h.nlmsg_type == NLMSG_ERROR ? answer.e.error : 0;
}

TAP_UNUSED static int add_link(const char *kind, const char *name, const char *peer)
{
	struct request r = begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, name);
	struct rtattr *info = put(&r, IFLA_LINKINFO, NULL, 0), *data, *end;
	struct ifinfomsg other = { 0 };

	put(&r, IFLA_INFO_KIND, kind, strlen(kind) + 1);
	if (peer) {
		data = put(&r, IFLA_INFO_DATA, NULL, 0);
		end = put(&r, VETH_INFO_PEER, &other, sizeof(other));
		put(&r, IFLA_IFNAME, peer, strlen(peer) + 1);
		end_nest(&r, end);
		end_nest(&r, data);
	}
	end_nest(&r, info);
	return ask(&r);
}

TAP_UNUSED static int delete_link(const char *name)
{
	struct request r = begin(RTM_DELLINK, 0, name);

	return ask(&r);
}

TAP_UNUSED static int set_up(const char *name, bool up)
{
	struct request r = begin(RTM_NEWLINK, 0, NULL);

	r.i.ifi_index = if_nametoindex(name);
	r.i.ifi_flags = up ? IFF_UP : 0;
	r.i.ifi_change = IFF_UP;
	return r.i.ifi_index ? ask(&r) : -ENODEV;
}

TAP_UNUSED static int set_master(const char *name, const char *master)
{
	struct request r = begin(RTM_NEWLINK, 0, NULL);
	int index = master ? (int)if_nametoindex(master) : 0;

	r.i.ifi_index = if_nametoindex(name);
	put(&r, IFLA_MASTER, &index, sizeof(index));
	return ask(&r);
}

TAP_UNUSED static void mac_of(const char *name, unsigned char *mac)
{
	struct ifreq r = { 0 };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", name);
	ioctl(fd, SIOCGIFHWADDR, &r);
	memcpy(mac, r.ifr_hwaddr.sa_data, 6);
	close(fd);
}

/* An IPv4 address with a mask of 24 bits. */
TAP_UNUSED static int set_address(const char *name, in_addr_t address)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = address };
	struct ifreq r = { 0 };
	int fd = socket(AF_INET, SOCK_DGRAM, 0), e;

	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", name);
	memcpy(&r.ifr_addr, &in, sizeof(in));
	e = err(ioctl(fd, SIOCSIFADDR, &r));
	in.sin_addr.s_addr = htonl(0xffffff00);
	memcpy(&r.ifr_netmask, &in, sizeof(in));
	e = e ? e : err(ioctl(fd, SIOCSIFNETMASK, &r));
	close(fd);
	return e;
}

#endif
