/* SPDX-License-Identifier: MIT */
/*
 * Block devices in sysfs: devices/block/DISK/PARTITION, and the links to them. The
 * attributes are those that lsblk, blkid and fdisk read (Linux's
 * Documentation/ABI/stable/sysfs-block). A device may go while a file of its
 * is open: reading is -ENODEV then.
 */
#include <drivers/block/block.h>
#include <fs/proc/proc.h>
#include <fs/sys/sys.h>
#include <kernel/lib/string.h>
#include <kernel/mm/pagecache.h>

/* NULL: it has gone. The structure stays, whatever happens. */
static struct blockdev *device_of(const struct pseudo *p)
{
	return blockdev_find(sys_dev(p));
}

/* --- attributes --- */

static int put(struct seq *s, u64 v)
{
	seq_printf(s, "%lu\n", v);
	return 0;
}

#define SHOW(name, expr) \
	static int name##_show(struct seq *s, struct pseudo *p) \
	{ \
		const struct blockdev *b = device_of(p); \
		const struct disk_limits *l = b ? &b->disk->limits : NULL; \
		(void)l; \
		return b ? put(s, (expr)) : -ENODEV; \
	}
SHOW(size, b->sectors)
SHOW(start, b->start)
SHOW(partition, b->partno)
SHOW(ro, l->read_only)
SHOW(removable, l->removable)
SHOW(range, DISK_MAX_PARTS)
SHOW(alignment, l->alignment_offset)
SHOW(in_flight, b->in_flight)
SHOW(logical_block, l->logical_block)
SHOW(physical_block, l->physical_block)
SHOW(io_min, l->io_min ? l->io_min : l->physical_block)
SHOW(io_opt, l->io_opt)
SHOW(rotational, l->rotational)
SHOW(max_kib, l->max_sectors / 2)
SHOW(max_segments, l->max_segments)
SHOW(depth, l->queue_depth)
SHOW(fua, l->has_fua)
SHOW(discard_grain, l->has_discard ? l->logical_block : 0)
SHOW(zero, 0)
SHOW(read_ahead, READAHEAD_PAGES * (PAGE_SIZE / 1024))

static int dev_show(struct seq *s, struct pseudo *p)
{
	seq_printf(s, "%u:%u\n", MAJOR(sys_dev(p)), MINOR(sys_dev(p)));
	return 0;
}

static int uevent_show(struct seq *s, struct pseudo *p)
{
	const struct blockdev *b = device_of(p);

	if (!b)
		return -ENODEV;
	seq_printf(s, "MAJOR=%u\nMINOR=%u\nDEVNAME=%s\nDEVTYPE=%s\n", MAJOR(b->dev), MINOR(b->dev),
		   b->name, b->partno ? "partition" : "disk");
	if (b->partno)
		seq_printf(s, "PARTN=%u\n", b->partno);
	return 0;
}

static int stat_show(struct seq *s, struct pseudo *p)
{
	struct blockdev *b = device_of(p);

	if (!b)
		return -ENODEV;
	block_stats_text(s, b);
	return 0;
}

static int write_cache_show(struct seq *s, struct pseudo *p)
{
	const struct blockdev *b = device_of(p);

	if (!b)
		return -ENODEV;
	seq_puts(s, b->disk->limits.has_flush ? "write back\n" : "write through\n");
	return 0;
}

static int scheduler_show(struct seq *s, struct pseudo *p)
{
	/* requests are merged in plugs and go out in the order they come */
	seq_puts(s, "[none]\n");
	return 0;
}

static const struct pseudo_entry queue_entries[] = {
	PSEUDO_FILE("discard_granularity", discard_grain_show),
	PSEUDO_FILE("discard_max_bytes", zero_show),
	PSEUDO_FILE("fua", fua_show),
	PSEUDO_FILE("hw_sector_size", logical_block_show),
	PSEUDO_FILE("logical_block_size", logical_block_show),
	PSEUDO_FILE("max_sectors_kb", max_kib_show),
	PSEUDO_FILE("max_segments", max_segments_show),
	PSEUDO_FILE("minimum_io_size", io_min_show),
	PSEUDO_FILE("nr_requests", depth_show),
	PSEUDO_FILE("optimal_io_size", io_opt_show),
	PSEUDO_FILE("physical_block_size", physical_block_show),
	PSEUDO_FILE("read_ahead_kb", read_ahead_show),
	PSEUDO_FILE("rotational", rotational_show),
	PSEUDO_FILE("scheduler", scheduler_show),
	PSEUDO_FILE("write_cache", write_cache_show),
	{ 0 },
};

static const struct pseudo_entry nothing[] = { { 0 } };

#define COMMON_ENTRIES \
	PSEUDO_FILE("alignment_offset", alignment_show), \
	PSEUDO_FILE("dev", dev_show), \
	PSEUDO_FILE("discard_alignment", zero_show), \
	PSEUDO_DIR("holders", nothing), \
	PSEUDO_FILE("inflight", in_flight_show), \
	PSEUDO_FILE("ro", ro_show), \
	PSEUDO_FILE("size", size_show), \
	PSEUDO_FILE("stat", stat_show), \
	PSEUDO_FILE("uevent", uevent_show)

static const struct pseudo_entry partition_entries[] = {
	COMMON_ENTRIES, PSEUDO_FILE("partition", partition_show), PSEUDO_FILE("start", start_show), { 0 },
};
static const struct pseudo_entry disk_entries[] = {
	COMMON_ENTRIES, PSEUDO_DIR("queue", queue_entries), PSEUDO_FILE("range", range_show),
	PSEUDO_FILE("removable", removable_show), PSEUDO_DIR("slaves", nothing), { 0 },
};

/* --- directories of devices --- */

static struct blockdev *find(const struct dentry *dentry)
{
	struct blockdev *b = blockdev_by_name(dentry->name.name);

	return b && !strcmp(b->name, dentry->name.name) ? b : NULL;
}

/* Devices whom wanted() wants, one after the other. */
struct listing {
	struct pseudo *dir;
	struct dir_context *ctx;
	const struct pseudo_entry *entry;
	bool (*wanted)(const struct pseudo *dir, const struct blockdev *b);
	bool by_number, full;
	loff_t at;
};

static void list_one(struct blockdev *b, void *arg)
{
	struct listing *l = arg;
	char number[24];

	if (l->full || !l->wanted(l->dir, b) || l->at++ < l->ctx->pos)
		return;
	snprintf(number, sizeof(number), "%u:%u", MAJOR(b->dev), MINOR(b->dev));
	l->full = !pseudo_emit(l->dir, l->ctx, l->by_number ? number : b->name, l->entry, NULL,
			       sys_number(b->dev), l->at);
}

static int list(struct listing l)
{
	l.at = PSEUDO_DYNAMIC;
	blockdev_for_each(list_one, &l);
	return 0;
}

static bool is_any(const struct pseudo *dir, const struct blockdev *b)
{
	return true;
}

static bool is_disk(const struct pseudo *dir, const struct blockdev *b)
{
	return !b->partno;
}

static bool is_part_of(const struct pseudo *dir, const struct blockdev *b)
{
	return b->partno && b->disk->parts[0]->dev == sys_dev(dir);
}

static const struct pseudo_entry partition_dir = PSEUDO_DIR("", partition_entries);

static int disk_lookup(struct pseudo *dir, struct dentry *dentry)
{
	struct blockdev *b = find(dentry);

	if (!b || !is_part_of(dir, b))
		return -ENOENT;
	return pseudo_instantiate(dir, dentry, &partition_dir, NULL, sys_number(b->dev), 0);
}

static int disk_iterate(struct pseudo *dir, struct dir_context *ctx)
{
	return list((struct listing){ .dir = dir, .ctx = ctx, .entry = &partition_dir, .wanted = is_part_of });
}

static const struct pseudo_entry disk_dir = {
	.name = "", .mode = S_IFDIR | 0555, .children = disk_entries, .lookup = disk_lookup, .iterate = disk_iterate,
};

static int devices_lookup(struct pseudo *dir, struct dentry *dentry)
{
	struct blockdev *b = find(dentry);

	if (!b || b->partno)
		return -ENOENT;
	return pseudo_instantiate(dir, dentry, &disk_dir, NULL, sys_number(b->dev), 0);
}

static int devices_iterate(struct pseudo *dir, struct dir_context *ctx)
{
	return list((struct listing){ .dir = dir, .ctx = ctx, .entry = &disk_dir, .wanted = is_disk });
}

const struct pseudo_entry sys_devices_block_dir = {
	.name = "", .mode = S_IFDIR | 0555, .lookup = devices_lookup, .iterate = devices_iterate,
};

/* --- links: up as many levels as the link is deep, then down --- */

static int link_text(const struct pseudo *p, char *buf, size_t size, const char *up)
{
	const struct blockdev *b = device_of(p);

	if (!b)
		return -ENODEV;
	return snprintf(buf, size, b->partno ? "%sdevices/block/%s/%s" : "%sdevices/block/%s", up,
			b->disk->parts[0]->name, b->name);
}

static int shallow_text(struct pseudo *p, char *buf, size_t size)
{
	return link_text(p, buf, size, "../");
}

static int deep_text(struct pseudo *p, char *buf, size_t size)
{
	return link_text(p, buf, size, "../../");
}

static const struct pseudo_entry shallow_link = { .name = "", .mode = S_IFLNK | 0777, .text = shallow_text };
static const struct pseudo_entry deep_link = { .name = "", .mode = S_IFLNK | 0777, .text = deep_text };

static int block_lookup(struct pseudo *dir, struct dentry *dentry)
{
	struct blockdev *b = find(dentry);

	if (!b || b->partno)
		return -ENOENT;
	return pseudo_instantiate(dir, dentry, &shallow_link, NULL, sys_number(b->dev), 0);
}

static int block_iterate(struct pseudo *dir, struct dir_context *ctx)
{
	return list((struct listing){ .dir = dir, .ctx = ctx, .entry = &shallow_link, .wanted = is_disk });
}

const struct pseudo_entry sys_block_dir = {
	.name = "", .mode = S_IFDIR | 0555, .lookup = block_lookup, .iterate = block_iterate,
};

static int class_lookup(struct pseudo *dir, struct dentry *dentry)
{
	struct blockdev *b = find(dentry);

	return b ? pseudo_instantiate(dir, dentry, &deep_link, NULL, sys_number(b->dev), 0) : -ENOENT;
}

static int class_iterate(struct pseudo *dir, struct dir_context *ctx)
{
	return list((struct listing){ .dir = dir, .ctx = ctx, .entry = &deep_link, .wanted = is_any });
}

const struct pseudo_entry sys_class_block_dir = {
	.name = "", .mode = S_IFDIR | 0555, .lookup = class_lookup, .iterate = class_iterate,
};

static int dev_lookup(struct pseudo *dir, struct dentry *dentry)
{
	dev_t dev;

	if (!sys_parse_dev(&dentry->name, &dev) || !blockdev_find(dev))
		return -ENOENT;
	return pseudo_instantiate(dir, dentry, &deep_link, NULL, sys_number(dev), 0);
}

static int dev_iterate(struct pseudo *dir, struct dir_context *ctx)
{
	return list((struct listing){ .dir = dir, .ctx = ctx, .entry = &deep_link, .wanted = is_any,
				      .by_number = true });
}

const struct pseudo_entry sys_dev_block_dir = {
	.name = "", .mode = S_IFDIR | 0555, .lookup = dev_lookup, .iterate = dev_iterate,
};
