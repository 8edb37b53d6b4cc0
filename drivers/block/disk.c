/* SPDX-License-Identifier: MIT */
/*
 * The registry of block devices: whole disks and their partitions.
 *
 * Devices are added at boot, or when a card is put in. Their structures stay for ever, so
 * lookups return a bare pointer: that of a device which has gone serves the next one when
 * nobody has it open, and until then its requests end in errors. Each has its own page
 * cache, so raw access to a disk and to its partition are not coherent with each other,
 * as on Linux.
 */
#include <drivers/block/block.h>
#include <drivers/block/partition.h>
#include <kernel/lib/string.h>
#include <kernel/lock/mutex.h>
#include <kernel/printk.h>

static DEFINE_MUTEX(registry_lock, RANK_MUTEX_LEAF);	/* devices, holder fields */
static LIST_HEAD(devices);
static const struct blockdev_watcher *watcher;	/* written before there are devices */

static struct blockdev *find(bool (*match)(struct blockdev *, const void *), const void *key)
{
	struct blockdev *b, *found = NULL;

	mutex_lock(&registry_lock);
	list_for_each(b, &devices, node)
		if (match(b, key)) {
			found = b;
			break;
		}
	mutex_unlock(&registry_lock);
	return found;
}

static bool has_number(struct blockdev *b, const void *key)
{
	return b->dev == *(const dev_t *)key;
}

static bool has_name(struct blockdev *b, const void *key)
{
	return !strcmp(b->name, key);
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? c + 32 : c;
}

static bool has_uuid(struct blockdev *b, const void *key)
{
	const char *want = key;
	unsigned i;

	for (i = 0; b->uuid[i] && lower(want[i]) == b->uuid[i]; i++)
		;
	return i && !b->uuid[i] && !want[i];
}

struct blockdev *blockdev_find(dev_t dev)
{
	return find(has_number, &dev);
}

struct blockdev *blockdev_by_name(const char *name)
{
	if (!strncmp(name, "PARTUUID=", 9))
		return find(has_uuid, name + 9);
	return find(has_name, strncmp(name, "/dev/", 5) ? name : name + 5);
}

void blockdev_for_each(void (*fn)(struct blockdev *b, void *arg), void *arg)
{
	struct blockdev *b;

	mutex_lock(&registry_lock);
	list_for_each(b, &devices, node)
		fn(b, arg);
	mutex_unlock(&registry_lock);
}

int blockdev_claim(struct blockdev *b, void *holder)
{
	int err = 0;

	mutex_lock(&registry_lock);
	if (b->holder && b->holder != holder)
		err = -EBUSY;
	else
		b->holder = holder;
	mutex_unlock(&registry_lock);
	return err;
}

void blockdev_release(struct blockdev *b, void *holder)
{
	mutex_lock(&registry_lock);
	if (b->holder == holder)
		b->holder = NULL;
	mutex_unlock(&registry_lock);
}

static bool overlaps_another(const struct disk *d, u32 partno, sector_t start, sector_t sectors)
{
	for (u32 i = 1; i < DISK_MAX_PARTS; i++) {
		const struct blockdev *p = d->parts[i];

		if (p && i != partno && p->start < start + sectors && start < p->start + p->sectors)
			return true;
	}
	return false;
}

int blockdev_grow(struct disk *d, u32 partno, sector_t start, sector_t sectors)
{
	struct blockdev *b = partno && partno < DISK_MAX_PARTS ? d->parts[partno] : NULL;
	int err = 0;

	if (!b)
		return -ENXIO;
	mutex_lock(&registry_lock);
	if (start != b->start || sectors < b->sectors || sectors > d->sectors - start)
		err = -EINVAL;
	else if (overlaps_another(d, partno, start, sectors))
		err = -EBUSY;
	if (!err) {
		WRITE_ONCE(b->sectors, sectors);
		WRITE_ONCE(b->bytes, (loff_t)(sectors << SECTOR_SHIFT));
	}
	mutex_unlock(&registry_lock);
	return err;
}

int blockdev_flush(struct blockdev *b)
{
	struct bio *bio;
	int err;

	if (!b->disk->limits.has_flush || b->disk->limits.read_only)
		return 0;
	bio = bio_alloc(b, 0, BIO_FLUSH, GFP_NOIO);
	err = bio_submit_wait(bio);
	bio_free(bio);
	return err;
}

int blockdev_sync(struct blockdev *b)
{
	int err = mapping_write_and_wait(b->mapping, 0, S64_MAX);
	int flush_err = blockdev_flush(b);
	int late_err = mapping_check_error(b->mapping, &b->errors_seen);

	return err ? err : late_err ? late_err : flush_err;
}

int blockdev_read_sectors(struct blockdev *b, sector_t sector, u32 nr, void *buf)
{
	u32 bytes = nr << SECTOR_SHIFT;
	struct page *page;
	struct bio *bio;
	int err = -EIO;

	if (bytes > PAGE_SIZE)
		return -EINVAL;
	page = page_alloc(GFP_KERNEL);
	if (!page)
		return -ENOMEM;
	bio = bio_alloc(b, 1, BIO_READ, GFP_KERNEL);
	bio->sector = sector;
	if (bio_add_page(bio, page, bytes, 0))
		err = bio_submit_wait(bio);
	if (!err)
		memcpy(buf, page_address(page), bytes);
	bio_free(bio);
	page_put(page);
	return err;
}

static void init_mapping(struct blockdev *b)
{
	b->mapping = &b->mapping_store;
	mapping_init(b->mapping, NULL, &b->bytes, &blockdev_mapping_ops);
	b->mapping->gfp = GFP_NOFS;
	b->mapping->private = b;
}

static struct blockdev *device_add(struct disk *d, u32 partno, sector_t start, sector_t sectors)
{
	struct blockdev *b = d->spare[partno];
	size_t len = strlen(d->name);
	bool digit = d->name[len - 1] >= '0' && d->name[len - 1] <= '9';

	if (!b)
		b = kzalloc(sizeof(*b), GFP_KERNEL);
	if (!b)
		return NULL;
	d->spare[partno] = NULL;
	if (partno)
		snprintf(b->name, sizeof(b->name), "%s%s%u", d->name, digit ? "p" : "", partno);
	else
		strscpy(b->name, d->name, sizeof(b->name));
	b->dev = MKDEV(d->major, d->first_minor + partno);
	b->disk = d;
	b->start = start;
	b->sectors = sectors;
	b->partno = partno;
	b->bytes = (loff_t)(sectors << SECTOR_SHIFT);
	b->read_only = false;
	if (!b->mapping)
		init_mapping(b);
	d->parts[partno] = b;
	return b;
}

static void device_publish(struct blockdev *b)
{
	mutex_lock(&registry_lock);
	list_add_tail(&b->node, &devices);
	mutex_unlock(&registry_lock);
	if (watcher)
		watcher->added(b);
}

void blockdev_watch(const struct blockdev_watcher *w)
{
	struct blockdev *b;

	list_for_each(b, &devices, node)
		w->added(b);
	watcher = w;
}

static int read_table_block(void *ctx, u64 block, void *buf)
{
	struct blockdev *b = ctx;
	u32 sectors = b->disk->limits.logical_block >> SECTOR_SHIFT;

	return blockdev_read_sectors(b, block * sectors, sectors, buf);
}

static int scan_partitions(struct disk *d)
{
	struct partition_source src = {
		.read = read_table_block,
		.ctx = d->parts[0],
		.block_bytes = d->limits.logical_block,
		.blocks = (d->sectors << SECTOR_SHIFT) / d->limits.logical_block,
	};
	struct partition *found = kcalloc(DISK_MAX_PARTS, sizeof(*found), GFP_KERNEL);
	int nr;

	if (!found)
		return -ENOMEM;
	nr = partition_scan(&src, found, DISK_MAX_PARTS - 1);
	for (int i = 0; i < nr; i++) {
		struct blockdev *b;

		if (found[i].number >= DISK_MAX_PARTS)
			continue;
		b = device_add(d, found[i].number, found[i].start, found[i].sectors);
		if (!b) {
			nr = -ENOMEM;
			break;
		}
		strscpy(b->uuid, found[i].uuid, sizeof(b->uuid));
		device_publish(b);
	}
	kfree(found);
	return nr < 0 ? nr : 0;
}

void disk_init(struct disk *d)
{
	spin_lock_init(&d->lock, RANK_BLOCKQ);
	list_init(&d->queue);
}

void disk_remove(struct disk *d)
{
	for (u32 i = DISK_MAX_PARTS; i--;) {
		struct blockdev *b = d->parts[i];

		if (!b)
			continue;
		mutex_lock(&registry_lock);
		list_del(&b->node);
		mutex_unlock(&registry_lock);
		if (watcher)
			watcher->removed(b);
	}
}

bool disk_is_unused(const struct disk *d)
{
	bool unused = true;

	mutex_lock(&registry_lock);
	for (u32 i = 0; i < DISK_MAX_PARTS; i++) {
		const struct blockdev *b = d->parts[i];

		if (b && (b->holder || atomic_read(&b->openers)))
			unused = false;
	}
	mutex_unlock(&registry_lock);
	return unused;
}

/* What an earlier device has left: its structures are used again, its contents are not. */
static void forget_devices(struct disk *d)
{
	for (u32 i = 0; i < DISK_MAX_PARTS; i++) {
		struct blockdev *b = d->parts[i];

		if (!b)
			continue;
		mapping_truncate(b->mapping, 0);
		b->uuid[0] = 0;
		d->spare[i] = b;
		d->parts[i] = NULL;
	}
}

int disk_register(struct disk *d)
{
	struct blockdev *whole;
	int err;

	forget_devices(d);
	whole = device_add(d, 0, 0, d->sectors);
	if (!whole)
		return -ENOMEM;
	device_publish(whole);
	err = scan_partitions(d);
	if (err)
		pr_warn("%s: partitions not read: error %d", d->name, -err);
	pr_info("%s: %lu MiB, %u-byte blocks%s", d->name, d->sectors >> 11,
		d->limits.logical_block, d->limits.read_only ? ", read-only" : "");
	return 0;
}
