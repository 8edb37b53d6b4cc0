/* SPDX-License-Identifier: MIT */
/* For tests of AF_INET and AF_INET6 on the loopback interface. */
#ifndef INETSOCK_H
#define INETSOCK_H

#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include "child.h"

union addr {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

/* A fresh machine has its loopback interface down. */
TAP_UNUSED static void loopback_up(void)
{
	struct ifreq r = { .ifr_name = "lo" };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (!ioctl(fd, SIOCGIFFLAGS, &r) && !(r.ifr_flags & IFF_UP)) {
		r.ifr_flags |= IFF_UP;
		if (ioctl(fd, SIOCSIFFLAGS, &r))
			tap_bail("lo: %s", strerror(errno));
	}
	close(fd);
}

TAP_UNUSED static socklen_t addr_len(int family)
{
	return family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
}

/* 127.0.0.1 or ::1 */
TAP_UNUSED static union addr local(int family, int port)
{
	union addr a;

	memset(&a, 0, sizeof(a));
	a.sa.sa_family = family;
	if (family == AF_INET) {
		a.in.sin_port = htons(port);
		a.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	} else {
		a.in6.sin6_port = htons(port);
		a.in6.sin6_addr = in6addr_loopback;
	}
	return a;
}

TAP_UNUSED static int port_of(int fd)
{
	union addr a;
	socklen_t len = sizeof(a);

	return getsockname(fd, &a.sa, &len) ? -errno : ntohs(a.in.sin_port);
}

TAP_UNUSED static int bind_port(int fd, int family, int port)
{
	union addr a = local(family, port);

	return err(bind(fd, &a.sa, addr_len(family)));
}

TAP_UNUSED static int connect_port(int fd, int family, int port)
{
	union addr a = local(family, port);

	return err(connect(fd, &a.sa, addr_len(family)));
}

/* A listening stream on a free port. */
TAP_UNUSED static int listener(int family, int backlog, int *port)
{
	int fd = socket(family, SOCK_STREAM, 0);

	if (fd < 0 || bind_port(fd, family, 0) || listen(fd, backlog))
		tap_bail("listener: %s", strerror(errno));
	*port = port_of(fd);
	return fd;
}

/* Two ends of a connection. */
TAP_UNUSED static void tcp_pair(int family, int p[2])
{
	int port, l = listener(family, 1, &port);

	p[0] = socket(family, SOCK_STREAM, 0);
	if (connect_port(p[0], family, port))
		tap_bail("connect: %s", strerror(errno));
	p[1] = accept(l, NULL, NULL);
	if (p[1] < 0)
		tap_bail("accept: %s", strerror(errno));
	close(l);
}

TAP_UNUSED static int events_of(int fd, int events)
{
	struct pollfd p = { fd, events, 0 };

	return poll(&p, 1, 0) < 0 ? -errno : p.revents;
}

/* The events, waited for. */
TAP_UNUSED static int events_in(int fd, int events, int ms)
{
	struct pollfd p = { fd, events, 0 };

	return poll(&p, 1, ms) < 0 ? -errno : p.revents;
}

TAP_UNUSED static long set_int(int fd, int level, int name, int v)
{
	return err(setsockopt(fd, level, name, &v, sizeof(v)));
}

TAP_UNUSED static long get_int(int fd, int level, int name)
{
	int v = 0;
	socklen_t len = sizeof(v);

	return getsockopt(fd, level, name, &v, &len) ? -errno : v;
}

#endif
