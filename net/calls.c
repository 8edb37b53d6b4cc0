/* SPDX-License-Identifier: MIT */
/*
 * The socket calls that move no data: socket, socketpair, bind, listen, accept,
 * connect, names, options, shutdown. Each checks what is the same for every
 * family, in Linux's order, and asks the socket's own method.
 *
 * Addresses come and go as at most SOCKADDR_MAX bytes; what they mean is the family's.
 */
#include <net/calls.h>
#include <net/proc.h>
#include <kernel/lib/string.h>
#include <kernel/task/pid.h>
#include <kernel/uapi/fcntl.h>
#include <kernel/uapi/syscall.h>
#include <arch/uaccess.h>

_Static_assert(SOCK_CLOEXEC == O_CLOEXEC && SOCK_NONBLOCK == O_NONBLOCK, "flags of a file");

struct sock_fd sock_get(int fd, int *err)
{
	struct sock_fd s = { .fd = fd_get(fd) };

	if (!s.fd.file) {
		*err = -EBADF;
		return s;
	}
	s.sk = socket_of(s.fd.file);
	if (!s.sk) {
		fd_put(s.fd);
		*err = -ENOTSOCK;
	}
	return s;
}

u32 sock_msg_flags(const struct file *f, u32 flags)
{
	return flags | (READ_ONCE(f->flags) & O_NONBLOCK ? MSG_DONTWAIT : 0);
}

int sock_addr_from_user(union sock_addr *addr, uaddr_t from, int len)
{
	if (len < 0 || len > (int)sizeof(*addr))
		return -EINVAL;
	if (len && copy_from_user(addr, from, len))
		return -EFAULT;
	return 0;
}

int sock_addr_to_user(const union sock_addr *addr, u32 len, uaddr_t to, uaddr_t ulen)
{
	s32 room;

	if (get_user(room, ulen))
		return -EFAULT;
	if (room < 0)
		return -EINVAL;
	if (copy_to_user(to, addr, min((u32)room, len)))
		return -EFAULT;
	return put_user(len, ulen);
}

/* --- making them --- */

long sys_socket(int family, int type, int protocol)
{
	struct socket *sk;
	struct file *f;
	int err, fd;

	if (type & ~(SOCK_TYPE_MASK | SOCK_CLOEXEC | SOCK_NONBLOCK))
		return -EINVAL;
	err = socket_create(family, type & SOCK_TYPE_MASK, protocol, &sk);
	if (err)
		return err;
	f = socket_file(sk, type & SOCK_NONBLOCK);
	if (!f)
		return -ENOMEM;
	fd = fd_reserve(type & SOCK_CLOEXEC);
	if (fd < 0)
		file_put(f);
	else
		fd_install(fd, f);
	return fd;
}

/* Two sockets of the family, joined, as files. */
static int create_pair(int family, int type, int protocol, struct file *f[2])
{
	struct socket *a, *b;
	int err = socket_create(family, type & SOCK_TYPE_MASK, protocol, &a);

	if (err)
		return err;
	err = socket_create(family, type & SOCK_TYPE_MASK, protocol, &b);
	if (!err) {
		err = a->ops->socketpair ? a->ops->socketpair(a, b) : -EOPNOTSUPP;
		if (err) {
			b->ops->release(b);
			socket_put(b);
		}
	}
	if (err) {
		a->ops->release(a);
		socket_put(a);
		return err;
	}
	f[0] = socket_file(a, type & SOCK_NONBLOCK);
	f[1] = socket_file(b, type & SOCK_NONBLOCK);
	if (f[0] && f[1])
		return 0;
	for (int i = 0; i < 2; i++)
		if (f[i])
			file_put(f[i]);
	return -ENOMEM;
}

static int reserve_pair(int fd[2], u32 flags, uaddr_t ufds)
{
	fd[0] = fd_reserve(flags);
	if (fd[0] < 0)
		return fd[0];
	fd[1] = fd_reserve(flags);
	if (fd[1] < 0) {
		fd_release(fd[0]);
		return fd[1];
	}
	if (!copy_to_user(ufds, fd, 2 * sizeof(fd[0])))
		return 0;
	fd_release(fd[0]);
	fd_release(fd[1]);
	return -EFAULT;
}

long sys_socketpair(int family, int type, int protocol, uaddr_t ufds)
{
	struct file *f[2];
	int fd[2], err;

	if (type & ~(SOCK_TYPE_MASK | SOCK_CLOEXEC | SOCK_NONBLOCK))
		return -EINVAL;
	err = reserve_pair(fd, type & SOCK_CLOEXEC, ufds);
	if (err)
		return err;
	err = create_pair(family, type, protocol, f);
	for (int i = 0; i < 2; i++) {
		if (err)
			fd_release(fd[i]);
		else
			fd_install(fd[i], f[i]);
	}
	return err;
}

/* --- names and connections --- */

long sys_bind(int fd, uaddr_t uaddr, int len)
{
	int err = 0;
	struct sock_fd s = sock_get(fd, &err);
	union sock_addr addr = { 0 };

	if (!s.sk)
		return err;
	err = sock_addr_from_user(&addr, uaddr, len);
	if (!err)
		err = s.sk->ops->bind ? s.sk->ops->bind(s.sk, &addr, len) : -EOPNOTSUPP;
	fd_put(s.fd);
	return err;
}

long sys_listen(int fd, int backlog)
{
	int err = 0;
	struct sock_fd s = sock_get(fd, &err);
	u32 most;

	if (!s.sk)
		return err;
	most = (u32)READ_ONCE(s.sk->net->settings.somaxconn);
	err = s.sk->ops->listen ? s.sk->ops->listen(s.sk, min((u32)backlog, most)) : -EOPNOTSUPP;
	fd_put(s.fd);
	return err;
}

static int tell_peer_name(struct socket *sk, uaddr_t uaddr, uaddr_t ulen)
{
	union sock_addr addr;
	int len = sk->ops->getname ? sk->ops->getname(sk, &addr, true) : -EOPNOTSUPP;

	return len < 0 ? -ECONNABORTED : sock_addr_to_user(&addr, len, uaddr, ulen);
}

/* A connection of the listener as a file; fd is reserved for it. */
static int accept_file(const struct sock_fd *s, uaddr_t uaddr, uaddr_t ulen, int flags,
		       struct file **out)
{
	struct socket *sk;
	int err = s->sk->ops->accept ? s->sk->ops->accept(s->sk, READ_ONCE(s->fd.file->flags) & O_NONBLOCK, &sk) :
		  -EOPNOTSUPP;

	if (err)
		return err;
	*out = socket_file(sk, flags & SOCK_NONBLOCK);
	if (!*out)
		return -ENOMEM;
	if (uaddr)
		err = tell_peer_name(sk, uaddr, ulen);
	if (err)
		file_put(*out);
	return err;
}

static long do_accept(int fd, uaddr_t uaddr, uaddr_t ulen, int flags)
{
	struct sock_fd s = { .fd = fd_get(fd) };
	struct file *f;
	int err, newfd;

	if (!s.fd.file)
		return -EBADF;
	s.sk = socket_of(s.fd.file);
	if (flags & ~(SOCK_CLOEXEC | SOCK_NONBLOCK))
		newfd = -EINVAL;
	else
		newfd = fd_reserve(flags & SOCK_CLOEXEC);
	if (newfd >= 0) {
		err = s.sk ? accept_file(&s, uaddr, ulen, flags, &f) : -ENOTSOCK;
		if (err) {
			fd_release(newfd);
			newfd = err;
		} else {
			fd_install(newfd, f);
		}
	}
	fd_put(s.fd);
	return newfd;
}

long sys_accept(int fd, uaddr_t uaddr, uaddr_t ulen)
{
	return do_accept(fd, uaddr, ulen, 0);
}

long sys_accept4(int fd, uaddr_t uaddr, uaddr_t ulen, int flags)
{
	return do_accept(fd, uaddr, ulen, flags);
}

long sys_connect(int fd, uaddr_t uaddr, int len)
{
	union sock_addr addr = { 0 };
	struct fd f = fd_get(fd);
	struct socket *sk;
	int err;

	if (!f.file)
		return -EBADF;
	sk = socket_of(f.file);
	err = sock_addr_from_user(&addr, uaddr, len);
	if (!err)
		err = !sk ? -ENOTSOCK : !sk->ops->connect ? -EOPNOTSUPP :
		      sk->ops->connect(sk, &addr, len, READ_ONCE(f.file->flags) & O_NONBLOCK);
	fd_put(f);
	return err;
}

static long tell_name(int fd, uaddr_t uaddr, uaddr_t ulen, bool peer)
{
	int err = 0, len;
	struct sock_fd s = sock_get(fd, &err);
	union sock_addr addr;

	if (!s.sk)
		return err;
	len = s.sk->ops->getname ? s.sk->ops->getname(s.sk, &addr, peer) : -EOPNOTSUPP;
	fd_put(s.fd);
	return len < 0 ? len : sock_addr_to_user(&addr, len, uaddr, ulen);
}

long sys_getsockname(int fd, uaddr_t uaddr, uaddr_t ulen)
{
	return tell_name(fd, uaddr, ulen, false);
}

long sys_getpeername(int fd, uaddr_t uaddr, uaddr_t ulen)
{
	return tell_name(fd, uaddr, ulen, true);
}

long sys_shutdown(int fd, int how)
{
	int err = 0;
	struct sock_fd s = sock_get(fd, &err);

	if (!s.sk)
		return err;
	err = s.sk->ops->shutdown ? s.sk->ops->shutdown(s.sk, how) : -EOPNOTSUPP;
	fd_put(s.fd);
	return err;
}

/* --- options --- */

long sys_setsockopt(int fd, int level, int name, uaddr_t val, int len)
{
	int err = 0;
	struct sock_fd s = sock_get(fd, &err);

	if (!s.sk)
		return err;
	if (len < 0)
		err = -EINVAL;
	else if (level == SOL_SOCKET)
		err = sock_setsockopt(s.sk, name, val, len);
	else
		err = s.sk->ops->setsockopt ? s.sk->ops->setsockopt(s.sk, level, name, val, len) : -EOPNOTSUPP;
	fd_put(s.fd);
	return err;
}

long sys_getsockopt(int fd, int level, int name, uaddr_t val, uaddr_t ulen)
{
	int err = 0;
	struct sock_fd s = sock_get(fd, &err);

	if (!s.sk)
		return err;
	if (level == SOL_SOCKET)
		err = sock_getsockopt(s.sk, name, val, ulen);
	else
		err = s.sk->ops->getsockopt ? s.sk->ops->getsockopt(s.sk, level, name, val, ulen) : -EOPNOTSUPP;
	fd_put(s.fd);
	return err;
}
