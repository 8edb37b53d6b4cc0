/* SPDX-License-Identifier: MIT */
/*
 * Classic BPF programs that a socket has attached: which
 * packets it gets, and how much of them. Design: filter.c.
 */
#pragma once
#include <kernel/lock/rcu.h>
#include <kernel/types.h>

struct pkt;
struct sock_filter;

#define BPF_INSN_BYTES	8u		/* of one in user space, and here */

struct bpf_program {
	struct rcu_head rcu;
	u32 len;
	struct sock_filter *code;	/* behind this */
};

/* From SO_ATTACH_FILTER's value, checked: 0 and *out (from kmalloc), -EINVAL, -EFAULT, -ENOMEM. */
int __must_check bpf_take(uaddr_t val, u32 len, struct bpf_program **out);

/* What a program looks at: something of len bytes, and what is known of it beside them. */
struct bpf_view {
	/* bytes that are there */
	void (*copy)(const struct bpf_view *v, u32 at, void *to, u32 n);
	const void *of;			/* whose they are, */
	u32 from;			/* and from where on: copy's */
	u32 len;
	u32 protocol, pkttype, ifindex, hatype;
};
/* Bytes to be kept, 0: none. Any context. */
u32 bpf_run(const struct bpf_program *prog, const struct bpf_view *v);
/* Of a packet's bytes from `from` on, which is at most its length. */
u32 bpf_run_pkt(const struct bpf_program *prog, const struct pkt *pkt, u32 from);
