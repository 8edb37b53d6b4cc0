/* SPDX-License-Identifier: MIT */
/* Classic BPF programs that a socket has attached: which packets it gets, and how much of them. Design: filter.c. */
#pragma once
#include <kernel/lock/rcu.h>
#include <kernel/types.h>

struct pkt;
struct sock_filter;

struct bpf_program {
	struct rcu_head rcu;
	u32 len;
	struct sock_filter *code;	/* behind this */
};

/* From SO_ATTACH_FILTER's value, checked: 0 and *out (from kmalloc), -EINVAL, -EFAULT, -ENOMEM. */
int __must_check bpf_take(uaddr_t val, u32 len, struct bpf_program **out);
/* Bytes of the packet from `from` on to be kept, 0: none. Any context. */
u32 bpf_run(const struct bpf_program *prog, const struct pkt *pkt, u32 from);
