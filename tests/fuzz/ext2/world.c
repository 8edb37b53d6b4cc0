/* SPDX-License-Identifier: MIT */
/*
 * What fs/ext2 calls, as far as a mount and its use on one thread need it. Each metadata block has
 * a piece of heap of its own size, and counts who views it: so AddressSanitizer sees who
 * leaves a block, and the end of a mount shows who forgot to let go of one. Locks only see that
 * nobody takes one twice.
 */
#include <fs/blkdev.h>
#include <fs/ext2/ext2.h>
#include <kernel/lib/string.h>
#include <kernel/mm/alloc.h>
#include <kernel/mm/slab.h>
#include <kernel/printk.h>
#include <kernel/task/cred.h>
#include "world.h"

void *malloc(size_t n);
void *calloc(size_t n, size_t size);
void free(void *p);
_Noreturn void abort(void);
int vprintf(const char *fmt, __builtin_va_list args);
int puts(const char *s);
int fflush(void *stream);

#define IN_RANGE	1024		/* blocks of the largest disk */
#define DATA_PAGES	2
/* Syncs of the device, chosen: of one operation more than any that ends, and until it fails. */
#define MOST_OF_ONE	20000
#define MOST_OF_ALL	10000

struct cached {
	struct cached *next;		/* of those behind the end of the disk */
	struct page page;		/* only to be pointed to */
	u64 nr;
	u8 *data;			/* NULL: not cached */
	u32 size, views;
	bool dirty, locked;
};

struct thread_info host_thread_info;
char host_pages[DATA_PAGES * sizeof(struct page)] __aligned(64);
char host_ram[DATA_PAGES * PAGE_SIZE] __aligned(PAGE_SIZE);

static u8 *disk_bytes;
static u64 disk_len;
static struct cached blocks[IN_RANGE], super, *outside;
static struct mapping dev_mapping;
static struct disk disk;
static struct blockdev bdev;
static ktime_t now;
static u32 syncs, syncs_before;
static bool device_fails;

void panic(const char *fmt, ...)
{
	__builtin_va_list args;

	__builtin_va_start(args, fmt);
	vprintf(fmt, args);
	__builtin_va_end(args);
	puts("");
	fflush(NULL);
	abort();
}

void printk(enum log_level level, const char *fmt, ...)
{
}

void refcount_report(refcount_t *r)
{
	panic("a reference count of nothing");
}

/* --- memory, time, threads --- */

void *kmalloc(size_t n, u32 gfp)			{ return malloc(n); }
void *kzalloc(size_t n, u32 gfp)			{ return calloc(1, n); }
void *kcalloc(size_t n, size_t size, u32 gfp)		{ return calloc(n, size); }
void kfree(const void *p)				{ free((void *)p); }
void *kmem_cache_zalloc(struct kmem_cache *c, u32 gfp)	{ return calloc(1, (size_t)c); }
void kmem_cache_free(struct kmem_cache *c, void *p)	{ free(p); }
ktime_t ktime_get(void)					{ return now += 1000; }
u64 ktime_real(void)					{ return now += 1000; }
u64 random_u64(void)					{ return 0x0123456789abcdef; }
void preempt_schedule(void)				{ }
void rcu_barrier(void)					{ }
bool capable(int cap)					{ return true; }
bool signal_fatal_pending(const struct thread *t)	{ return false; }
void spin_lock_slow(struct spinlock *l)			{ panic("a spinlock is taken twice"); }
void mutex_init(struct mutex *m, enum lock_rank rank)	{ m->owner = 0; }
void mutex_unlock(struct mutex *m)			{ m->owner = 0; }

struct kmem_cache *kmem_cache_create(const char *name, size_t size, size_t align, void (*ctor)(void *))
{
	return (struct kmem_cache *)size;
}

void mutex_lock(struct mutex *m)
{
	if (m->owner)
		panic("a mutex is taken twice");
	m->owner = 1;
}

ssize_t strscpy(char *dst, const char *src, size_t size)
{
	return snprintf(dst, size, "%s", src);
}

/* --- metadata blocks --- */

static void uncache(struct cached *c)
{
	free(c->data);
	*c = (struct cached){ 0 };
}

void world_disk(unsigned char *image, unsigned long bytes)
{
	for (u32 i = 0; i < IN_RANGE; i++)
		uncache(&blocks[i]);
	uncache(&super);
	while (outside) {
		struct cached *c = outside;

		outside = c->next;
		free(c->data);
		free(c);
	}
	disk_bytes = image;
	disk_len = bytes;
	syncs = 0;
	world_next_operation();
	disk.sectors = bytes >> SECTOR_SHIFT;
	disk.limits.logical_block = SECTOR_SIZE;
	bdev = (struct blockdev){ .name = "disk", .disk = &disk, .sectors = disk.sectors,
				  .bytes = (loff_t)bytes, .mapping = &dev_mapping };
}

/* The superblock has a place of its own: with larger blocks it is a part of one. */
static struct cached *cached(u64 nr, u32 bits)
{
	struct cached *c;

	if (nr == 1 && bits == 10)
		return &super;
	if (nr < IN_RANGE)
		return &blocks[nr];
	for (c = outside; c && c->nr != nr; c = c->next)
		;
	if (!c) {
		c = calloc(1, sizeof(*c));
		c->next = outside;
		outside = c;
	}
	return c;
}

static void view(struct cached *c, struct block_ref *out)
{
	*out = (struct block_ref){ .page = &c->page, .data = c->data, .size = c->size };
	c->views++;
}

static struct cached *of(const struct block_ref *r)
{
	return container_of(r->page, struct cached, page);
}

static struct cached *make(u64 nr, u32 bits)
{
	struct cached *c = cached(nr, bits);

	if (c->data && c->size != 1u << bits)
		panic("block %lu has two sizes", nr);
	if (!c->data) {
		c->nr = nr;
		c->size = 1u << bits;
		c->data = calloc(1, c->size);
	}
	return c;
}

/* Behind the end of the device there are zeros, as in its page cache. */
int block_read(struct blockdev *b, u64 nr, u32 bits, struct block_ref *out)
{
	u64 at = nr << bits;
	bool there = cached(nr, bits)->data;
	struct cached *c = make(nr, bits);

	if (!there && at < disk_len)
		memcpy(c->data, disk_bytes + at, min_t(u64, c->size, disk_len - at));
	view(c, out);
	return 0;
}

int block_new(struct blockdev *b, u64 nr, u32 bits, struct block_ref *out)
{
	struct cached *c = make(nr, bits);

	memset(c->data, 0, c->size);
	c->dirty = true;
	view(c, out);
	return 0;
}

bool block_peek(struct blockdev *b, u64 nr, u32 bits, struct block_ref *out)
{
	out->page = NULL;
	if (cached(nr, bits)->data)
		view(cached(nr, bits), out);
	return out->page;
}

void block_put(struct block_ref *r)
{
	if (r->page && !of(r)->views--)
		panic("block %lu is put too often", of(r)->nr);
	r->page = NULL;
}

void block_dirty(struct block_ref *r)
{
	of(r)->dirty = true;
}

void block_lock(struct block_ref *r)
{
	if (of(r)->locked)
		panic("block %lu is locked twice", of(r)->nr);
	of(r)->locked = true;
}

void block_unlock(struct block_ref *r)
{
	of(r)->locked = false;
}

void block_forget(struct blockdev *b, u64 nr, u32 bits)
{
	cached(nr, bits)->dirty = false;
}

void block_set_filter(struct blockdev *b, block_filter_fn *fn, void *arg)
{
	b->filter = fn;
	b->filter_arg = arg;
}

/* --- writing them, a page of the device at a time, as far as the filter lets them --- */

static u32 kibs_of(const struct cached *c, u64 at)
{
	return ((1u << (c->size >> 10)) - 1) << (at % PAGE_SIZE >> 10);
}

/* A cached block into the picture of its page; the KiBs to be written of it. */
static u32 draw_block(const struct cached *c, u8 *page)
{
	u64 at = c->nr * c->size;

	memcpy(page + at % PAGE_SIZE, c->data, c->size);
	return c->dirty ? kibs_of(c, at) : 0;
}

static void write_back(u64 index, const u8 *copy, u32 written)
{
	for (u32 i = 0; i < PAGE_SIZE >> 10; i++) {
		u64 at = (index << PAGE_SHIFT) + (i << 10);

		if ((written >> i & 1) && at + 1024 <= disk_len)
			memcpy(disk_bytes + at, copy + (i << 10), 1024);
	}
}

/* The cached blocks of a page; how many. */
static u32 blocks_on(u64 index, struct cached **on)
{
	u32 nr = 0;

	for (u32 shift = 0; shift <= 2; shift++)
		for (u64 i = index << shift; i < (index + 1) << shift && i < IN_RANGE; i++)
			if (blocks[i].data && blocks[i].size == PAGE_SIZE >> shift)
				on[nr++] = &blocks[i];
	if (!index && super.data)
		on[nr++] = &super;
	return nr;
}

static void write_blocks(u64 index, struct cached **on, u32 nr)
{
	u64 at = index << PAGE_SHIFT;
	u8 page[PAGE_SIZE] = { 0 }, copy[PAGE_SIZE];
	u32 dirty = 0, kept = 0;

	memcpy(page, disk_bytes + at, min_t(u64, PAGE_SIZE, disk_len - at));
	for (u32 i = 0; i < nr; i++)
		dirty |= draw_block(on[i], page);
	memcpy(copy, page, PAGE_SIZE);
	if (bdev.filter && bdev.filter(bdev.filter_arg, index, (char *)page, NULL, dirty))
		kept = bdev.filter(bdev.filter_arg, index, (char *)page, (char *)copy, dirty);
	write_back(index, copy, dirty & ~kept);
	for (u32 i = 0; i < nr; i++)
		on[i]->dirty &= (kibs_of(on[i], on[i]->nr * on[i]->size) & kept) != 0;
}

static void write_page_of_device(u64 index)
{
	struct cached *on[6];
	u32 nr = blocks_on(index, on);
	bool dirty = false;

	for (u32 i = 0; i < nr; i++)
		dirty |= on[i]->dirty;
	if (dirty)
		write_blocks(index, on, nr);
}

/* An image on which much waits for what never comes takes barrier after barrier: not for ever. */
void world_next_operation(void)
{
	syncs_before = syncs;
	device_fails = syncs > MOST_OF_ALL;
}

int blockdev_sync(struct blockdev *b)
{
	if (++syncs - syncs_before > MOST_OF_ONE)
		panic("an operation never ends");
	if (device_fails)
		return -EIO;
	for (u64 index = 0; index << PAGE_SHIFT < disk_len; index++)
		write_page_of_device(index);
	return 0;
}

static void check_views(void)
{
	for (u32 i = 0; i < IN_RANGE; i++)
		if (blocks[i].views || blocks[i].locked)
			panic("block %u has %u views", i, blocks[i].views);
	for (const struct cached *c = outside; c; c = c->next)
		if (c->views || c->locked)
			panic("block %lu has %u views", c->nr, c->views);
	if (super.views || super.locked)
		panic("the superblock has %u views", super.views);
}

/* --- the device --- */

int blkdev_of_source(const char *source, struct blockdev **out)	{ *out = &bdev; return 0; }
int blockdev_claim(struct blockdev *b, void *holder)			{ return 0; }
void blockdev_release(struct blockdev *b, void *holder)		{ }

struct bio *bio_alloc(struct blockdev *b, u16 nr, enum bio_op op, u32 gfp)
{
	struct bio *bio = calloc(1, sizeof(*bio) + sizeof(struct bio_vec));

	bio->op = op;
	return bio;
}

void bio_free(struct bio *bio)
{
	free(bio);
}

bool bio_add_page(struct bio *bio, struct page *page, u32 len, u32 offset)
{
	bio->inline_vecs[0] = (struct bio_vec){ .page = page, .len = len, .offset = offset };
	return offset + len <= PAGE_SIZE;
}

int bio_submit_wait(struct bio *bio)
{
	const struct bio_vec *v = bio->inline_vecs;
	char *memory = (char *)page_address(v->page) + v->offset;
	u64 at = bio->sector << SECTOR_SHIFT;

	if (at + v->len > disk_len)
		return -EIO;
	if (bio->op == BIO_READ)
		memcpy(memory, disk_bytes + at, v->len);
	else
		memcpy(disk_bytes + at, memory, v->len);
	return 0;
}

void bio_submit(struct bio *bio)
{
	bio->status = (s16)bio_submit_wait(bio);
	bio->end_io(bio);
}

/* --- pages of files: one at a time, and one for the file system's own --- */

void page_lock(struct page *p)				{ page_set(p, PG_LOCKED); }
void page_unlock(struct page *p)			{ page_clear(p, PG_LOCKED); }
void page_wait_writeback(struct page *p)		{ }
void page_start_writeback(struct page *p)		{ }
void page_write_done(struct page *p, int err)		{ }
bool page_set_dirty(struct page *p)			{ return !page_test_and_set(p, PG_DIRTY); }
void mapping_truncate(struct mapping *m, loff_t size)	{ }
int generic_file_mmap(struct file *f, struct vma *vma)	{ return -ENODEV; }

void page_read_done(struct page *p, int err)
{
	page_set(p, err ? PG_ERROR : PG_UPTODATE);
	page_unlock(p);
}

int mapping_write_and_wait(struct mapping *m, loff_t start, loff_t end)
{
	return m == &dev_mapping ? blockdev_sync(&bdev) : 0;
}

int mapping_write_start(struct mapping *m, loff_t start, loff_t end)
{
	return mapping_write_and_wait(m, start, end);
}

struct page *pagecache_read(struct mapping *m, u64 index, int *err)
{
	struct page *p = (struct page *)host_pages + 1;

	*p = (struct page){ .flags = BIT(PG_LOCKED), .mapping = m, .index = index, .refs = 1 };
	*err = m->ops->read_page(m, p);
	if (!*err && page_test(p, PG_ERROR))
		*err = -EIO;
	return *err ? NULL : p;
}

/* The last reference: what is dirty is written. */
void page_free_last(struct page *p)
{
	struct writeback_control wbc = { .nr_to_write = 1 };

	if (page_test_and_clear(p, PG_DIRTY))
		(void)p->mapping->ops->write_page(p->mapping, p, &wbc);
}

ssize_t generic_file_read(struct kio *kio, struct iov_iter *to)		{ return -EINVAL; }
ssize_t generic_file_write(struct kio *kio, struct iov_iter *from)	{ return -EINVAL; }

ssize_t generic_file_pages(struct file *f, loff_t pos, size_t len, struct bvec *vec, u32 *nr)
{
	return 0;
}

loff_t generic_file_llseek(struct file *f, loff_t off, int whence)
{
	return -EINVAL;
}

long ext2_dir_ioctl(struct file *f, u32 cmd, u64 arg)
{
	return -ENOTTY;
}

/* --- inodes --- */

struct inode *inode_new(struct superblock *sb)
{
	struct inode *inode = sb->ops->inode_alloc(sb);

	inode->sb = sb;
	inode->nlink = 1;
	refcount_set(&inode->refs, 1);
	list_init(&inode->dentries);
	inode->mapping->host = inode;
	inode->mapping->size = &inode->size;
	list_add(&inode->sb_node, &sb->inodes);
	return inode;
}

int inode_lookup(struct superblock *sb, u64 ino, struct inode **out)
{
	struct inode *inode;

	list_for_each(inode, &sb->inodes, sb_node)
		if (inode->ino == ino) {
			*out = inode_get(inode);
			return 0;
		}
	*out = inode_new(sb);
	(*out)->ino = ino;
	(*out)->state = INODE_STATE_NEW;
	return 0;
}

struct inode *inode_get(struct inode *inode)
{
	refcount_inc(&inode->refs);
	return inode;
}

void inode_put(struct inode *inode)
{
	if (!inode || !refcount_dec(&inode->refs))
		return;
	if (inode->nlink && (inode->state & INODE_STATE_DIRTY))
		(void)inode->sb->ops->inode_write(inode, false);
	list_del(&inode->sb_node);
	inode->sb->ops->inode_evict(inode);
	inode->sb->ops->inode_free(inode);
}

void inode_ready(struct inode *inode)			{ inode->state &= ~INODE_STATE_NEW; }
void inode_hash(struct inode *inode)			{ }
void inode_mark_dirty(struct inode *inode, u32 what)	{ inode->state |= what; }
void inode_touch(struct inode *inode, u32 times)	{ inode->state |= INODE_STATE_DIRTY; }
void inode_set_node_ops(struct inode *inode)		{ }
struct timespec64 inode_now(const struct inode *inode)	{ return (struct timespec64){ .sec = 1 }; }

void inode_failed(struct inode *inode)
{
	inode_put(inode);
}

void inode_clear_dirty(struct inode *inode)
{
	inode->state &= ~(INODE_STATE_DIRTY | INODE_STATE_DIRTY_DATA);
}

void inode_init_owner(struct inode *inode, const struct inode *dir, umode_t mode)
{
	inode->mode = mode;
}

int inode_setattr_check(struct inode *inode, const struct iattr *attr)
{
	return 0;
}

void inode_setattr_copy(struct inode *inode, const struct iattr *attr)
{
	inode->state |= INODE_STATE_DIRTY;
}

/* --- names and superblocks --- */

void dentry_instantiate(struct dentry *d, struct inode *inode)
{
	d->inode = inode;
	if (inode)
		list_add(&d->alias_node, &inode->dentries);
}

bool dentry_instantiate_found(struct dentry *d, struct inode *inode)
{
	if (inode && S_ISDIR(inode->mode) && !list_empty(&inode->dentries))
		return false;
	dentry_instantiate(d, inode);
	return true;
}

struct dentry *dentry_alloc_root(struct inode *inode)
{
	struct dentry *d = calloc(1, sizeof(*d));

	dentry_instantiate(d, inode);
	return d;
}

void dentry_put(struct dentry *d)
{
	if (d->inode) {
		list_del(&d->alias_node);
		inode_put(d->inode);
	}
	free(d);
}

struct superblock *superblock_alloc(const struct fstype *type, u32 flags)
{
	struct superblock *sb = calloc(1, sizeof(*sb));

	sb->type = type;
	sb->flags = flags;
	list_init(&sb->inodes);
	return sb;
}

struct superblock *superblock_next(struct superblock *sb)
{
	return NULL;
}

void superblock_put(struct superblock *sb)
{
	if (sb->ops->sync_fs && sb->root)
		(void)sb->ops->sync_fs(sb, true);
	if (sb->root)
		dentry_put(sb->root);
	sb->ops->put_super(sb);
	if (!list_empty(&sb->inodes))
		panic("inode %lu is left", list_first(&sb->inodes, struct inode, sb_node)->ino);
	check_views();
	free(sb);
}
