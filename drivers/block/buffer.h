/* SPDX-License-Identifier: MIT */
/*
 * Metadata blocks of file systems: in the block device's page cache, with state
 * per KiB. A block_ref is a view of one block and a reference on its page.
 * Contents are guarded by the file system's own locks. Design: buffer.c.
 */
#pragma once
#include <drivers/block/block.h>

struct block_ref {
	struct page *page;		/* NULL: empty */
	void *data;
	u32 offset, size;		/* in the page; bytes */
};

/* Block nr of (1 << bits) bytes (1 to 4 KiB), read if needed. 0, -EIO, -ENOMEM. May sleep. */
int __must_check block_read(struct blockdev *b, u64 nr, u32 bits, struct block_ref *out);
/* The same without reading: zeroed and dirty. 0 or -ENOMEM. */
int __must_check block_new(struct blockdev *b, u64 nr, u32 bits, struct block_ref *out);
void block_dirty(struct block_ref *r);		/* after a change */
/*
 * Between these the block is not on its way to disk: what
 * is changed goes there as a whole, or not. May sleep.
 */
void block_lock(struct block_ref *r);
void block_unlock(struct block_ref *r);
/* The block if it is cached and read, without I/O. */
bool block_peek(struct blockdev *b, u64 nr, u32 bits, struct block_ref *out);
/*
 * fn decides from now on what is written of b's metadata;
 * NULL: all. Waits until the one before is not in use.
 */
void block_set_filter(struct blockdev *b, block_filter_fn *fn, void *arg);
void block_put(struct block_ref *r);		/* empty is fine; leaves it empty */
/*
 * The block is free: its old contents must never be written again. May sleep for a write under way.
 */
void block_forget(struct blockdev *b, u64 nr, u32 bits);
