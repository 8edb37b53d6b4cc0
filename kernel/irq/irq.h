/* SPDX-License-Identifier: MIT */
/*
 * Deferred work and interrupts. Order of contexts: hard interrupt -> per-CPU
 * softirq (bounded, then a kernel thread alone goes on) -> workqueue (threads).
 */
#pragma once
#include <kernel/lock/spinlock.h>
#include <kernel/lib/list.h>
#include <kernel/percpu.h>
#include <kernel/time/hrtimer.h>

/* Device interrupts: numbers are the controller's (PLIC source). Design: irq.c. */
typedef void (*irq_handler_t)(void *arg);
struct irq_chip {
	const char *name;
	/* At the source: no more interrupts, interrupts again. One register write; any context. */
	void (*mask)(u32 irq);
	void (*unmask)(u32 irq);
	/* Serve it on another CPU than so far. Masked, and no handler runs. Thread context. */
	void (*route)(u32 irq, u32 old_cpu, u32 new_cpu);
	/* external interrupt on this CPU: claim, irq_dispatch(), complete */
	void (*handle)(void);
	/* on each CPU that is online at registration; interrupts off */
	void (*init_cpu)(void);
};
#define NR_IRQS		1024		/* PLIC specification 1.0.0: sources 1 to 1023 */

/* The one controller of device interrupts. Thread context. */
void irq_chip_register(const struct irq_chip *chip);
/*
 * Handlers of one interrupt share it: each looks whether its device asked. 0;
 * -EINVAL: no such number, or no controller; -ENOMEM. Thread context.
 */
int __must_check irq_request(u32 irq, const char *name, irq_handler_t handler, void *arg);
void irq_free(u32 irq, void *arg);	/* waits for a running handler. Thread context */
int irq_set_affinity(u32 irq, u32 cpu);	/* -EINVAL: CPU not online, or interrupt not in use */
void irq_dispatch(u32 irq);		/* chip -> handlers; counts for /proc/interrupts */
void irq_handle_external(void);		/* from the trap */

/* For /proc/interrupts: what is known of one interrupt. Thread context. */
struct irq_info {
	u32 irq, cpu;			/* number, and the CPU that serves it */
	const char *chip;
	char names[64];			/* its handlers' names, ", " between them */
	u64 counts[NR_CPUS];		/* on each CPU */
};
/* The first interrupt in use with a number of at least `from`; false: there is none. */
bool irq_info_next(u32 from, struct irq_info *out);

/* Around every hard interrupt; irq_exit() runs pending softirqs. */
void irq_enter(void);
void irq_exit(void);

enum softirq {
	SOFTIRQ_TIMER, SOFTIRQ_NET_TX, SOFTIRQ_NET_RX, SOFTIRQ_BLOCK, SOFTIRQ_SCHED, SOFTIRQ_RCU,
	NR_SOFTIRQS,
};
void softirq_register(enum softirq nr, void (*func)(void));
void softirq_raise(enum softirq nr);	/* on this CPU; any context */
void softirq_raise_on(u32 cpu, enum softirq nr);	/* any context */
void softirq_take_remote(void);		/* from the interrupt that another CPU sent */
void softirq_init(void);
bool softirq_pending(void);		/* on this CPU, and not put off to ksoftirqd */
void softirq_run_pending(void);		/* idle loop: thread context, interrupts on */
u64 irq_count(u32 cpu);			/* hard interrupts taken, of every kind */
u64 softirq_count(u32 cpu, enum softirq nr);
DECLARE_PERCPU(u64, irq_total_ns);	/* softirq.c */
/* Spent on this CPU in interrupts and softirqs. */
static inline u64 irq_time_ns(void)
{
	return this_cpu(irq_total_ns);
}

/* Workqueues: functions run in kernel threads and may sleep. */
struct work {
	struct list_head node;
	void (*func)(struct work *w);
	u32 pending;			/* atomic: queued and not yet started */
};
struct delayed_work {
	struct work work;
	struct hrtimer timer;
};
void work_init(struct work *w, void (*func)(struct work *w));
bool work_queue(struct work *w);	/* system queue; false if already pending. Any context */
void work_flush(struct work *w);	/* wait until it has run. May sleep */
/* It neither waits nor runs afterwards, though it queues itself. Not from itself. May sleep */
void work_cancel(struct work *w);
void delayed_work_init(struct delayed_work *w, void (*func)(struct work *w));
bool delayed_work_queue(struct delayed_work *w, ktime_t delay_ns);
void delayed_work_cancel(struct delayed_work *w);	/* as work_cancel() */
void workqueue_init(void);

/* Kernel threads: process 2's children. fn's result is dropped. */
struct thread *kthread_create(int (*fn)(void *arg), void *arg, const char *fmt, ...) __printf(3, 4);
struct thread *kthread_run(int (*fn)(void *arg), void *arg, const char *fmt, ...) __printf(3, 4);
void kthread_bind(struct thread *t, u32 cpu);	/* before its first wake-up */
/* Ask it to end and wait; it polls kthread_should_stop(). */
void kthread_stop(struct thread *t);
bool kthread_should_stop(void);
