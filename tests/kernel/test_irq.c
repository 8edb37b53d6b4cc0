/* SPDX-License-Identifier: MIT */
/*
 * Device interrupts, with QEMU's clock as the source: delivery, affinity, moving under fire. And
 * softirqs that do not end.
 */
#include <drivers/core/driver.h>
#include <drivers/rtc/goldfish.h>
#include <kernel/irq/irq.h>
#include <kernel/lib/string.h>
#include <kernel/lock/wait.h>
#include <kernel/sched/tick.h>
#include <kernel/task/thread.h>
#include <kernel/test/ktest.h>

static struct completion rang;
static u32 rang_on;

static void ring(void *arg)
{
	rang_on = cpu_id();
	complete(&rang);
}

static bool wait_alarm(u64 after_ns)
{
	completion_init(&rang);
	if (goldfish_alarm(after_ns, ring, NULL))
		return false;
	wait_for_completion(&rang);
	return true;
}

static bool find_clock(struct irq_info *out)
{
	for (u32 from = 0; irq_info_next(from, out); from = out->irq + 1)
		if (!strncmp(out->names, "rtc@", 4))
			return true;
	return false;
}

KTEST(irq, every_cpu_can_serve)
{
	struct irq_info before, after;
	u32 cpu;

	if (!find_clock(&before))
		return;			/* a board without this clock */
	for_each_online_cpu(cpu) {
		EXPECT_EQ(irq_set_affinity(before.irq, cpu), 0);
		EXPECT_TRUE(find_clock(&before));
		EXPECT_EQ(before.cpu, cpu);
		EXPECT_TRUE(wait_alarm(100 * NS_PER_US));
		EXPECT_EQ(rang_on, cpu);
		EXPECT_TRUE(find_clock(&after));
		EXPECT_EQ(after.counts[cpu], before.counts[cpu] + 1);
	}
	EXPECT_EQ(irq_set_affinity(before.irq, nr_cpus), -EINVAL);
	EXPECT_EQ(irq_set_affinity(NR_IRQS - 1, 0), -EINVAL);
}

/* A completion sent to a context where the source is disabled would lose it for ever. */
KTEST(irq, moves_while_it_fires)
{
	struct irq_info info;

	if (!find_clock(&info))
		return;
	for (u32 i = 0; i < 200; i++) {
		completion_init(&rang);
		EXPECT_EQ(goldfish_alarm((i % 20) * NS_PER_US, ring, NULL), 0);
		EXPECT_EQ(irq_set_affinity(info.irq, i % nr_cpus), 0);
		wait_for_completion(&rang);
	}
}

static void never(void *arg)
{
}

KTEST(irq, requests_are_checked_and_shared)
{
	struct irq_info info;
	int a, b;

	EXPECT_EQ(irq_request(0, "zero", never, NULL), -EINVAL);
	EXPECT_EQ(irq_request(NR_IRQS, "beyond", never, NULL), -EINVAL);
	/* Source 48 is wired to nothing on these boards. */
	EXPECT_EQ(irq_request(48, "a", never, &a), 0);
	EXPECT_EQ(irq_request(48, "b", never, &b), 0);
	EXPECT_TRUE(irq_info_next(48, &info));
	EXPECT_EQ(info.irq, 48);
	EXPECT_EQ(strcmp(info.names, "a, b"), 0);
	irq_free(48, &a);
	EXPECT_TRUE(irq_info_next(48, &info));
	EXPECT_EQ(strcmp(info.names, "b"), 0);
	irq_free(48, &b);
	EXPECT_TRUE(!irq_info_next(48, &info) || info.irq != 48);
	irq_free(48, &b);
}

/* --- the driver core, on a node that nobody drives --- */

static u32 probes, released[4], nr_released;

static void note(void *arg)
{
	released[nr_released++ % 4] = (u32)(u64)arg;
}

static int odd_probe(struct device *dev)
{
	if (dev_on_release(dev, note, (void *)1) || dev_on_release(dev, note, (void *)2) ||
	    !dev_zalloc(dev, 100) || !dev_map_regs(dev, 0))
		return -ENOMEM;
	return probes++ ? -ENODEV : -EPROBE_DEFER;
}

static const char *const odd_compatible[] = { "cfi-flash", "jedec,spi-nor", NULL };

DRIVER(odd) = {
	.name = "ktest-odd",
	.stage = STAGE_IRQCHIP,
	.compatible = odd_compatible,
	.probe = odd_probe,
};

/* Deferred once, then refused: each time everything is given back, last first. */
static s64 behind_ns;

static enum hrtimer_restart look_behind(struct hrtimer *t)
{
	behind_ns = min(behind_ns, (s64)(ktime_get() - tick_time()));
	return HRTIMER_DONE;
}

/* Also where no CPU has ticked for a while. */
KTEST(irq, what_an_idle_cpu_is_brought_finds_a_recent_tick)
{
	behind_ns = S64_MAX;
	for (u32 i = 0; i < 5; i++) {
		struct hrtimer t;

		hrtimer_init(&t, look_behind);
		hrtimer_start(&t, ktime_get() + 10 * TICK_NS);
		thread_sleep_ns(15 * TICK_NS);
		hrtimer_cancel(&t);
	}
	EXPECT_TRUE(behind_ns <= (s64)(2 * TICK_NS));
}

KTEST(drivers, failing_probe_releases_in_reverse)
{
	if (!probes)
		return;			/* no such node, or below a bus without driver */
	EXPECT_EQ(probes, 2);
	EXPECT_EQ(nr_released, 4);
	for (u32 i = 0; i < 4; i++)
		EXPECT_EQ(released[i], i % 2 ? 1 : 2);
}

/* --- a softirq that nobody else uses --- */

static struct thread *tester;
static u32 rounds, rounds_by_tester;	/* atomic */
static bool endless;

static void again(void)
{
	__atomic_fetch_add(&rounds, 1, __ATOMIC_RELAXED);
	if (current == tester)
		__atomic_fetch_add(&rounds_by_tester, 1, __ATOMIC_RELAXED);
	if (READ_ONCE(endless))
		softirq_raise(SOFTIRQ_NET_TX);
}

static void pass_section(void)
{
	softirq_disable();
	softirq_enable();
}

/* --- its time --- */

#define SPIN_NS		(200 * NS_PER_US)

static enum hrtimer_restart raise(struct hrtimer *t)
{
	softirq_raise(SOFTIRQ_NET_TX);
	return HRTIMER_DONE;
}

static void spin(void)
{
	ktime_t end = ktime_get() + SPIN_NS;

	while (ktime_get() < end)
		;
}

/* A section in which an interrupt raises the softirq, which then waits. Preemption off. */
static void wait_raised(void)
{
	struct hrtimer t;

	hrtimer_init(&t, raise);
	hrtimer_start(&t, ktime_get());
	while (!softirq_pending())
		;
	spin();
}

/* Softirq time that the end of a section brings: no more than has gone by since `start`. */
static u64 section_end(ktime_t start)
{
	u32 cpu = cpu_id();
	u64 soft = irq_time_soft_ns(cpu);

	softirq_enable();
	soft = irq_time_soft_ns(cpu) - soft;
	EXPECT_TRUE(soft <= ktime_get() - start);
	return soft;
}

/* But for where an interrupt came to that. */
KTEST(softirq, its_time_begins_where_the_interrupt_ends)
{
	u32 seen = 0;

	softirq_register(SOFTIRQ_NET_TX, again);
	preempt_disable();
	for (u32 i = 0; i < 10; i++) {
		ktime_t start = ktime_get();

		softirq_disable();
		wait_raised();
		seen += section_end(start) >= SPIN_NS;
	}
	preempt_enable();
	EXPECT_TRUE(seen > 0);
}

/* What could not be served at the end of its section is not charged for who runs until then. */
KTEST(softirq, nobodys_time_is_counted_twice)
{
	softirq_register(SOFTIRQ_NET_TX, again);
	preempt_disable();
	for (u32 i = 0; i < 10; i++) {
		ktime_t start;
		u64 flags;

		softirq_disable();
		wait_raised();
		flags = local_irq_save();
		softirq_enable();
		spin();
		start = ktime_get();
		softirq_disable();
		local_irq_restore(flags);
		section_end(start);
	}
	preempt_enable();
}

/* The CPU that raises it serves it. */
static bool is_served_here(void)
{
	u32 before = rounds_by_tester;

	preempt_disable();
	softirq_disable();
	softirq_raise(SOFTIRQ_NET_TX);
	softirq_enable();
	preempt_enable();
	return rounds_by_tester == before + 1;
}

KTEST(softirq, one_that_does_not_end_is_left_to_its_thread)
{
	u32 seen;
	bool served = false;

	tester = current;
	softirq_register(SOFTIRQ_NET_TX, again);
	EXPECT_TRUE(is_served_here());
	WRITE_ONCE(endless, true);
	is_served_here();
	seen = rounds_by_tester;
	/* Those in which an interrupt comes, too. */
	for (u32 i = 0; i < 2000; i++)
		pass_section();
	EXPECT_EQ(rounds_by_tester, seen);
	/* It goes on, and timers go off meanwhile. */
	seen = READ_ONCE(rounds);
	while (READ_ONCE(rounds) - seen < 1000)
		thread_sleep_ns(NS_PER_MS);
	WRITE_ONCE(endless, false);
	for (u32 i = 0; i < 1000 && !served; i++) {
		thread_sleep_ns(NS_PER_MS);
		served = is_served_here();
	}
	EXPECT_TRUE(served);
}
