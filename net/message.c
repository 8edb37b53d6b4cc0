/* SPDX-License-Identifier: MIT */
/*
 * The socket calls that move data: sendto, recvfrom, sendmsg, recvmsg and the
 * calls that do many at once. Each makes a struct sock_msg of its arguments; the bytes
 * are copied once, between user memory and the family's queue, by the family.
 *
 * Bits of the flags that a family does not know have no effect, as on Linux.
 */
#include <net/calls.h>
#include <kernel/lib/string.h>
#include <kernel/mm/alloc.h>
#include <kernel/uapi/syscall.h>
#include <arch/uaccess.h>

#define MAX_RW_COUNT	0x7ffff000ul
#define CONTROL_FAST	64u		/* on the stack: one small message */

static int iter_one(struct iov_iter *it, uaddr_t buf, size_t len)
{
	len = min(len, MAX_RW_COUNT);
	if (!user_range_ok(buf, len))
		return -EFAULT;
	iov_iter_ubuf(it, buf, len);
	return 0;
}

/* A message of one piece of user memory. */
struct one {
	struct sock_msg m;
	struct iov_iter it;
	struct sock_fd s;
	union sock_addr addr;
};

/* 0, and one_end() is due; or -errno. The rest of m is the caller's. */
static __always_inline int one_begin(struct one *o, int fd, uaddr_t buf, size_t len, u32 flags)
{
	int err = (int)iter_one(&o->it, buf, len);

	if (err)
		return err;
	o->s = sock_get(fd, &err);
	if (!o->s.sk)
		return err;
	o->m = (struct sock_msg){ .iter = &o->it, .flags = sock_msg_flags(o->s.fd.file, flags) };
	return 0;
}

static __always_inline void one_end(struct one *o)
{
	fd_put(o->s.fd);
}

long sys_sendto(int fd, uaddr_t buf, size_t len, u32 flags, uaddr_t uaddr, int addr_len)
{
	struct one o;
	ssize_t n = one_begin(&o, fd, buf, len, flags);

	if (n)
		return n;
	if (uaddr) {
		memset(&o.addr, 0, sizeof(o.addr));
		n = sock_addr_from_user(&o.addr, uaddr, addr_len);
		o.m.name = &o.addr;
		o.m.name_len = addr_len;
	}
	if (!n)
		n = o.s.sk->ops->sendmsg(o.s.sk, &o.m);
	one_end(&o);
	return n;
}

long sys_recvfrom(int fd, uaddr_t buf, size_t len, u32 flags, uaddr_t uaddr, uaddr_t ulen)
{
	struct one o;
	ssize_t n = one_begin(&o, fd, buf, len, flags);
	int err = 0;

	if (n)
		return n;
	o.m.name = uaddr ? &o.addr : NULL;
	n = o.s.sk->ops->recvmsg(o.s.sk, &o.m);
	one_end(&o);
	if (n >= 0 && uaddr)
		err = sock_addr_to_user(&o.addr, o.m.name_len, uaddr, ulen);
	return err ? err : n;
}

/* --- sendmsg and recvmsg --- */

/* A struct msghdr from user memory and what it points to. */
struct call {
	struct user_msghdr hdr;
	struct sock_msg m;
	struct iov_iter it;
	union sock_addr addr;
	struct iovec fast[IOV_FAST], *iov;
	u8 control_fast[CONTROL_FAST] __aligned(8);
};

static void call_end(struct call *c)
{
	if (c->iov && c->iov != c->fast)
		kfree(c->iov);
	if (c->m.control && c->m.control != c->control_fast)
		kfree(c->m.control);
}

static int take_header(struct call *c, uaddr_t umsg)
{
	c->iov = NULL;
	memset(&c->m, 0, sizeof(c->m));
	if (copy_from_user(&c->hdr, umsg, sizeof(c->hdr)))
		return -EFAULT;
	if (!c->hdr.name)
		c->hdr.name_len = 0;
	if (c->hdr.name_len < 0)
		return -EINVAL;
	c->hdr.name_len = min(c->hdr.name_len, SOCKADDR_MAX);
	return c->hdr.iov_len > IOV_MAX ? -EMSGSIZE : 0;
}

static int take_iov(struct call *c)
{
	ssize_t n = iovec_from_user(c->hdr.iov, c->hdr.iov_len, c->fast, &c->iov);

	if (n < 0)
		return n;
	iov_iter_user(&c->it, c->iov, c->hdr.iov_len, n);
	c->m.iter = &c->it;
	return 0;
}

static int take_control(struct call *c)
{
	size_t len = c->hdr.control_len;

	if (len > INT_MAX)
		return -ENOBUFS;
	if (!len)
		return 0;
	c->m.control = c->control_fast;
	if (len > CONTROL_FAST) {
		c->m.control = len <= SOCK_CONTROL_MAX ? kmalloc(len, GFP_KERNEL) : NULL;
		if (!c->m.control)
			return -ENOBUFS;
	}
	c->m.control_len = len;
	return copy_from_user(c->m.control, c->hdr.control, len);
}

static ssize_t send_one(const struct sock_fd *s, uaddr_t umsg, u32 flags)
{
	struct call c;
	ssize_t n = take_header(&c, umsg);

	if (!n && c.hdr.name_len) {
		memset(&c.addr, 0, sizeof(c.addr));
		n = sock_addr_from_user(&c.addr, c.hdr.name, c.hdr.name_len);
		c.m.name = &c.addr;
		c.m.name_len = c.hdr.name_len;
	}
	if (!n)
		n = take_iov(&c);
	if (!n)
		n = take_control(&c);
	if (!n) {
		c.m.flags = sock_msg_flags(s->fd.file, flags);
		n = s->sk->ops->sendmsg(s->sk, &c.m);
	}
	call_end(&c);
	return n;
}

static int tell_message(const struct call *c, uaddr_t umsg)
{
	int err = 0;

	if (c->hdr.name)
		err = sock_addr_to_user(&c->addr, c->m.name_len, c->hdr.name,
					umsg + offsetof(struct user_msghdr, name_len));
	if (!err)
		err = put_user(c->m.out_flags, umsg + offsetof(struct user_msghdr, flags));
	if (!err)
		err = put_user((u64)(c->m.ucontrol - c->hdr.control),
			       umsg + offsetof(struct user_msghdr, control_len));
	return err;
}

static ssize_t recv_one(const struct sock_fd *s, uaddr_t umsg, u32 flags)
{
	struct call c;
	ssize_t n = take_header(&c, umsg);
	int err;

	if (!n)
		n = take_iov(&c);
	if (!n) {
		c.m.name = c.hdr.name ? &c.addr : NULL;
		c.m.ucontrol = c.hdr.control;
		c.m.ucontrol_len = c.hdr.control ? c.hdr.control_len : 0;
		c.m.flags = sock_msg_flags(s->fd.file, flags);
		c.m.out_flags = flags & MSG_CMSG_CLOEXEC;
		n = s->sk->ops->recvmsg(s->sk, &c.m);
		err = n < 0 ? 0 : tell_message(&c, umsg);
		if (err)
			n = err;
	}
	call_end(&c);
	return n;
}

/* Carry one message of this descriptor out: send_one() or recv_one(). */
static long one_message(int fd, uaddr_t umsg, u32 flags,
			ssize_t (*carry)(const struct sock_fd *s, uaddr_t umsg, u32 flags))
{
	int err = 0;
	struct sock_fd s;
	ssize_t n;

	if (flags & MSG_CMSG_COMPAT)
		return -EINVAL;
	s = sock_get(fd, &err);
	if (!s.sk)
		return err;
	n = carry(&s, umsg, flags);
	fd_put(s.fd);
	return n;
}

long sys_sendmsg(int fd, uaddr_t umsg, u32 flags)
{
	return one_message(fd, umsg, flags, send_one);
}

long sys_recvmsg(int fd, uaddr_t umsg, u32 flags)
{
	return one_message(fd, umsg, flags, recv_one);
}

/* --- many at once --- */

static int tell_length(uaddr_t umsg, ssize_t n)
{
	return put_user((u32)n, umsg + offsetof(struct user_mmsghdr, len));
}

long sys_sendmmsg(int fd, uaddr_t uvec, u32 nr, u32 flags)
{
	struct sock_fd s;
	int err = 0;
	ssize_t n = 0;
	u32 done;

	if (flags & MSG_CMSG_COMPAT)
		return -EINVAL;
	s = sock_get(fd, &err);
	if (!s.sk)
		return err;
	nr = min(nr, (u32)IOV_MAX);
	for (done = 0; done < nr; done++) {
		n = send_one(&s, uvec + done * sizeof(struct user_mmsghdr), flags);
		if (n >= 0)
			n = tell_length(uvec + done * sizeof(struct user_mmsghdr), n);
		if (n < 0)
			break;
		cond_resched();
	}
	fd_put(s.fd);
	return done ? (long)done : n;
}

/* Messages received; an error after the first is the socket's next one to report. */
static ssize_t recv_many(const struct sock_fd *s, uaddr_t uvec, u32 nr, u32 flags, ktime_t deadline)
{
	ssize_t n = socket_take_error(s->sk);
	u32 done;

	if (n)
		return n;
	for (done = 0; done < nr; done++) {
		uaddr_t umsg = uvec + done * sizeof(struct user_mmsghdr);

		n = recv_one(s, umsg, flags & ~MSG_WAITFORONE);
		if (n >= 0)
			n = tell_length(umsg, n);
		if (n < 0)
			break;
		if (flags & MSG_WAITFORONE)
			flags |= MSG_DONTWAIT;
		if (deadline != TIMEOUT_NEVER && ktime_get() >= deadline) {
			done++;
			break;
		}
		cond_resched();
	}
	if (!done)
		return n;
	if (n < 0 && n != -EAGAIN && n != -ERESTARTSYS && n != -EINTR)
		socket_set_error(s->sk, -n);
	return done;
}

long sys_recvmmsg(int fd, uaddr_t uvec, u32 nr, u32 flags, uaddr_t utime)
{
	ktime_t deadline = TIMEOUT_NEVER, now;
	struct timespec64 ts;
	struct sock_fd s;
	int err = 0;
	ssize_t n;
	u64 ns;

	if (flags & MSG_CMSG_COMPAT)
		return -EINVAL;
	if (utime) {
		if (copy_from_user(&ts, utime, sizeof(ts)))
			return -EFAULT;
		err = timespec_to_ns(&ts, &ns);
		if (err)
			return err;
		deadline = min_t(u64, ktime_get() + ns, TIMEOUT_NEVER - 1);
	}
	s = sock_get(fd, &err);
	if (!s.sk)
		return err;
	n = recv_many(&s, uvec, min(nr, (u32)IOV_MAX), flags, deadline);
	fd_put(s.fd);
	if (utime && n > 0) {
		now = ktime_get();
		ts = ns_to_timespec(now < deadline ? deadline - now : 0);
		if (copy_to_user(utime, &ts, sizeof(ts)))
			return -EFAULT;
	}
	return n;
}
