/* SPDX-License-Identifier: MIT */
/*
 * The page cache: file contents in memory, one struct page per (mapping, index).
 * States, transitions and invariants: pagecache.c. File systems see this header
 * only through mapping_ops; the page cache sees file systems only through them.
 */
#pragma once
#include <kernel/types.h>
#include <kernel/errno.h>
#include <kernel/lib/rbtree.h>
#include <kernel/lib/xarray.h>
#include <kernel/lock/mutex.h>
#include <kernel/mm/iov_iter.h>
#include <kernel/mm/page.h>

struct file;
struct inode;
struct mapping;
struct vma;

struct writeback_control {
	loff_t start, end;		/* byte range, end inclusive */
	long nr_to_write;		/* pages left to write in this run */
	bool sync;			/* for integrity: wait for pages under I/O and write them again if dirty */
};

/* Context of all: may sleep, page locked where a page is given. */
struct mapping_ops {
	/*
	 * Fill the locked page; unlocks it when the I/O ends (also at once), PG_UPTODATE or
	 * PG_ERROR set. 0 or -errno: then unlocked too.
	 */
	int (*read_page)(struct mapping *m, struct page *page);
	/*
	 * Start reads for pages [index, index+nr) that are new,
	 * locked and in the cache; NULL: read_page one by one.
	 */
	void (*read_ahead)(struct mapping *m, struct page **pages, u32 nr);
	/* Write dirty pages of the range: NULL: write_page one by one. */
	int (*write_pages)(struct mapping *m, struct writeback_control *wbc);
	/*
	 * Write a locked page whose dirty bit was just
	 * cleared: sets PG_WRITEBACK, starts I/O, unlocks.
	 */
	int (*write_page)(struct mapping *m, struct page *page, struct writeback_control *wbc);
	/*
	 * Before bytes [from, to) of the locked page change: allocate disk blocks, read
	 * what stays of partly written blocks, so that after the change the whole page
	 * is up to date. -ENOSPC ... After: PG_UPTODATE and page_set_dirty by the caller.
	 */
	int (*write_begin)(struct mapping *m, struct page *page, u32 from, u32 to);
	/*
	 * After copied of the bytes changed (may be short); updates size: the VFS inode's size is
	 * the caller's to grow. NULL: nothing.
	 */
	void (*write_end)(struct mapping *m, struct page *page, u32 from, u32 to, u32 copied);
	/*
	 * A first write through a shared mapping: locked
	 * page, as write_begin over all of it. NULL: nothing.
	 */
	int (*page_mkwrite)(struct mapping *m, struct page *page);
	/*
	 * Drop private state of a page that leaves; false:
	 * still in use. May not sleep. NULL: there is none.
	 */
	bool (*release_page)(struct page *page);
	/* Bytes [from, to) of the page are gone by truncate: forget private state. */
	void (*invalidate_page)(struct page *page, u32 from, u32 to);
};

struct mapping {
	struct spinlock lock;		/* RANK_MAPPING, irq-safe: pages (writes), counts */
	struct xarray pages;		/* by page index; lookups under RCU */
	u64 nr_pages;
	atomic64_t nr_dirty;
	ktime_t dirty_since_ns;		/* when nr_dirty left 0; a hint */
	const struct mapping_ops *ops;
	struct inode *host;
	const loff_t *size;		/* the host's, read with READ_ONCE */
	u32 gfp;			/* for its pages */
	u32 flags;			/* MAPPING_* */
	u32 wb_err;			/* errseq: changes with every write error (errseq.h) */
	struct rwsem i_mmap_lock;	/* RANK_I_MMAP */
	struct list_head i_mmap;	/* VMAs that map it */
	atomic_t nr_writable_maps;	/* shared writable VMAs */
	u64 *blocks;			/* lock; 512-byte units in pages that were written; NULL: not kept */
	void *private;
};
#define MAPPING_NO_WRITEBACK	BIT(0)	/* memory only (tmpfs): never dirty for the flusher */

#define XA_DIRTY	XA_MARK_0
#define XA_WRITEBACK	XA_MARK_1

void mapping_init(struct mapping *m, struct inode *host, const loff_t *size,
		  const struct mapping_ops *ops);

static inline loff_t mapping_size(const struct mapping *m)
{
	return READ_ONCE(*m->size);
}

/* With a reference on page, which keeps it from being used for anything else: is it this one? */
static inline bool page_is_at(const struct page *page, const struct mapping *m, u64 index)
{
	return __atomic_load_n(&page->mapping, __ATOMIC_ACQUIRE) == m && page->index == index;
}

/* The page with a reference if it is there (any state); NULL. Any context. */
struct page *pagecache_find(struct mapping *m, u64 index);
/*
 * The next page with the mark (XA_PRESENT: any page) at or after *index, which then says where;
 * with a reference. NULL: none up to last.
 */
struct page *pagecache_next(struct mapping *m, u64 *index, u64 last, enum xa_mark mark);
/* Found or newly added; locked, with a reference. NULL: no memory. */
struct page *pagecache_get_locked(struct mapping *m, u64 index, u32 gfp);
/*
 * Up to date, with a reference, not locked; reads it
 * if needed. NULL and *err (-EIO, -ENOMEM, -EINTR).
 */
struct page *pagecache_read(struct mapping *m, u64 index, int *err);
/* Take out a locked page that never was up to date. The caller's reference stays. */
void pagecache_remove(struct mapping *m, struct page *page);
/* -EEXIST */
int __must_check pagecache_add(struct mapping *m, struct page *page, u64 index, u32 gfp);
/*
 * Free a locked page that is clean, unmapped, and referenced by the caller and the
 * tree alone. True: lock and references are gone with it. False: it stays as it is.
 */
bool __must_check pagecache_evict(struct mapping *m, struct page *page);
/* end of a read: sets state, unlocks. Any context */
void page_read_done(struct page *page, int err);
void page_write_done(struct page *page, int err);	/* end of writeback. Any context */
bool page_set_dirty(struct page *page);			/* true if it was clean; marks mapping and inode */
bool page_clear_dirty_for_io(struct page *page);	/* page locked; write-protects mappings; true if it was dirty */
void page_start_writeback(struct page *page);		/* page locked */

/* Readahead state of an open file. */
struct readahead_state {
	u64 start;			/* window */
	u32 size;			/* pages */
	u32 ra_pages;			/* largest window */
	loff_t prev_pos;		/* where the last read or write stopped */
};

/* the largest window unless the file says otherwise: 128 KiB, as Linux */
#define READAHEAD_PAGES	32
/*
 * Start reading what is missing of bytes start to end (inclusive), or of the file's part of them.
 */
void file_read_ahead(struct file *f, loff_t start, loff_t end);

ssize_t generic_file_read(struct kio *kio, struct iov_iter *to);
/* file_ops->pages */
ssize_t generic_file_pages(struct file *f, loff_t pos, size_t len, struct bvec *vec, u32 *nr);
/* Of the pages that file_ops->pages gave for pos, those of bytes pos to end (exclusive) have been used. */
void file_pages_used(struct file *f, loff_t pos, loff_t end, const struct bvec *vec);
/*
 * The file system's write: inode's rwsem is taken inside; permission, limits, suid, times included.
 */
ssize_t generic_file_write(struct kio *kio, struct iov_iter *from);
/*
 * Bytes put into pages from kio->pos on, or -errno if none.
 * The host's rwsem is write-held, if the size may change.
 */
ssize_t generic_write_pages(struct kio *kio, struct iov_iter *from);
int generic_file_mmap(struct file *f, struct vma *vma);
/*
 * Start reading up to nr new pages from index on, a batch at most; how many before
 * one is there already, or memory is not easy to get.
 */
u32 mapping_read_new(struct mapping *m, u64 index, u64 nr);
/* Start reading pages [index, index + nr), as far as they are missing and memory is easy to get. */
void mapping_read_ahead(struct mapping *m, u64 index, u64 nr);

/* Start, wait for, both: writeback of a byte range (end inclusive, S64_MAX: all). 0 or -errno. */
int mapping_write_start(struct mapping *m, loff_t start, loff_t end);
int mapping_write_wait(struct mapping *m, loff_t start, loff_t end);
/* Start writing up to nr dirty pages, without waiting; how many. Errors stay with the mapping. */
s64 mapping_write_some(struct mapping *m, s64 nr);
int mapping_write_and_wait(struct mapping *m, loff_t start, loff_t end);
/* Errors since *seen, once: -EIO, -ENOSPC or 0; moves *seen. */
int mapping_check_error(struct mapping *m, u32 *seen);
void mapping_set_error(struct mapping *m, int err);
u32 mapping_error_sample(const struct mapping *m);

/*
 * Cut cached pages and user mappings beyond size; zero the tail of the last page. Nobody adds any
 * there meanwhile: the inode's rwsem is held for writing (or the device is gone), and a fault looks
 * at the size after it has the page (fault.c, invariant 3).
 */
void mapping_truncate(struct mapping *m, loff_t size);
/* hole; edges zeroed */
void mapping_truncate_range(struct mapping *m, loff_t start, loff_t end);
/* clean pages; -EBUSY if some stayed */
int mapping_invalidate(struct mapping *m, loff_t start, loff_t end);
/* last use of the inode: drops every page */
void mapping_destroy(struct mapping *m);

/* after dirtying: sleeps when too much is */
void balance_dirty_pages(struct mapping *m);
void writeback_wake_flusher(void);

/* What caches of other parts give back under memory pressure. */
struct shrinker {
	u64 (*count)(void);
	u64 (*scan)(u64 nr);		/* freed. Context: may sleep, no locks */
	struct list_head node;
};
void shrinker_register(struct shrinker *s);
/* all that shrinkers can free. Context: may sleep, no locks */
void reclaim_drop_caches(void);
