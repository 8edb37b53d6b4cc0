/* SPDX-License-Identifier: MIT */
/* Sockets in the Linux riscv64 ABI: families, types, options, message flags, structures. */
#pragma once
#include <kernel/types.h>

#define AF_UNSPEC	0
#define AF_UNIX		1
#define AF_INET		2
#define AF_INET6	10
#define AF_NETLINK	16
#define AF_PACKET	17
#define AF_MAX		46

#define SOCK_STREAM	1
#define SOCK_DGRAM	2
#define SOCK_RAW	3
#define SOCK_RDM	4
#define SOCK_SEQPACKET	5
#define SOCK_PACKET	10
#define SOCK_MAX	11
#define SOCK_TYPE_MASK	0xf
#define SOCK_CLOEXEC	02000000
#define SOCK_NONBLOCK	00004000

#define SHUT_RD		0
#define SHUT_WR		1
#define SHUT_RDWR	2

#define SOMAXCONN	4096

#define MSG_OOB		0x1u
#define MSG_PEEK	0x2u
#define MSG_DONTROUTE	0x4u
#define MSG_CTRUNC	0x8u
#define MSG_TRUNC	0x20u
#define MSG_DONTWAIT	0x40u
#define MSG_EOR		0x80u
#define MSG_WAITALL	0x100u
#define MSG_CONFIRM	0x800u
#define MSG_ERRQUEUE	0x2000u
#define MSG_NOSIGNAL	0x4000u
#define MSG_MORE	0x8000u
#define MSG_WAITFORONE	0x10000u
#define MSG_ZEROCOPY	0x4000000u
#define MSG_FASTOPEN	0x20000000u
#define MSG_CMSG_CLOEXEC 0x40000000u
#define MSG_CMSG_COMPAT	0x80000000u

#define SOL_SOCKET	1
#define SO_DEBUG	1
#define SO_REUSEADDR	2
#define SO_TYPE		3
#define SO_ERROR	4
#define SO_DONTROUTE	5
#define SO_BROADCAST	6
#define SO_SNDBUF	7
#define SO_RCVBUF	8
#define SO_KEEPALIVE	9
#define SO_OOBINLINE	10
#define SO_NO_CHECK	11
#define SO_PRIORITY	12
#define SO_LINGER	13
#define SO_REUSEPORT	15
#define SO_PASSCRED	16
#define SO_PEERCRED	17
#define SO_RCVLOWAT	18
#define SO_SNDLOWAT	19
#define SO_RCVTIMEO_OLD	20
#define SO_SNDTIMEO_OLD	21
#define SO_BINDTODEVICE	25
#define SO_ATTACH_FILTER 26
#define SO_DETACH_FILTER 27
#define SO_PEERNAME	28
#define SO_TIMESTAMP_OLD 29
#define SO_ACCEPTCONN	30
#define SO_SNDBUFFORCE	32
#define SO_RCVBUFFORCE	33
#define SO_TIMESTAMPNS_OLD 35
#define SO_MARK		36
#define SO_TIMESTAMPING_OLD 37
#define SO_PROTOCOL	38
#define SO_DOMAIN	39
#define SO_PEEK_OFF	42
#define SO_LOCK_FILTER	44
#define SO_INCOMING_CPU	49
#define SO_MEMINFO	55
#define SO_COOKIE	57
#define SO_ZEROCOPY	60
#define SO_PEERGROUPS	59
#define SO_TIMESTAMP_NEW 63
#define SO_TIMESTAMPNS_NEW 64
#define SO_TIMESTAMPING_NEW 65
#define SO_RCVTIMEO_NEW	66
#define SO_SNDTIMEO_NEW	67

#define SCM_RIGHTS	1
#define SCM_CREDENTIALS	2
#define SCM_MAX_FD	253

#define SOCKADDR_MAX	128		/* sizeof(struct sockaddr_storage) */
#define UNIX_PATH_MAX	108

struct sockaddr_un {
	u16 family;
	char path[UNIX_PATH_MAX];
};

struct user_msghdr {
	uaddr_t name;
	s32 name_len;
	u32 pad0;
	uaddr_t iov;
	u64 iov_len;
	uaddr_t control;
	u64 control_len;
	u32 flags;
	u32 pad1;
};

struct user_mmsghdr {
	struct user_msghdr hdr;
	u32 len;
	u32 pad;
};

struct cmsghdr {
	u64 len;			/* with this header */
	s32 level, type;
};
#define CMSG_ALIGN(n)	ALIGN_UP((size_t)(n), 8)
#define CMSG_HDR	sizeof(struct cmsghdr)

struct ucred {
	pid_t pid;
	uid_t uid;
	gid_t gid;
};

struct linger {
	s32 on, seconds;
};

#define SIOCINQ		0x541b		/* FIONREAD */
#define SIOCOUTQ	0x5411		/* TIOCOUTQ */
#define FIOSETOWN	0x8901
#define SIOCSPGRP	0x8902
#define FIOGETOWN	0x8903
#define SIOCGPGRP	0x8904
#define SIOCATMARK	0x8905
