/* SPDX-License-Identifier: MIT */
/*
 * Load averages: how many threads run, wait for a CPU or sleep uninterruptibly,
 * averaged exponentially over 1, 5 and 15 minutes, in Linux's fixed point.
 *
 * A sample is due every LOAD_PERIOD, at a multiple of the tick. A busy CPU ticks at
 * every such multiple, and what it runs then is the sample. But the tick may be late,
 * by a long section without interrupts or because a hypervisor had the CPU wait; and samples
 * are missed while every CPU is idle, since no timer wakes an idle machine for them. Who
 * comes next, by a tick or to read, makes up for them. The tick a CPU has before it tells which
 * it was: one that has been busy since a deadline still has a tick of that time to come or
 * has just had it; one that was idle then has a later one. So whoever only looks at the load does
 * not count himself.
 *
 * next is moved by compare-and-swap: who moves it, samples. Readers may see one
 * average a sample newer than another.
 */
#include <kernel/sched/tick.h>

#define FSHIFT		11		/* fraction bits */
#define FIXED_1		(1ul << FSHIFT)
/* 5.004 s: as Linux, off what happens every five seconds */
#define LOAD_PERIOD	(1251 * TICK_NS)
#define MAX_MADE_UP	2048		/* 2.8 hours: every average has decayed to nothing */

/* FIXED_1 / e^(5 s / minutes): the weight of the past. */
static const u64 decay[3] = { 1884, 2014, 2037 };

static u64 averages[3];			/* FSHIFT fraction bits; by who moved next */
static u64 next = LOAD_PERIOD;		/* atomic: ktime of the next sample */

static void add_sample(u64 active)
{
	for (int i = 0; i < 3; i++) {
		u64 load = averages[i] * decay[i] + (active << FSHIFT) * (FIXED_1 - decay[i]);

		/* Rounded towards active, which is else never reached. */
		if (active << FSHIFT >= averages[i])
			load += FIXED_1 - 1;
		WRITE_ONCE(averages[i], load >> FSHIFT);
	}
}

/* Was the CPU busy at when? At the same deadline its own tick may have moved on meanwhile. */
static bool was_busy(const struct runqueue *rq, u64 when)
{
	u64 slack = rq == this_rq() ? 0 : TICK_NS;

	return READ_ONCE(rq->curr) != rq->idle && tick_next(rq->cpu) <= when + slack;
}

static u64 count_active(u64 when)
{
	s64 n = 0;
	u32 cpu;

	for_each_online_cpu(cpu) {
		const struct runqueue *rq = cpu_rq(cpu);

		n += READ_ONCE(rq->nr_uninterruptible) +
		     (was_busy(rq, when) ? READ_ONCE(rq->nr_running) : 0);
	}
	return n > 0 ? n : 0;
}

/* Take the samples due at now, if nobody else does. */
static void catch_up(u64 now)
{
	u64 due = __atomic_load_n(&next, __ATOMIC_RELAXED), missed, last;

	if ((s64)(now - due) < 0)
		return;
	missed = (now - due) / LOAD_PERIOD;
	last = due + missed * LOAD_PERIOD;
	if (!__atomic_compare_exchange_n(&next, &due, last + LOAD_PERIOD, false, __ATOMIC_ACQ_REL,
					 __ATOMIC_RELAXED))
		return;
	for (u64 i = missed < MAX_MADE_UP ? missed : MAX_MADE_UP; i; i--)
		add_sample(count_active(last - i * LOAD_PERIOD));
	add_sample(count_active(last));
}

void loadavg_tick(void)
{
	u64 now = ktime_get();

	if (unlikely(now >= READ_ONCE(next)))
		catch_up(now);
}

void sched_load_averages(u64 loads[3])
{
	u64 now = ktime_get();

	/* A busy CPU's tick is about to come, or has come: leave it the sample. */
	if (now >= READ_ONCE(next) + 2 * TICK_NS)
		catch_up(now);
	for (int i = 0; i < 3; i++)
		loads[i] = READ_ONCE(averages[i]) << (16 - FSHIFT);
}

void sched_totals(struct sched_totals *t)
{
	u32 cpu;

	*t = (struct sched_totals){ .iowait = cputime_nr_iowait() };
	for_each_online_cpu(cpu) {
		const struct runqueue *rq = cpu_rq(cpu);

		t->running += READ_ONCE(rq->nr_running);
		t->switches += READ_ONCE(rq->nr_switches);
	}
}
