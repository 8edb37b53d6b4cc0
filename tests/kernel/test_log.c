/* SPDX-License-Identifier: MIT */
/* The kernel log: records in order and whole, whoever stores them, and readers that are told. */
#include <kernel/debug/log.h>
#include <kernel/irq/irq.h>
#include <kernel/lib/string.h>
#include <kernel/percpu.h>
#include <kernel/printk.h>
#include <kernel/sched/sched.h>
#include <kernel/task/thread.h>
#include <kernel/test/ktest.h>
#include <kernel/time/hrtimer.h>
#include <arch/smp.h>

#define LINES	300		/* by each CPU, from an interrupt */

KTEST(log, a_record_reads_back)
{
	struct log_cursor c = log_end();
	char text[LOG_TEXT_MAX];
	struct log_record r;

	EXPECT_EQ(log_read(&c, &r, text), 0);
	log_store(LOG_DEBUG, 1, "hello", 5);
	pr_debug("%d lines\n", 2);
	EXPECT_TRUE(log_has(&c));
	EXPECT_EQ(log_read(&c, &r, text), 1);
	EXPECT_EQ(r.len, 5);
	EXPECT_EQ(r.facility, 1);
	EXPECT_EQ(memcmp(text, "hello", 5), 0);
	EXPECT_EQ(log_read(&c, &r, text), 1);
	EXPECT_EQ(r.len, 7);
	EXPECT_EQ(memcmp(text, "2 lines", 7), 0);
	EXPECT_EQ(log_read(&c, &r, text), 0);
}

KTEST(log, an_overrun_is_told_and_the_rest_is_in_order)
{
	struct log_cursor c = log_end();
	char text[LOG_TEXT_MAX];
	struct log_record r;
	u64 seq, n = 0;

	for (u32 i = 0; i < LOG_RING_SIZE / 24; i++)
		pr_debug("record %u%.*s", i, i % 40, "........................................");
	EXPECT_EQ(log_read(&c, &r, text), (u64)-EPIPE);
	seq = c.seq;
	EXPECT_EQ(seq, log_oldest().seq);
	while (log_read(&c, &r, text) > 0) {
		EXPECT_EQ(r.seq, seq + n);
		EXPECT_EQ(memcmp(text, "record ", 7), 0);
		n++;
	}
	EXPECT_TRUE(n > LOG_RING_SIZE / 100);
	EXPECT_EQ(c.seq, log_end().seq);
}

static void store_lines(void *arg)
{
	for (u32 i = 0; i < LINES; i++)
		pr_debug("cpu %u line %u.", cpu_id(), i);
}

/* "cpu C line N." */
static bool parse(const char *text, u32 len, u32 *cpu, u32 *line)
{
	char copy[32];

	if (len >= sizeof(copy) || text[len - 1] != '.' || memcmp(text, "cpu ", 4))
		return false;
	*cpu = text[4] - '0';
	*line = 0;
	for (const char *p = text + 11; *p != '.'; p++)
		*line = *line * 10 + (*p - '0');
	return true;
}

KTEST(log, records_of_many_cpus_are_whole_and_in_order)
{
	struct log_cursor c = log_end();
	u32 next[64] = { 0 }, cpu = 0, line, whole = 0;
	char text[LOG_TEXT_MAX];
	struct log_record r;
	int got;

	smp_call(cpus_online, store_lines, NULL);
	while ((got = log_read(&c, &r, text))) {
		if (got < 0)
			continue;
		if (!parse(text, r.len, &cpu, &line) || cpu >= 64 || line < next[cpu])
			break;
		next[cpu] = line + 1;
		whole++;
	}
	EXPECT_EQ(got, 0);
	EXPECT_TRUE(whole >= LINES);
	/* A CPU that was early may have been overrun; the one that was last has all its lines. */
	EXPECT_EQ(next[cpu], LINES);
}

static bool reader_waits, reader_told;

static int reader(void *arg)
{
	struct log_cursor c = log_end();

	WRITE_ONCE(reader_waits, true);
	wait_event(&log_wait, log_has(&c));
	WRITE_ONCE(reader_told, true);
	return 0;
}

KTEST(log, a_waiting_reader_is_woken)
{
	ktime_t end = ktime_get() + 20 * NS_PER_SEC;

	reader_waits = reader_told = false;
	EXPECT_TRUE(kthread_run(reader, NULL, "ktest/reader") != NULL);
	while (!READ_ONCE(reader_waits) || !wait_queue_active(&log_wait))
		thread_sleep_ns(NS_PER_MS);
	pr_debug("wake up");
	while (!READ_ONCE(reader_told) && ktime_get() < end)
		thread_sleep_ns(NS_PER_MS);
	EXPECT_TRUE(READ_ONCE(reader_told));
}
