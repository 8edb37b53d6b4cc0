/* SPDX-License-Identifier: MIT */
/*
 * Inside AF_UNIX. Theory and invariants: unix.c.
 */
#pragma once
#include <fs/vfs.h>
#include <net/socket.h>
#include <kernel/lock/mutex.h>
#include <kernel/uapi/socket.h>

#define UNIX_NAME_AT	offsetof(struct sockaddr_un, path)
#define UNIX_HEAD_MAX	3776u	/* bytes of a message beside its header; what is more is in pages */

/* A name: constant, shared by a listener and the connections made through it. */
struct unix_addr {
	refcount_t refs;
	u32 len;			/* with the family */
	u32 hash;			/* abstract: of name and type */
	struct sockaddr_un un;
	char end;			/* a path of full length has its NUL here */
};

/* A piece of a stream, or a datagram. Whoever took it off the queue owns it. */
struct unix_msg {
	struct list_head node;		/* receiver's queue */
	u32 len, consumed;		/* bytes, and those a stream's reader has taken */
	u32 charge;			/* counted in sender->wmem */
	u32 nr_pages;
	bool peeked;			/* of no bytes: SO_PEEK_OFF has passed it */
	struct unix_sock *sender;	/* counted */
	struct pid *pid;		/* the sender's credentials; NULL and -1: not told */
	uid_t uid;
	gid_t gid;
	struct scm_rights *rights;	/* in flight (flight.c), or NULL */
	u8 *head;			/* the first bytes; the rest in pages */
	struct page *pages[];
};

enum unix_state { UNIX_CLOSE, UNIX_LISTEN, UNIX_ESTABLISHED };

struct unix_sock {
	struct socket sk;		/* must be first */

	/* Guarded by sk.lock; state and dead may be read without. */
	struct unix_sock *peer;		/* counted. Streams and seqpackets: once set it stays until the release */
	struct list_head queue;		/* messages to be read; only readers remove, under read_mutex */
	struct list_head embryos;	/* of a listener, by embryo_node */
	struct list_head blocked;	/* sockets whose poll found this queue full, by blocked_node */
	u32 arrivals;			/* messages that were ever queued */
	u32 queue_len;			/* messages; of a listener: connections to be accepted */
	u32 backlog;			/* queue_len may exceed it by one */
	u8 state;			/* enum unix_state: a listener stays one, a connection too */
	bool dead;			/* released: takes nothing any more */
	bool embryo;			/* not yet accepted */

	/* Guarded by flight_mutex (flight.c). */
	bool suspect;
	u32 in_flight;			/* references to sk.file in messages */
	/* of those, not explained by messages in suspects' queues */
	u32 outside;
	struct list_head flight_node;

	struct list_head embryo_node;	/* the listener's lock */
	struct list_head blocked_node;	/* in peer->blocked, a reference with it; the peer's lock */

	struct unix_addr *addr;		/* set once, under bind_mutex; read with acquire */
	struct path path;		/* of a name in the file system, until the release; its bucket's lock */
	struct mutex bind_mutex;	/* RANK_SOCK_BIND */
	struct mutex read_mutex;	/* RANK_SOCK_READ: one reader at a time */
	struct wait_queue room_wait;	/* senders and connectors that found the queue full */
	atomic_t wmem;			/* charge of the messages it has sent that are not read yet */

	u32 all_bucket;			/* constant */
	struct list_head all_node;	/* every socket; its bucket's lock */
	struct hlist_node name_node;	/* those with names; its bucket's lock */
};

static inline struct unix_sock *unix_of(struct socket *sk)
{
	return container_of(sk, struct unix_sock, sk);
}
static inline struct unix_sock *unix_get(struct unix_sock *u)
{
	socket_get(&u->sk);
	return u;
}
static inline void unix_put(struct unix_sock *u)
{
	socket_put(&u->sk);
}
static inline bool unix_is_dgram(const struct unix_sock *u)
{
	return u->sk.type == SOCK_DGRAM;
}
static inline bool unix_queue_full(const struct unix_sock *u)
{
	return READ_ONCE(u->queue_len) > READ_ONCE(u->backlog);
}
static inline const struct unix_addr *unix_addr(const struct unix_sock *u)
{
	return smp_load_acquire(&u->addr);
}

/* unix.c */
void unix_init(void);			/* boot thread, before the first socket */
struct unix_sock *unix_alloc(struct net *net, u32 type);	/* one reference; NULL: no memory */
void unix_release(struct socket *sk);
void unix_lock_two(struct unix_sock *a, struct unix_sock *b);	/* in any order; a == b is fine */
void unix_unlock_two(struct unix_sock *a, struct unix_sock *b);
struct unix_sock *unix_peer_get(struct unix_sock *u);	/* with a reference; NULL */
bool unix_writable(const struct unix_sock *u);
u32 unix_unread_locked(const struct unix_sock *u);	/* bytes; of datagrams those of the first */
u32 unix_poll_mask(const struct unix_sock *u);		/* all of poll's answer but whether it may send */
/* Room in u's queue: one that waits for it is woken, and all whose poll asked for it. */
void unix_tell_room(struct unix_sock *u);
void unix_copy_addr(const struct unix_sock *from, struct sock_msg *m);

/* name.c */
int unix_bind(struct socket *sk, const union sock_addr *addr, u32 len);
int unix_autobind(struct unix_sock *u);			/* an abstract name, if it has none */
int unix_check_addr(const union sock_addr *addr, u32 len);
/*
 * The socket of that name and type, with a reference; abstract names are a namespace's, paths are
 * not. -ECONNREFUSED, -EPROTOTYPE, those of a path walk.
 */
int unix_find(struct net *net, const union sock_addr *addr, u32 len, u32 type,
	      struct unix_sock **out);
void unix_addr_put(struct unix_addr *a);
void unix_table_add(struct unix_sock *u);
void unix_table_remove(struct unix_sock *u);
/* Calls fn for each socket of a bucket, under its lock; false: there is no such bucket. */
bool unix_table_walk(u32 bucket, void (*fn)(struct unix_sock *u, void *arg), void *arg);

/* connect.c */
int unix_listen(struct socket *sk, u32 backlog);
int unix_stream_connect(struct socket *sk, const union sock_addr *addr, u32 len, u32 flags);
int unix_accept(struct socket *sk, u32 flags, struct socket **out);
int unix_socketpair(struct socket *a, struct socket *b);

/* queue.c */
/*
 * A message of the next len bytes of from, charged to u: waits until u may send, at most *left. 0
 * and *out, -EAGAIN, -EPIPE, -EFAULT, -ENOMEM, the socket's error. Credentials are scm's if it has
 * some.
 */
int unix_msg_create(struct unix_sock *u, struct iov_iter *from, size_t len, const struct scm *scm,
		    ktime_t *left, struct unix_msg **out);
void unix_msg_free(struct unix_msg *msg);
/* Put in the queue of `to`, whose lock is held: it is the receiver's from here on. */
void unix_msg_queue_locked(struct unix_sock *to, struct unix_msg *msg);
/* Bytes of [at, at + n) that went to the iterator: fewer where it faults. */
size_t unix_msg_copy(const struct unix_msg *msg, size_t at, size_t n, struct iov_iter *to);
struct unix_msg *unix_msg_first(const struct unix_sock *u);	/* NULL: none; read_mutex held */
struct unix_msg *unix_msg_next(const struct unix_sock *u, const struct unix_msg *msg);	/* likewise */
/*
 * The one that SO_PEEK_OFF leads to: *skip bytes behind its front; NULL: none, until more than
 * *arrivals have arrived. read_mutex held.
 */
struct unix_msg *unix_msg_at_offset(struct unix_sock *u, size_t *skip, u32 *arrivals);
void unix_msg_unlink(struct unix_sock *u, struct unix_msg *msg);
/* What goes to the receiver beside the data: moved out of the message, or for MSG_PEEK copied. */
int unix_msg_take_scm(struct unix_msg *msg, struct scm *scm, bool peek);

/* stream.c, dgram.c */
ssize_t unix_stream_send(struct socket *sk, struct sock_msg *m);
ssize_t unix_stream_recv(struct socket *sk, struct sock_msg *m);
int unix_dgram_connect(struct socket *sk, const union sock_addr *addr, u32 len, u32 flags);
ssize_t unix_dgram_send(struct socket *sk, struct sock_msg *m);
ssize_t unix_dgram_recv(struct socket *sk, struct sock_msg *m);
ssize_t unix_seqpacket_send(struct socket *sk, struct sock_msg *m);
ssize_t unix_seqpacket_recv(struct socket *sk, struct sock_msg *m);
u32 unix_dgram_poll(struct socket *sk, struct file *f, struct poll_table *pt);

/* diag.c */
int unix_diag(const struct nl_request *r, struct nl_out *o);

/* flight.c */
/* The files of a message are about to be queued; -ETOOMANYREFS. */
int unix_flight_begin(struct scm_rights *r);
void unix_flight_end(struct scm_rights *r);		/* they are out of it again */
/* A reader has copies of files that stay in a message: see flight.c. */
void unix_flight_barrier(void);
/* a socket ends: look whether others have become unreachable */
void unix_flight_collect(void);
