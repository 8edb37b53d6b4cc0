/* SPDX-License-Identifier: MIT */
/* Network namespaces: made, entered, and interfaces moved between them. */
#ifndef NETNS_H
#define NETNS_H

#include <sched.h>
#include "links.h"

/* What netlink socket `ask` uses is of the namespace in which it was first asked. */
TAP_UNUSED static void forget_netlink(void)
{
	if (netlink >= 0)
		close(netlink);
	netlink = -1;
}

TAP_UNUSED static int netns_of(const char *whose)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%s/ns/net", whose);
	return open(path, O_RDONLY | O_CLOEXEC);
}

/* This thread in a fresh one; its file. */
TAP_UNUSED static int netns_new(void)
{
	forget_netlink();
	if (unshare(CLONE_NEWNET))
		tap_bail("unshare: %s", strerror(errno));
	return netns_of("self");
}

TAP_UNUSED static long netns_enter(int fd)
{
	forget_netlink();
	return err(setns(fd, CLONE_NEWNET));
}

/* An interface into the namespace of a file, or of a process. */
TAP_UNUSED static int move_link(const char *name, int attribute, int value)
{
	struct request r = begin(RTM_NEWLINK, 0, NULL);

	r.i.ifi_index = if_nametoindex(name);
	put(&r, attribute, &value, sizeof(value));
	return ask(&r);
}

/* 10.9.0.HOST/24 */
TAP_UNUSED static int give_address(const char *name, int host)
{
	return set_address(name, htonl(0x0a090000u | host));
}

TAP_UNUSED static struct sockaddr_in host_addr(int host, int port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(port),
				     .sin_addr.s_addr = htonl(0x0a090000u | host) };
}

#endif
