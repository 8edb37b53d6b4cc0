/* SPDX-License-Identifier: MIT */
/*
 * Sockets as files: making one of a family, read and write, readiness, the end.
 *
 * Each has an inode of its own on a mount in no tree: fstat tells them apart, and
 * /proc/PID/fd shows "socket:[N]" with the number that /proc/net/unix has too. Opening that
 * name, or a socket's name in a directory, is -ENXIO: neither inode has file methods.
 *
 * Not here: the system calls (calls.c, message.c), options (options.c), control
 * messages (cmsg.c), what a family does (unix/).
 */
#include <fs/mount.h>
#include <net/af_inet/af_inet.h>
#include <net/netdev/netdev.h>
#include <net/netlink/netlink.h>
#include <net/nsfs.h>
#include <net/proc.h>
#include <net/socket.h>
#include <net/unix/unix.h>
#include <kernel/bug.h>
#include <kernel/lib/string.h>
#include <kernel/printk.h>
#include <kernel/task/cred.h>
#include <kernel/task/pid.h>
#include <kernel/task/signal.h>
#include <kernel/uapi/fcntl.h>
#include <arch/uaccess.h>

#define SOCKFS_MAGIC	0x534f434b

extern const struct socket_family __socket_families_start[], __socket_families_end[];
static const struct file_ops socket_file_ops;
static struct mount *socket_mount;	/* constant after boot */

struct net *current_net(void)
{
	return current->nsproxy->net;
}

/* --- life --- */

void socket_setup(struct socket *sk, struct net *net, const struct socket_ops *ops, u16 family,
		  u16 type, u32 protocol)
{
	sk->net = net_get(net);
	sk->ops = ops;
	sk->family = family;
	sk->type = type;
	sk->protocol = protocol;
	refcount_set(&sk->refs, 1);
	wait_queue_init(&sk->wait);
	spin_lock_init(&sk->lock, RANK_SOCK);
	sk->sndbuf = SOCK_BUF_MAX;
	sk->rcvbuf = SOCK_BUF_MAX;
	sk->rcvlowat = 1;
	sk->peek_off = -1;
	sk->incoming_cpu = -1;
	sk->rcvtimeo = TIMEOUT_NEVER;
	sk->sndtimeo = TIMEOUT_NEVER;
}

void socket_end(struct socket *sk)
{
	net_put(sk->net);
}

struct socket *socket_get(struct socket *sk)
{
	refcount_inc(&sk->refs);
	return sk;
}

void socket_put(struct socket *sk)
{
	struct net *net = sk->net;

	if (!refcount_dec(&sk->refs))
		return;
	if (sk->peer_pid) {
		pid_put(sk->peer_pid);
		cred_put(sk->peer_cred);
	}
	sk->ops->free(sk);
	net_put(net);
}

const struct socket_family *socket_family_find(u32 family)
{
	for (const struct socket_family *f = __socket_families_start; f < __socket_families_end;
	     f++)
		if (f->family == family)
			return f;
	return NULL;
}

int socket_create(int family, u32 type, int protocol, struct socket **out)
{
	const struct socket_family *f;

	if ((u32)family >= AF_MAX)
		return -EAFNOSUPPORT;
	if (type >= SOCK_MAX)
		return -EINVAL;
	if (family == AF_INET && type == SOCK_PACKET)
		family = AF_PACKET;	/* the old way to ask for it */
	f = socket_family_find((u32)family);
	return f ? f->create(type, protocol, out) : -EAFNOSUPPORT;
}

/* Takes over both references of the pair it gives. */
static void set_peercred(struct socket *sk, struct pid *pid, const struct cred *cred)
{
	struct pid *old_pid;
	const struct cred *old_cred;

	spin_lock(&sk->lock);
	old_pid = sk->peer_pid;
	old_cred = sk->peer_cred;
	sk->peer_pid = pid;
	sk->peer_cred = cred;
	spin_unlock(&sk->lock);
	if (old_pid) {
		pid_put(old_pid);
		cred_put(old_cred);
	}
}

void socket_set_peercred(struct socket *sk)
{
	set_peercred(sk, pid_get(current_process()->pids[PIDTYPE_TGID]), cred_get(current_cred()));
}

void socket_copy_peercred(struct socket *to, struct socket *from)
{
	struct pid *pid = NULL;
	const struct cred *cred = NULL;

	spin_lock(&from->lock);
	if (from->peer_pid) {
		pid = pid_get(from->peer_pid);
		cred = cred_get(from->peer_cred);
	}
	spin_unlock(&from->lock);
	set_peercred(to, pid, cred);
}

int socket_broken_pipe(u32 flags)
{
	if (!(flags & MSG_NOSIGNAL)) {
		struct kernel_siginfo info;

		siginfo_fill_user(&info, SIGPIPE, SI_USER);
		(void)signal_send_thread(current, SIGPIPE, &info);
	}
	return -EPIPE;
}

/* --- waiting --- */

int sock_wait_wake(struct wait_entry *e, u32 key)
{
	const struct sock_wait *w = container_of(e, struct sock_wait, entry);

	if (key && !(key & w->key))
		return 0;
	return thread_wake(e->thread, TASK_NORMAL);
}

void sock_wait_abandon(struct wait_queue *q, struct sock_wait *w)
{
	wait_finish(q, &w->entry);
	wake_queue(q, 1, w->key);
}

void sock_pass_on_slow(struct socket *sk, u32 key)
{
	u64 flags = spin_lock_irqsave(&sk->wait.lock);
	struct wait_entry *e;

	list_for_each(e, &sk->wait.entries, node)
		if (e->func == sock_wait_wake && e->func(e, key))
			break;
	spin_unlock_irqrestore(&sk->wait.lock, flags);
}

/* --- the file --- */

static char *socket_name(struct dentry *d, char *buf, size_t size)
{
	snprintf(buf, size, "socket:[%lu]", d->inode->ino);
	return buf;
}

static struct dentry *socket_dentry(void)
{
	static const struct dentry_ops ops = { .dynamic_name = socket_name };
	static const struct inode_ops no_inode_ops;
	static u64 last_ino;		/* atomic */
	struct inode *inode = inode_new(socket_mount->sb);
	struct dentry *d;

	if (!inode)
		return NULL;
	inode_init_owner(inode, NULL, S_IFSOCK | 0777);
	inode->ino = __atomic_add_fetch(&last_ino, 1, __ATOMIC_RELAXED);
	inode->ops = &no_inode_ops;
	inode->atime = inode->mtime = inode->ctime = inode_now(inode);
	d = dentry_alloc_root(inode);
	if (d)
		d->ops = &ops;
	return d;
}

struct file *socket_file(struct socket *sk, u32 flags)
{
	struct dentry *d = socket_dentry();
	struct file *f = d ? file_alloc(O_RDWR | flags) : NULL;

	if (!f) {
		if (d)
			dentry_put(d);
		sk->ops->release(sk);
		socket_put(sk);
		return NULL;
	}
	f->path = (struct path){ socket_mount, d };
	refcount_inc(&socket_mount->refs);
	f->inode = d->inode;
	f->ops = &socket_file_ops;
	f->private = sk;
	f->mode |= FMODE_STREAM | FMODE_NOWAIT;
	atomic_inc(&sk->net->sockets);
	WRITE_ONCE(sk->file, f);
	sk->uid = d->inode->uid;
	WRITE_ONCE(sk->ino, d->inode->ino);
	return f;
}

struct socket *socket_of(const struct file *f)
{
	return f->ops == &socket_file_ops ? f->private : NULL;
}

static ssize_t socket_read(struct kio *kio, struct iov_iter *to)
{
	struct socket *sk = kio->file->private;
	struct sock_msg m = { .iter = to, .flags = kio_nonblock(kio) ? MSG_DONTWAIT : 0 };

	return iov_iter_count(to) ? sk->ops->recvmsg(sk, &m) : 0;
}

static ssize_t socket_write(struct kio *kio, struct iov_iter *from)
{
	struct socket *sk = kio->file->private;
	struct sock_msg m = { .iter = from, .flags = kio_nonblock(kio) ? MSG_DONTWAIT : 0 };

	if (sk->type == SOCK_SEQPACKET)
		m.flags |= MSG_EOR;
	if (kio->flags & KIO_MORE)
		m.flags |= MSG_MORE;
	return sk->ops->sendmsg(sk, &m);
}

static u32 socket_poll(struct file *f, struct poll_table *pt)
{
	struct socket *sk = f->private;

	return sk->ops->poll(sk, f, pt);
}

static long owner_ioctl(struct file *f, u32 cmd, u64 arg)
{
	int who;

	if (cmd == FIOGETOWN || cmd == SIOCGPGRP)
		return put_user(file_get_owner(f), arg);
	return get_user(who, arg) ? -EFAULT : file_set_owner(f, who);
}

static long socket_ioctl(struct file *f, u32 cmd, u64 arg)
{
	struct socket *sk = f->private;
	long ret;

	if (cmd >= FIOSETOWN && cmd <= SIOCGPGRP)
		return owner_ioctl(f, cmd, arg);
	ret = sk->ops->ioctl ? sk->ops->ioctl(sk, cmd, arg) : -ENOTTY;
	/* Any socket is good to ask for interfaces. */
	return ret == -ENOTTY ? netdev_ioctl(sk->net, cmd, arg) : ret;
}

static int socket_mmap(struct file *f, struct vma *vma)
{
	struct socket *sk = f->private;

	return sk->ops->mmap ? sk->ops->mmap(sk, vma) : -ENODEV;
}

static void socket_release(struct file *f)
{
	struct socket *sk = f->private;

	atomic_dec(&sk->net->sockets);
	sk->ops->release(sk);
	socket_put(sk);
}

static const struct file_ops socket_file_ops = {
	.read = socket_read,
	.write = socket_write,
	.poll = socket_poll,
	.async = true,
	.ioctl = socket_ioctl,
	.mmap = socket_mmap,
	.release = socket_release,
};

void __init socket_init(void)
{
	static const struct fstype type = { .name = "sockfs" };

	socket_mount = mount_internal(&type, SOCKFS_MAGIC, S_IFDIR | 0777);
	BUG_ON(!socket_mount);
	inet_sock_init();
	unix_init();
	nsfs_init();
	net_proc_init();
	route_notify_init();
}
