/* SPDX-License-Identifier: MIT */
/*
 * The kernel's network on the host: net/inet, net/port, net/netdev and lwIP as they are, on a
 * kernel that is played here. One thread; time stands still but in world_run(). The CPUs are one, or
 * as many as the environment's WORLD_CPUS says, in one digit: the stack has more instances then.
 *
 * There are two interfaces: loopback, and eth0 (10.0.0.1/24 and fd00::1/64), whose cable the test
 * holds: frames that it sends wait in world_sent, frames for it come by world_receive(). Everybody
 * on the cable answers to the hardware address PEER_MAC: ARP requests are answered here.
 */
#pragma once
#include <net/inet/config.h>
#include <net/inet/inet.h>

#define PEER_MAC	{ 2, 0, 0, 0, 0, 2 }
#define OUR_MAC		{ 2, 0, 0, 0, 0, 1 }

struct frame {
	struct frame *next;
	u64 due_ms;			/* the test's */
	u32 len;
	u8 data[1600];
};

void world_start(void); /* the first call boots; later ones look that all is as after boot */
void world_end(void);   /* memory is as it was at world_start(), or the case fails */
void world_run(u32 ms); /* timers and softirqs */
u64 world_now_ms(void);
void world_receive(const void *frame, u32 len);
struct frame *world_take(void);		/* the oldest that was sent, the caller's; NULL */
void world_drop_sent(void);
u64 world_chance(void);			/* xorshift64 */
extern u64 world_seed;
extern u32 world_fail_one_in;		/* of allocations that may fail; 0: none does */
extern u32 world_bytes_there;		/* of a reader's memory, without a page fault */
extern u64 world_insns;			/* calls of the stack: see test */
u32 world_pages_used(void);
s64 world_objects(void);
