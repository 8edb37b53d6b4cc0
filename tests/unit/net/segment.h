/* SPDX-License-Identifier: MIT */
/*
 * TCP segments over the cable of world.h, made and taken apart by a test. Sequence numbers are the
 * host's order.
 */
#pragma once
#include "world.h"

#define FIN	0x01
#define SYN	0x02
#define RST	0x04
#define PSH	0x08
#define ACK	0x10

struct segment {
	u32 from;			/* of the peer: 10.0.x.y as a number; 0: 10.0.0.2 */
	u16 sport, dport;		/* the sender's, the receiver's */
	u32 seq, ack;
	u8 flags;
	u16 window;
	u16 urgent;			/* the pointer */
	u8 options[40];
	u32 options_len;
	const void *data;
	u32 len;			/* of data */
	u32 cut;			/* sent in two IP fragments, behind so many bytes, by eights; 0: in one */
};

void segment_send(const struct segment *s);		/* from a peer to 10.0.0.1 */
/*
 * The next TCP segment that was sent, others are dropped on the way; its bytes are good until the
 * next call. False: there is none. A wrong checksum is a failure of the case.
 */
bool segment_take(struct segment *out);
u32 segment_mss(const struct segment *s);		/* of its options; 0: none */
