/* SPDX-License-Identifier: MIT */
/*
 * Sockets: what all families share, and what a family gives.
 *
 * A socket is a file whose private is a struct socket, the first member of its
 * family's own structure. The file holds one reference; a peer, a message on its
 * way, a connection waiting to be accepted hold others. close(2) of the last file calls
 * ops->release: the socket is dead then, and freed with its last reference.
 *
 * There is one wait queue. Who waits says for what (poll events), and a wake-up names
 * what happened, so that readers are not woken for room nor writers for data.
 */
#pragma once
#include <fs/file.h>
#include <fs/poll.h>
#include <net/net.h>
#include <kernel/lock/wait.h>
#include <kernel/task/signal.h>
#include <kernel/uapi/socket.h>

struct socket;
struct pid;
struct account;
struct nl_out;
struct nl_request;
struct seq;
struct vma;

union sock_addr {
	u16 family;
	struct sockaddr_un un;
	u8 bytes[SOCKADDR_MAX];
};

/* Files passed along with a message, and who sent it. */
struct scm_rights {
	u32 nr;
	/* whose limit they count against while in flight; unix/flight.c */
	struct account *account;
	struct file *file[];		/* a reference each */
};
struct scm {
	struct scm_rights *rights;	/* NULL: none. The holder's to free */
	struct pid *pid;		/* counted; NULL: not told */
	uid_t uid;			/* (uid_t)-1: not told */
	gid_t gid;
};

/* One sendmsg or recvmsg. */
struct sock_msg {
	struct iov_iter *iter;
	/*
	 * Send: the destination, NULL for none. Receive: room for the sender's; NULL: not wanted.
	 */
	union sock_addr *name;
	u32 name_len;			/* receive: 0 until the family sets it */
	u32 flags;			/* MSG_*; MSG_DONTWAIT also where the file is O_NONBLOCK */
	u32 out_flags;			/* receive: MSG_TRUNC, MSG_CTRUNC ... */
	u8 *control;			/* send: control messages, copied; NULL: none */
	size_t control_len;
	uaddr_t ucontrol;		/* receive: room for control messages, advanced; 0: none */
	size_t ucontrol_len;
};

/* What a socket keeps in memory, in bytes: SO_MEMINFO, ss -m. */
struct sock_memory {
	u32 rmem, wmem, queued;		/* received, on its way out, waiting to be sent */
	u32 backlog, drops;
};
#define SOCK_MEMINFO_WORDS	9u	/* SK_MEMINFO_* of the ABI */

/*
 * Context of all: thread, may sleep, no lock held. Results: 0, bytes, or -errno with Linux's
 * values. A NULL method is refused with -EOPNOTSUPP but where said.
 */
struct socket_ops {
	int (*bind)(struct socket *sk, const union sock_addr *addr, u32 len);
	/* O_NONBLOCK */
	int (*connect)(struct socket *sk, const union sock_addr *addr, u32 len, u32 flags);
	int (*socketpair)(struct socket *a, struct socket *b);
	int (*listen)(struct socket *sk, u32 backlog);
	/* O_NONBLOCK; a reference */
	int (*accept)(struct socket *sk, u32 flags, struct socket **out);
	/* length of *addr */
	int (*getname)(struct socket *sk, union sock_addr *addr, bool peer);
	ssize_t (*sendmsg)(struct socket *sk, struct sock_msg *m);
	ssize_t (*recvmsg)(struct socket *sk, struct sock_msg *m);
	int (*shutdown)(struct socket *sk, int how);			/* SHUT_*, unchecked */
	u32 (*poll)(struct socket *sk, struct file *f, struct poll_table *pt);
	/* NULL, -ENOTTY: not known */
	long (*ioctl)(struct socket *sk, u32 cmd, uaddr_t arg);
	int (*setsockopt)(struct socket *sk, int level, int name, uaddr_t val, u32 len);
	int (*getsockopt)(struct socket *sk, int level, int name, uaddr_t val, uaddr_t ulen);
	/*
	 * An option of SOL_SOCKET is about to have this value (buffers: as counted, twice what was
	 * asked for). NULL: the family does not mind. Else 0, or why it may not.
	 */
	int (*set_option)(struct socket *sk, int name, u32 value);
	/* SO_ERROR, negative; NULL: socket_take_error() */
	int (*take_error)(struct socket *sk);
	/* NULL: -ENOPROTOOPT */
	int (*attach_filter)(struct socket *sk, uaddr_t val, u32 len, bool attach);
	int (*mmap)(struct socket *sk, struct vma *vma);		/* NULL: -ENODEV */
	/* *m is zeroed. NULL: nothing */
	void (*meminfo)(struct socket *sk, struct sock_memory *m);
	/* its last file is closed, or it never got one */
	void (*release)(struct socket *sk);
	void (*free)(struct socket *sk);		/* the last reference is gone */
	bool (*is_listening)(struct socket *sk);	/* SO_ACCEPTCONN; NULL: never */
};

struct socket_family {
	u16 family;
	const char *name;
	/* 0 and *out with one reference, or -errno. type is known to be in range. */
	int (*create)(u32 type, u32 protocol, struct socket **out);
	/* NETLINK_SOCK_DIAG: tell of sockets what r asks (net/netlink/netlink.h). NULL: -ENOENT. */
	int (*diag)(const struct nl_request *r, struct nl_out *o);
};
/* NULL: there is none. */
const struct socket_family *socket_family_find(u32 family);
#define SOCKET_FAMILY(id) \
	static const struct socket_family socket_family_##id \
	__attribute__((used, section("socket_families"), aligned(_Alignof(struct socket_family))))

struct socket {
	/* Constant after creation. */
	const struct socket_ops *ops;
	u16 family, type;
	u32 protocol;
	struct net *net;		/* that it was made in; counted */

	refcount_t refs;
	uid_t uid;			/* of the file's inode */
	struct file *file;		/* not counted; set once, the file outlives its use here */
	u64 ino;			/* 0 while it has no file; set once */
	struct wait_queue wait;		/* readers, writers, who polls: keyed by EPOLL* */
	u64 cookie;			/* SO_COOKIE: atomic; 0 until asked for */

	/* Words that any thread may store (READ_ONCE, WRITE_ONCE). */
	u32 options;			/* SOCK_OPT_*; atomic or and and-not */
	u32 sndbuf, rcvbuf;		/* bytes, as Linux counts them: twice what was asked for */
	u32 rcvlowat;
	ktime_t rcvtimeo, sndtimeo;	/* ns; TIMEOUT_NEVER */
	u32 priority, mark;
	u32 device;			/* SO_BINDTODEVICE: index of an interface, 0: any */
	u32 stamping;			/* SO_TIMESTAMPING: SOF_TIMESTAMPING_* */
	s32 peek_off;			/* SO_PEEK_OFF: where MSG_PEEK begins; -1: in front */
	s32 incoming_cpu;		/* SO_INCOMING_CPU; -1: none yet */
	s32 linger_s;			/* SO_LINGER's time; counts if SOCK_OPT_LINGER */
	u32 shutdown;			/* SOCK_SHUT_*; written under lock */
	s32 error;			/* to be reported once, positive; atomic exchange */

	struct spinlock lock;		/* RANK_SOCK: guards these, and what the family says */
	struct pid *peer_pid;		/* SO_PEERCRED, as of connect, listen or socketpair; counted */
	const struct cred *peer_cred;
};

#define SOCK_OPT_DEBUG		BIT(0)
#define SOCK_OPT_REUSEADDR	BIT(1)
#define SOCK_OPT_REUSEPORT	BIT(2)
#define SOCK_OPT_DONTROUTE	BIT(3)
#define SOCK_OPT_BROADCAST	BIT(4)
#define SOCK_OPT_KEEPALIVE	BIT(5)
#define SOCK_OPT_OOBINLINE	BIT(6)
#define SOCK_OPT_NO_CHECK	BIT(7)
#define SOCK_OPT_LINGER		BIT(8)
#define SOCK_OPT_PASSCRED	BIT(9)
#define SOCK_OPT_STAMP		BIT(10)	/* SO_TIMESTAMP, or SO_TIMESTAMPNS: */
#define SOCK_OPT_STAMP_NS	BIT(11)
#define SOCK_OPT_STAMP_NEW	BIT(12)	/* by its new number; the form is the same on 64 bits */
#define SOCK_OPT_STAMPING_NEW	BIT(13)
#define SOCK_OPT_LOCK_FILTER	BIT(14)
#define SOCK_OPT_ZEROCOPY	BIT(15)

#define SOCK_SHUT_RCV		BIT(0)
#define SOCK_SHUT_SEND		BIT(1)
#define SOCK_SHUT_BOTH		(SOCK_SHUT_RCV | SOCK_SHUT_SEND)

/* Linux's default, and what SO_SNDBUF and SO_RCVBUF can ask for at most */
#define SOCK_BUF_MAX		212992u
/* bytes of control messages in one call; Linux's optmem_max */
#define SOCK_CONTROL_MAX 131072u
#define SOCK_MIN_SNDBUF		4608u
#define SOCK_MIN_RCVBUF		2304u

#define SOCK_POLL_IN		(EPOLLIN | EPOLLRDNORM)
#define SOCK_POLL_OUT		(EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND)

static inline bool sock_option(const struct socket *sk, u32 bit)
{
	return READ_ONCE(sk->options) & bit;
}

struct net *current_net(void);	/* the calling thread's */
/* For families: a zeroed struct socket's common part, with one reference. */
void socket_setup(struct socket *sk, struct net *net, const struct socket_ops *ops, u16 family,
		  u16 type, u32 protocol);
void socket_end(struct socket *sk);	/* undoes it, where nobody has it yet */
struct socket *socket_get(struct socket *sk);
void socket_put(struct socket *sk);
/* One more reference, unless the last is gone. For tables. */
static inline bool __must_check socket_get_live(struct socket *sk)
{
	return refcount_inc_not_zero(&sk->refs);
}
/* The socket of a file, NULL: it is none. */
struct socket *socket_of(const struct file *f);
/* Who a peer will be told we are: the calling process. Takes sk->lock. */
void socket_set_peercred(struct socket *sk);
/* to's peer is whoever from's peercred names. Takes both locks, one after the other. */
void socket_copy_peercred(struct socket *to, struct socket *from);

/* The pending error, negative, and none is pending then; 0. */
static inline int socket_take_error(struct socket *sk)
{
	if (likely(!READ_ONCE(sk->error)))
		return 0;
	return -__atomic_exchange_n(&sk->error, 0, __ATOMIC_RELAXED);
}
static inline void socket_set_error(struct socket *sk, int error)
{
	WRITE_ONCE(sk->error, error);
}
/* -EPIPE, and SIGPIPE for the caller unless flags have MSG_NOSIGNAL. */
int socket_broken_pipe(u32 flags);

/* This receive begins at an offset: what waits there may be what it peeked at already. */
static inline bool sock_peeks_at_offset(const struct socket *sk, u32 flags)
{
	return unlikely(flags & MSG_PEEK) && READ_ONCE(sk->peek_off) >= 0;
}
/* Where, in bytes. */
static inline size_t sock_peek_offset(const struct socket *sk, u32 flags)
{
	return sock_peeks_at_offset(sk, flags) ? (size_t)READ_ONCE(sk->peek_off) : 0;
}

/* n bytes were peeked at; what was received counts backwards. */
static inline void sock_peek_advance(struct socket *sk, ssize_t n)
{
	s32 off = READ_ONCE(sk->peek_off);

	if (unlikely(off >= 0))
		WRITE_ONCE(sk->peek_off, (s32)max_t(s64, off + n, 0));
}

/* --- waiting --- */

/*
 * In sk->wait, woken only by events of its key (a wake-up without key is for all), one at a time.
 */
struct sock_wait {
	struct wait_entry entry;
	u32 key;
};
int sock_wait_wake(struct wait_entry *e, u32 key);
/* Leaves without its event: what may have been meant for it goes to the next of its key. */
void sock_wait_abandon(struct wait_queue *q, struct sock_wait *w);

/*
 * Who has taken a part leaves the rest to the next that sleeps for it: one wake-up may stand for
 * more than one message. Pollers have been told of all of it.
 */
void sock_pass_on_slow(struct socket *sk, u32 key);
static inline bool sock_has_sleepers(const struct socket *sk)
{
	return unlikely(!list_empty(&sk->wait.entries));
}
static inline void sock_pass_on(struct socket *sk, u32 key)
{
	if (sock_has_sleepers(sk))
		sock_pass_on_slow(sk, key);
}

/* What is left of a wait: 0 at once for MSG_DONTWAIT. */
static inline ktime_t sock_timeout(ktime_t option, bool nonblock)
{
	return nonblock ? 0 : option;
}
/* A signal came while waiting: a wait with a limit is not begun anew. */
static inline int sock_interrupted(ktime_t left)
{
	return left == TIMEOUT_NEVER ? -ERESTARTSYS : -EINTR;
}

/*
 * Sleep on q until cond, for at most *left, which is updated. 0: cond held; -EAGAIN: the time is
 * over (at once for *left 0); -ERESTARTSYS, -EINTR.
 */
#define sock_wait_event(q, events, cond, left) ({ \
	int _ret = 0; \
	if (!(cond)) { \
		struct sock_wait _w = { .key = (events) }; \
		wait_entry_init(&_w.entry, sock_wait_wake); \
		_w.entry.flags = WAIT_EXCLUSIVE; \
		for (;;) { \
			if (!*(left)) { \
				_ret = -EAGAIN; \
				break; \
			} \
			wait_prepare(q, &_w.entry, TASK_INTERRUPTIBLE); \
			if (cond) \
				break; \
			if (signal_pending(current)) { \
				_ret = sock_interrupted(*(left)); \
				break; \
			} \
			*(left) = schedule_timeout(*(left)); \
			if (cond) \
				break; \
		} \
		if (!_ret) \
			wait_finish(q, &_w.entry); \
		else if (!list_empty(&_w.entry.node)) \
			sock_wait_abandon(q, &_w); \
	} \
	_ret; })

/* --- control messages (net/cmsg.c) --- */

/*
 * Walks the checked control buffer of a send: the
 * first for NULL; NULL: the end, -EINVAL as ERR_PTR.
 */
struct cmsghdr *cmsg_next(const struct sock_msg *m, struct cmsghdr *c);
/* One more for the receiver; what does not fit is cut, and out_flags tell. */
void cmsg_put(struct sock_msg *m, int level, int type, const void *data, size_t len);

/* When a message came (CLOCK_REALTIME ns, 0: nobody looked), if the receiver wants to know. */
void sock_tell_stamp_slow(struct socket *sk, struct sock_msg *m, u64 stamp_ns);
static inline bool sock_wants_stamp(const struct socket *sk)
{
	return sock_option(sk, SOCK_OPT_STAMP) || READ_ONCE(sk->stamping);
}
static inline void sock_tell_stamp(struct socket *sk, struct sock_msg *m, u64 stamp_ns)
{
	if (unlikely(sock_wants_stamp(sk)))
		sock_tell_stamp_slow(sk, m, stamp_ns);
}

/*
 * Takes what a send's SOL_SOCKET control messages say.
 * rights: files may be passed. 0, -EBADF, -EPERM, -EINVAL ...
 */
int __must_check scm_parse_slow(struct scm *scm, const struct sock_msg *m, bool rights);
static inline int __must_check scm_parse(struct scm *scm, const struct sock_msg *m, bool rights)
{
	*scm = (struct scm){ .uid = -1, .gid = -1 };
	return likely(!m->control) ? 0 : scm_parse_slow(scm, m, rights);
}
void scm_free_slow(struct scm *scm);
static inline void scm_free(struct scm *scm)
{
	if (unlikely(scm->rights || scm->pid))
		scm_free_slow(scm);
}
/* Gives it to the receiver, and frees it. */
void scm_deliver_slow(struct socket *sk, struct sock_msg *m, struct scm *scm);
static inline void scm_deliver(struct socket *sk, struct sock_msg *m, struct scm *scm)
{
	if (unlikely(scm->rights || scm->pid || sock_option(sk, SOCK_OPT_PASSCRED)))
		scm_deliver_slow(sk, m, scm);
}
/* with references; NULL: no memory */
struct scm_rights *scm_rights_copy(const struct scm_rights *r);
void scm_rights_free(struct scm_rights *r);			/* NULL is fine */

/* --- between the files of net --- */

int sock_setsockopt(struct socket *sk, int name, uaddr_t val, u32 len);		/* SOL_SOCKET */
int sock_getsockopt(struct socket *sk, int name, uaddr_t val, uaddr_t ulen);
/*
 * Copies up to len bytes of an option's value to user
 * memory and the length to ulen. 0, -EFAULT, -EINVAL.
 */
int sock_put_option(uaddr_t val, uaddr_t ulen, const void *data, u32 len);
u64 socket_cookie(struct socket *sk);			/* SO_COOKIE; never 0. Any context */
/* SO_MEMINFO's words of a socket with this in memory. */
void socket_meminfo(const struct socket *sk, const struct sock_memory *m,
		    u32 out[SOCK_MEMINFO_WORDS]);
int socket_create(int family, u32 type, int protocol, struct socket **out);
/*
 * A file for sk, whose reference it takes over; flags:
 * O_NONBLOCK. NULL: no memory, and sk is released.
 */
struct file *socket_file(struct socket *sk, u32 flags);
u32 sock_msg_flags(const struct file *f, u32 flags);	/* with MSG_DONTWAIT where O_NONBLOCK is set */
void socket_init(void);
