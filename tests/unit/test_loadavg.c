/* SPDX-License-Identifier: MIT */
/*
 * The real loadavg.c against CPUs whose ticks come late or not at all. The clock is
 * the test's; a CPU is what it runs and when its tick is due.
 */
#include "unit.h"
#include <kernel/sched/tick.h>

#define CPUS	4
#define PERIOD	(1251 * TICK_NS)
#define ONE	65536		/* as sched_load_averages() tells it */

struct thread_info host_thread_info;
struct runqueue runqueues;
u32 nr_cpus = CPUS;
u64 cpus_online = BIT(CPUS) - 1;
u64 percpu_offsets[NR_CPUS];

static struct runqueue queues[CPUS];
static ktime_t due[CPUS], now;
static struct thread idle, busy;

ktime_t ktime_get(void)			{ return now; }
ktime_t tick_next(u32 cpu)		{ return due[cpu]; }
u32 cputime_nr_iowait(void)		{ return 0; }

static void on_cpu(u32 cpu)
{
	host_thread_info.cpu = cpu;
	host_thread_info.percpu_offset = percpu_offsets[cpu];
}

/* The CPU runs nr threads, and its tick is due at when. */
static void runs(u32 cpu, u32 nr, ktime_t when)
{
	struct runqueue *rq = &queues[cpu];

	rq->cpu = cpu;
	rq->idle = &idle;
	rq->curr = nr ? &busy : &idle;
	rq->nr_running = nr;
	due[cpu] = when;
}

static void set_up(void)
{
	for (u32 i = 0; i < CPUS; i++) {
		percpu_offsets[i] = (u64)&queues[i] - (u64)&runqueues;
		runs(i, 0, 0);
	}
}

/* A tick of cpu, due at when, handled at that time and late. */
static void tick(u32 cpu, ktime_t when, ktime_t late)
{
	due[cpu] = when;
	now = when + late;
	on_cpu(cpu);
	loadavg_tick();
}

static u64 load(void)
{
	u64 loads[3];

	on_cpu(0);
	sched_load_averages(loads);
	return loads[0];
}

/* What n samples of active threads, after a load of from, come to; in the same fixed point. */
static u64 after(u64 from, u32 n, u64 active)
{
	from >>= 5;
	while (n--) {
		u64 up = active << 11 >= from ? 2047 : 0;

		from = (from * 1884 + (active << 11) * (2048 - 1884) + up) >> 11;
	}
	return from << 5;
}

/* Deadlines are at multiples of PERIOD; each case begins at the next. */
static ktime_t next_deadline(void)
{
	set_up();
	now = now / PERIOD * PERIOD + PERIOD;
	return now;
}

TEST(all_busy_cpus_count_at_a_deadline)
{
	ktime_t d = next_deadline();
	u64 before = load();

	for (u32 i = 0; i < CPUS; i++)
		runs(i, 1, d);
	tick(2, d, 1000);
	EXPECT_EQ(load(), after(before, 1, CPUS));
}

/* The first CPU to tick has moved its own tick on before another looks: both count all. */
TEST(cpus_that_have_ticked_already_count)
{
	ktime_t d = next_deadline();
	u64 before = load();

	for (u32 i = 0; i < CPUS; i++)
		runs(i, 1, d + TICK_NS);
	tick(2, d, 1000);
	EXPECT_EQ(load(), after(before, 1, CPUS));
}

/* On a crowded host every hart is late. They have been busy all the time. */
TEST(a_late_tick_of_a_busy_cpu_counts)
{
	ktime_t d = next_deadline();
	u64 before = load();

	for (u32 i = 0; i < CPUS; i++)
		runs(i, 1, d);
	tick(1, d, 30 * TICK_NS);
	EXPECT_EQ(load(), after(before, 1, CPUS));
}

TEST(a_tick_late_by_periods_counts_for_all_of_them)
{
	ktime_t d = next_deadline();
	u64 before = load();

	runs(3, 2, d);
	tick(3, d, 3 * PERIOD + 5);
	EXPECT_EQ(load(), after(before, 4, 2));
}

/* One that was idle at the deadline comes first; another is busy and late. */
TEST(who_wakes_first_does_not_hide_the_busy)
{
	ktime_t d = next_deadline();
	u64 before = load();

	runs(0, 1, d + 2 * TICK_NS);
	runs(1, 3, d);
	tick(0, d + 2 * TICK_NS, 0);
	EXPECT_EQ(load(), after(before, 1, 3));
}

TEST(an_idle_machine_decays)
{
	ktime_t d = next_deadline();
	u64 before = load();

	/* It wakes ten periods later, and looks. */
	runs(0, 1, d + 10 * PERIOD + TICK_NS);
	now = d + 10 * PERIOD + 3 * TICK_NS;
	EXPECT_EQ(load(), after(before, 11, 0));
	EXPECT_TRUE(load() < before || !before);
}

/* Neither by its own tick nor by looking. */
TEST(who_wakes_after_the_deadline_does_not_count)
{
	ktime_t d = next_deadline();
	u64 before = load();

	runs(0, 1, d + TICK_NS);
	tick(0, d + TICK_NS, 0);
	EXPECT_EQ(load(), after(before, 1, 0));
}

TEST(uninterruptible_sleepers_count_on_an_idle_machine)
{
	ktime_t d = next_deadline();
	u64 before = load();

	queues[1].nr_uninterruptible = 5;
	queues[2].nr_uninterruptible = -2;
	now = d + 3 * TICK_NS;
	EXPECT_EQ(load(), after(before, 1, 3));
	queues[1].nr_uninterruptible = queues[2].nr_uninterruptible = 0;
}

TEST(four_busy_cpus_come_to_four)
{
	for (u32 i = 0; i < 400; i++) {
		ktime_t d = next_deadline();

		for (u32 c = 0; c < CPUS; c++)
			runs(c, 1, d);
		tick(i % CPUS, d, i % 7 * TICK_NS);
	}
	EXPECT_EQ(load(), CPUS * (u64)ONE);
}
