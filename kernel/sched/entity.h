/* SPDX-License-Identifier: MIT */
/* What the scheduler keeps in each thread. Owned by kernel/sched; others do not touch it. */
#pragma once
#include <kernel/lib/rbtree.h>
#include <kernel/lib/list.h>
#include <kernel/lock/spinlock.h>

struct sched_class;

struct sched_entity {
	/* Guarded by the lock of the runqueue the thread belongs to. */
	struct rb_node node;		/* fair: in the timeline */
	struct list_head rt_node;	/* rt: in its priority's list */
	u64 vruntime;			/* ns, weighted */
	u64 exec_start;			/* ktime of the last accounting */
	u64 sum_exec_ns;		/* CPU time consumed, ever */
	u64 slice_start_sum;		/* sum_exec_ns when it was last picked */
	u32 weight;
	u32 inv_weight;			/* 1024 * 2^22 / weight: no division when it runs */
	u32 on_rq;			/* enum on_rq (kernel/sched/runqueue.h) */
	u32 rr_slice_left_ns;
	u64 rt_awake_sum;		/* rt: sum_exec_ns when it last woke (RLIMIT_RTTIME) */
	const struct sched_class *class;

	/* Guarded by pi_lock and the runqueue lock (both to write). */
	int policy;
	int rt_priority;		/* 1..99 for FIFO and RR */
	int nice;			/* -20..19 */
	u64 cpus_mask;			/* allowed CPUs */
	bool reset_on_fork;

	struct spinlock pi_lock;	/* RANK_THREAD: state changes by wakers, CPU choice */
	bool in_load;			/* asleep and in nr_uninterruptible; pi_lock when off the queues */
	u32 on_cpu;			/* 1 while its context is live on a CPU: set and cleared by the switch */

	/* Accounting, ns. Only by the thread's CPU; others read a little stale. */
	u64 utime_ns, stime_ns;
	u64 nvcsw, nivcsw;
	u32 iowait_cpu;			/* CPU + 1 whose iowait count it holds; 0: none */
};
