/* SPDX-License-Identifier: MIT */
/* Inside AF_PACKET. Theory: packet.c; the ring that is shared with user space: ring.c. */
#pragma once
#include <net/filter.h>
#include <net/netdev/netdev.h>
#include <net/socket.h>
#include <kernel/irq/irq.h>
#include <kernel/lock/mutex.h>

#define SOL_PACKET	263
enum {
	PACKET_ADD_MEMBERSHIP = 1, PACKET_DROP_MEMBERSHIP, PACKET_RX_RING = 5, PACKET_STATISTICS,
	PACKET_AUXDATA = 8, PACKET_ORIGDEV, PACKET_VERSION, PACKET_HDRLEN, PACKET_RESERVE,
	PACKET_TIMESTAMP = 17, PACKET_IGNORE_OUTGOING = 23,
};
enum { TP_STATUS_KERNEL = 0, TP_STATUS_USER = 1, TP_STATUS_LOSING = 4, TP_STATUS_CSUMNOTREADY = 8,
	TP_STATUS_BLK_TMO = 32, TP_STATUS_CSUM_VALID = 128 };
#define TP_STATUS_TS_SOFTWARE	BIT(29)

struct packet_ring;

struct sockaddr_ll {
	u16 family, protocol;		/* protocol: network byte order */
	s32 ifindex;
	u16 hatype;
	u8 pkttype, halen, addr[8];
};

#define PACKET_MEMBERSHIPS	8u

struct packet_sock {
	struct socket sk;		/* must be first */
	struct mutex read_mutex;	/* RANK_SOCK_READ */
	struct mutex state_mutex;	/* RANK_SOCK_STATE: binding, filter, ring, end */
	struct list_head node;		/* every one: diag.c's lock */
	struct netdev_tap tap;		/* net/netdev/tap.c; state_mutex to bind */
	struct bpf_program *filter;	/* RCU; state_mutex to write */
	struct netdev_promisc promisc[PACKET_MEMBERSHIPS];	/* state_mutex; ifindex 0: free */

	/* Words: options. */
	u32 auxdata, origdev, ignore_outgoing;	/* bool */
	/* of the ring that is asked for next; state_mutex to write */
	u32 version, reserve;
	u32 timestamp;			/* SOF_TIMESTAMPING_* */

	/* Guarded by queue_lock. */
	struct spinlock queue_lock;	/* RANK_SOCK_QUEUE, softirqs off */
	struct list_head queue;		/* struct pkt; control[KEEP] bytes of it are the reader's */
	u32 queued_bytes;		/* against sk.rcvbuf */
	u32 packets, drops, freezes;	/* PACKET_STATISTICS */
	bool losing;			/* a packet was dropped since the ring's user was told */
	/* NULL: packets go to the queue. state_mutex to write as well */
	struct packet_ring *ring;
};

static inline struct packet_sock *packet_of(struct socket *sk)
{
	return container_of(sk, struct packet_sock, sk);
}
/* Bytes in front of what the reader sees. */
static inline u32 packet_skip(const struct packet_sock *p)
{
	return p->sk.type == SOCK_RAW ? 0 : ETH_HLEN;
}
/* What is said of a packet beside its bytes. */
void packet_describe(const struct pkt *pkt, struct sockaddr_ll *ll);
u32 packet_status(const struct packet_sock *p, const struct pkt *pkt);	/* TP_STATUS_* but USER */

/* ring.c */
/*
 * PACKET_RX_RING: a ring as the user's value says, or none any more. 0, -EINVAL, -EBUSY,
 * -ENOMEM, -EFAULT.
 */
int packet_ring_set(struct packet_sock *p, uaddr_t val, u32 len);
/* out of its socket; NULL is fine. May sleep */
void packet_ring_destroy(struct packet_ring *r);
int packet_ring_header(u32 version);			/* PACKET_HDRLEN; -EINVAL */
/*
 * keep bytes of pkt, which is from its link header on, into the socket's ring; queue_lock held.
 * False: no room. *wake: the user has something new to look at; *arm: call packet_ring_arm()
 * without the lock.
 */
bool packet_ring_add(struct packet_sock *p, const struct pkt *pkt, u32 keep, bool *wake, bool *arm);
void packet_ring_arm(struct packet_ring *r);
bool packet_ring_readable(const struct packet_ring *r);	/* queue_lock held */
int packet_ring_mmap(struct socket *sk, struct vma *vma);
/*
 * For diag.c: block_size, block_nr, frame_size, frame_nr, time-out in ms, private bytes.
 * queue_lock held.
 */
void packet_ring_geometry(const struct packet_ring *r, u32 out[6]);

/* diag.c */
void packet_list_add(struct packet_sock *p);
void packet_list_remove(struct packet_sock *p);
int packet_diag(const struct nl_request *r, struct nl_out *o);
