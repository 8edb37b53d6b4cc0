/* SPDX-License-Identifier: MIT */
/* Between route.c and links.c: NETLINK_ROUTE's messages of interfaces. net_config_lock held. */
#pragma once
#include <net/netdev/netdev.h>
#include <net/netlink/netlink.h>

enum {
	RTM_NEWLINK = 16, RTM_DELLINK, RTM_GETLINK, RTM_SETLINK, RTM_NEWADDR = 20, RTM_DELADDR, RTM_GETADDR,
	RTM_NEWROUTE = 24, RTM_DELROUTE, RTM_GETROUTE, RTM_NEWNEIGH = 28, RTM_DELNEIGH, RTM_GETNEIGH,
};

struct ifinfomsg {
	u8 family, pad;
	u16 type;
	s32 index;
	u32 flags, change;
};

void route_put_link(struct nl_out *o, u16 type, const struct netdev *dev);
int route_answer_links(const struct nl_request *r, struct nl_out *o);
int route_change_link(const struct nl_in *in);		/* makes one, too */
int route_delete_link(const struct nl_in *in);
