/* SPDX-License-Identifier: MIT */
/* What waits for a barrier, as order.c and barrier.c share it. Theory: order.c. */
#pragma once
#include <fs/ext2/ext2.h>

/* more than names that a path can have: what waits longer is damage */
#define EXT2_LONGEST_CHAIN	5000

enum ext2_dep_kind { DEP_FRESH, DEP_USED, DEP_HIDDEN, DEP_HELD };

/* Something that waits in a block, by its number. Guarded by order_lock. */
struct ext2_dep {
	struct list_head node;
	u32 block, offset;
	u32 seq;
	enum ext2_dep_kind kind;
};

static inline bool ext2_is_durable(const struct ext2_sb *s, u32 seq)
{
	return !ext2_seq_after(seq, READ_ONCE(s->durable));
}

void ext2_something_waits(struct ext2_sb *s);
/*
 * The record is hidden until barrier seq; last: its inode's
 * slot has no links. Block locked, order_lock held.
 */
void ext2_mark_hidden(struct ext2_dirent *d, u32 seq, bool last);
