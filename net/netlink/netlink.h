/* SPDX-License-Identifier: MIT */
/*
 * Netlink (RFC 3549): messages between programs and parts of the kernel. What a socket
 * is: netlink.c; what NETLINK_ROUTE's messages say: route.c; NETLINK_SOCK_DIAG's: diag.c.
 */
#pragma once
#include <net/socket.h>
#include <kernel/errno.h>
#include <kernel/lock/mutex.h>

#define NETLINK_ROUTE	0
#define NETLINK_SOCK_DIAG 4

struct nlmsghdr {
	u32 len;
	u16 type, flags;
	u32 seq, pid;
};
#define NLM_F_REQUEST	0x1
#define NLM_F_MULTI	0x2
#define NLM_F_ACK	0x4
#define NLM_F_ROOT	0x100
#define NLM_F_MATCH	0x200
#define NLM_F_DUMP	(NLM_F_ROOT | NLM_F_MATCH)
#define NLM_F_REPLACE	0x100
#define NLM_F_EXCL	0x200
#define NLM_F_CREATE	0x400

#define NLMSG_ERROR	2
#define NLMSG_DONE	3
#define NLMSG_MIN_TYPE	16
#define NL_ALIGN(n)	ALIGN_UP((u32)(n), 4u)

struct nlattr {
	u16 len, type;			/* len: with this header */
};
#define NLA_TYPE_MASK	0x3fff

struct netlink_sock {
	struct socket sk;		/* must be first */
	struct mutex read_mutex;	/* RANK_SOCK_READ */
	const struct nl_protocol *protocol;	/* constant */

	/* Guarded by netlink.c's lock of all sockets. */
	struct list_head node;
	u32 port;			/* 0: none yet */
	u32 groups;			/* BIT(group - 1) */

	/* Guarded by sk.lock. */
	struct list_head queue;
	u32 queued;			/* bytes */
	/* a word: an error's answer has the request's header alone */
	u32 cap_ack;
};
/* Those of a namespace; fn may not sleep. */
void netlink_for_each(struct net *net, void (*fn)(struct netlink_sock *n, void *arg), void *arg);

/*
 * Messages being made. Never fails: when len has passed size what was made is cut, and the maker
 * starts again with a larger one.
 */
struct nl_out {
	u8 *data;
	u32 size, len;
	u32 seq, pid;			/* of the messages: the request's, and whom they go to */
	u16 flags;			/* NLM_F_MULTI in a dump */
	u32 message;			/* where the present one begins */
};

void *nl_begin(struct nl_out *o, u16 type, u32 payload);	/* zeroed; NULL: cut */
void nl_end(struct nl_out *o);
void nl_put(struct nl_out *o, u16 type, const void *data, u32 len);
u32 nl_nest_begin(struct nl_out *o, u16 type);	/* what follows stands inside; for nl_nest_end() */
void nl_nest_end(struct nl_out *o, u32 nest);
static inline void nl_put_u32(struct nl_out *o, u16 type, u32 v)
{
	nl_put(o, type, &v, sizeof(v));
}
static inline void nl_put_u8(struct nl_out *o, u16 type, u8 v)
{
	nl_put(o, type, &v, sizeof(v));
}
static inline void nl_put_text(struct nl_out *o, u16 type, const char *s)
{
	nl_put(o, type, s, __builtin_strlen(s) + 1);
}

/* A request: header, payload and attributes by type, those above max left out. */
#define NL_ATTRS	64
struct nl_in {
	struct net *net;		/* the request's; of what is nested in one, none */
	const struct nlmsghdr *h;
	const void *payload;		/* as long as the caller asked for */
	const struct nlattr *attr[NL_ATTRS];
};
int __must_check nl_parse(struct nl_in *in, const struct nlmsghdr *h, u32 payload);
/* The attributes inside one; in->payload is NULL. */
int __must_check nl_parse_nested(struct nl_in *in, const void *attributes, u32 len);
/* Of at least len bytes: its data; NULL: it is not there or too short. */
const void *nl_attr(const struct nl_in *in, u16 type, u32 len);
static inline u32 nl_attr_u32(const struct nl_in *in, u16 type, u32 otherwise)
{
	const u32 *p = nl_attr(in, type, sizeof(*p));

	return p ? *p : otherwise;
}

/*
 * What a request asks: make the answer (dump: all there is). Run again with more room where it
 * was cut: change things only if o is NULL, that is in `change`.
 */
struct nl_request {
	struct net *net;		/* the socket's */
	const struct nlmsghdr *h;
	bool dump;
};
struct nl_protocol {
	u32 nr;				/* NETLINK_* */
	bool (*is_get)(u16 type);
	int (*answer)(const struct nl_request *r, struct nl_out *o);	/* what is asked */
	/* what is not; the caller has CAP_NET_ADMIN */
	int (*change)(const struct nl_request *r);
};
extern const struct nl_protocol nl_route, nl_sock_diag;

/*
 * To all sockets of a group of NETLINK_ROUTE (RTNLGRP_*, from 1) in that namespace: make() makes
 * the message.
 * Thread context, may sleep.
 */
void netlink_notify(struct net *net, u32 group, void (*make)(struct nl_out *o, const void *what), const void *what);
void route_notify_init(void);

/* --- for the `diag` of socket families --- */

struct sock_diag_req {
	u8 family, protocol;
};
void *sock_diag_begin(struct nl_out *o, u32 payload);	/* one socket; as nl_begin() */
void sock_diag_cookie(struct socket *sk, u32 out[2]);
void sock_diag_put_meminfo(struct nl_out *o, u16 type, const struct socket *sk,
			   const struct sock_memory *m);
int netlink_diag(const struct nl_request *r, struct nl_out *o);
