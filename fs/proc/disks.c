/* SPDX-License-Identifier: MIT */
/* /proc/partitions and diskstats (Linux's Documentation/admin-guide/iostats). */
#include <drivers/block/block.h>
#include <fs/proc/proc.h>

static void put_partition(struct blockdev *b, void *arg)
{
	seq_printf(arg, "%4u  %7u %10lu %s\n", MAJOR(b->dev), MINOR(b->dev), b->sectors >> 1,
		   b->name);
}

int proc_partitions_show(struct seq *s, struct pseudo *p)
{
	seq_puts(s, "major minor  #blocks  name\n\n");
	blockdev_for_each(put_partition, s);
	return 0;
}

void block_stats_text(struct seq *s, struct blockdev *b)
{
	u64 flags = spin_lock_irqsave(&b->disk->lock);
	struct io_stats r = b->stats[0], w = b->stats[1], f = b->stats[2];
	u64 busy = b->busy_ns + (b->in_flight ? ktime_get() - b->busy_since_ns : 0);
	u32 in_flight = b->in_flight;

	spin_unlock_irqrestore(&b->disk->lock, flags);
	seq_printf(s, "%lu %lu %lu %llu %lu %lu %lu %llu %u %llu %llu 0 0 0 0 %lu %llu\n", r.ios,
		   r.merges, r.sectors, r.ns / NS_PER_MS, w.ios, w.merges, w.sectors,
		   w.ns / NS_PER_MS, in_flight, busy / NS_PER_MS, (r.ns + w.ns + f.ns) / NS_PER_MS,
		   f.ios, f.ns / NS_PER_MS);
}

static void put_diskstats(struct blockdev *b, void *arg)
{
	seq_printf(arg, "%4u %7u %s ", MAJOR(b->dev), MINOR(b->dev), b->name);
	block_stats_text(arg, b);
}

int proc_diskstats_show(struct seq *s, struct pseudo *p)
{
	blockdev_for_each(put_diskstats, s);
	return 0;
}

struct majors {
	struct seq *s;
	u32 seen[8];
	u32 n;
};

static void put_major(struct blockdev *b, void *arg)
{
	const char *name = b->disk->name;
	struct majors *m = arg;
	u32 len = 0;

	for (u32 i = 0; i < m->n; i++)
		if (m->seen[i] == MAJOR(b->dev))
			return;
	if (m->n == ARRAY_SIZE(m->seen))
		return;
	m->seen[m->n++] = MAJOR(b->dev);
	/* The family is named by the disk without its number or last letter: mmcblk0, vda. */
	while (name[len] >= 'a')
		len++;
	seq_printf(m->s, "%3u %.*s\n", MAJOR(b->dev), (int)(name[len] ? len : len - 1), name);
}

void proc_put_block_majors(struct seq *s)
{
	struct majors m = { .s = s };

	blockdev_for_each(put_major, &m);
}
