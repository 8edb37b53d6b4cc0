/* SPDX-License-Identifier: MIT */
/* Between the files of net that serve the system calls. */
#pragma once
#include <net/socket.h>

/*
 * A descriptor that is a socket. sk NULL: it is none, *err says why, and there is nothing to put.
 */
struct sock_fd {
	struct fd fd;
	struct socket *sk;
};
struct sock_fd sock_get(int fd, int *err);

/* 0, -EINVAL for a length that no address has, -EFAULT. */
int sock_addr_from_user(union sock_addr *addr, uaddr_t from, int len);
/* As much as *ulen says there is room for; the whole length goes to ulen. */
int sock_addr_to_user(const union sock_addr *addr, u32 len, uaddr_t to, uaddr_t ulen);
