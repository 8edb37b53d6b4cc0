/* SPDX-License-Identifier: MIT */
/*
 * Netlink (RFC 3549): messages between programs and parts of the kernel. What a socket
 * is: netlink.c; what NETLINK_ROUTE's messages say: route.c and the files beside it.
 */
#pragma once
#include <net/socket.h>
#include <kernel/errno.h>

#define NETLINK_ROUTE	0

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

struct netlink_sock;

/*
 * Messages being made. Never fails: when len has passed size what was made is cut, and the maker
 * starts again with a larger one.
 */
struct nl_out {
	u8 *data;
	u32 size, len;
	u32 seq, pid;			/* of the messages: the request's, and whom they go to */
	u16 flags;			/* NLM_F_MULTI in a dump */
	u32 message, nest;		/* where the present message, attribute container begins */
};

void *nl_begin(struct nl_out *o, u16 type, u32 payload);	/* zeroed; NULL: cut */
void nl_end(struct nl_out *o);
void nl_put(struct nl_out *o, u16 type, const void *data, u32 len);
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
	const struct nlmsghdr *h;
	const void *payload;		/* as long as the caller asked for */
	const struct nlattr *attr[NL_ATTRS];
};
int __must_check nl_parse(struct nl_in *in, const struct nlmsghdr *h, u32 payload);
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
	const struct nlmsghdr *h;
	bool dump;
};
int route_answer(const struct nl_request *r, struct nl_out *o);	/* the RTM_GET* */
int route_change(const struct nl_request *r);				/* the others; caller may */
bool route_is_get(u16 type);
/* To all sockets of a group (RTNLGRP_*, from 1): make() makes the message. Thread context, may sleep. */
void netlink_notify(u32 group, void (*make)(struct nl_out *o, const void *what), const void *what);
void route_notify_init(void);
