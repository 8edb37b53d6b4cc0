/* SPDX-License-Identifier: MIT */
/* For tests of AF_UNIX: addresses, pairs, messages with descriptors. */
#ifndef UNIXSOCK_H
#define UNIXSOCK_H

#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include "child.h"

struct name {
	struct sockaddr_un un;
	socklen_t len;
};

/* A path, or with '@' in front an abstract name. */
TAP_UNUSED static struct name name_of(const char *text)
{
	struct name n = { .un.sun_family = AF_UNIX };

	n.len = offsetof(struct sockaddr_un, sun_path) + strlen(text) + (*text != '@');
	strncpy(n.un.sun_path, text, sizeof(n.un.sun_path) - 1);
	if (*text == '@')
		n.un.sun_path[0] = '\0';
	return n;
}

TAP_UNUSED static int bind_to(int fd, const char *text)
{
	struct name n = name_of(text);

	return err(bind(fd, (struct sockaddr *)&n.un, n.len));
}

TAP_UNUSED static int connect_to(int fd, const char *text)
{
	struct name n = name_of(text);

	return err(connect(fd, (struct sockaddr *)&n.un, n.len));
}

TAP_UNUSED static int send_to(int fd, const void *data, size_t len, int flags, const char *text)
{
	struct name n = name_of(text);

	return err(sendto(fd, data, len, flags, (struct sockaddr *)&n.un, n.len));
}

TAP_UNUSED static int listener_at(const char *text, int type, int backlog)
{
	int fd = socket(AF_UNIX, type, 0);

	if (fd < 0 || bind_to(fd, text) || listen(fd, backlog))
		tap_bail("listener %s: %s", text, strerror(errno));
	return fd;
}

TAP_UNUSED static int events_of(int fd, int events)
{
	struct pollfd p = { fd, events, 0 };

	return poll(&p, 1, 0) < 0 ? -errno : p.revents;
}

/* Send len bytes with nr descriptors, or receive: fds[] gets those that come, *nr how many. */
TAP_UNUSED static long send_fds(int to, const void *data, size_t len, const int *fds, int nr,
				int flags)
{
	char control[CMSG_SPACE(300 * sizeof(int))] = "";
	struct iovec iov = { (void *)data, len };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
			    .msg_controllen = CMSG_SPACE(nr * sizeof(int)) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(nr * sizeof(int));
	memcpy(CMSG_DATA(c), fds, nr * sizeof(int));
	return err(sendmsg(to, &m, flags));
}

TAP_UNUSED static long recv_fds(int from, void *data, size_t len, int *fds, int *nr, int flags,
				int *out_flags)
{
	char control[CMSG_SPACE(300 * sizeof(int))];
	struct iovec iov = { data, len };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
			    .msg_controllen = CMSG_SPACE(*nr * sizeof(int)) };
	long n = err(recvmsg(from, &m, flags));

	*nr = 0;
	if (out_flags)
		*out_flags = m.msg_flags;
	if (n < 0)
		return n;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		*nr = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(fds, CMSG_DATA(c), *nr * sizeof(int));
	}
	return n;
}

#endif
