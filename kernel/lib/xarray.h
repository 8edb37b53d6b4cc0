/* SPDX-License-Identifier: MIT */
/*
 * Sparse array of pointers by u64 index: a radix tree of 64-way nodes with
 * three marks. Readers are lock-free under RCU; writers hold the owner's lock
 * (the structure has none of its own). Stored pointers are at least 4-aligned;
 * with bit 0 set an entry is a value (swap entry), which xa_is_value() tells.
 */
#pragma once
#include <kernel/types.h>

/* XA_PRESENT: for looking only; every entry has it. */
enum xa_mark { XA_PRESENT = -1, XA_MARK_0, XA_MARK_1, XA_MARK_2, XA_NR_MARKS };

struct xa_node;
struct xarray {
	struct xa_node *head;	/* RCU; NULL: empty */
};

static inline void xa_init(struct xarray *xa)
{
	xa->head = NULL;
}

/*
 * For runs of lookups: the slots of the XA_SLOTS indices around index, from
 * ALIGN_DOWN(index, XA_SLOTS) on; NULL where nothing is stored. Each is read with
 * rcu_dereference(). Context: RCU read section or the owner's lock.
 */
#define XA_SLOTS	64u
void *const *xa_slots(const struct xarray *xa, u64 index);
/* Context: RCU read section or the owner's lock. NULL where nothing is stored. */
void *xa_load(const struct xarray *xa, u64 index);
/*
 * Store entry (NULL erases); *old may be NULL. 0 or -ENOMEM (nothing changed).
 * Context: owner's lock; gfp must fit that (ATOMIC under a spinlock).
 */
int __must_check xa_store(struct xarray *xa, u64 index, void *entry, void **old, u32 gfp);
/*
 * After a store that could not wait for memory failed: wait for it here, and store
 * again. False: there is none. Context: gfp's, no lock that it could not wait with.
 */
bool xa_make_room(u32 gfp);
/* Take out what is there and return it. */
void *xa_erase(struct xarray *xa, u64 index);
/* First entry at or after *index, at most last: sets *index. NULL if none. RCU or lock. */
void *xa_find(const struct xarray *xa, u64 *index, u64 last);
void *xa_find_marked(const struct xarray *xa, u64 *index, u64 last, enum xa_mark mark);
void xa_set_mark(struct xarray *xa, u64 index, enum xa_mark mark);
void xa_clear_mark(struct xarray *xa, u64 index, enum xa_mark mark);
bool xa_get_mark(const struct xarray *xa, u64 index, enum xa_mark mark);
bool xa_marked(const struct xarray *xa, enum xa_mark mark);	/* any at all */
bool xa_empty(const struct xarray *xa);
void xa_destroy(struct xarray *xa);	/* frees the nodes, not the entries */

#define xa_for_each(xa, index, entry) \
	for (index = 0, entry = xa_find(xa, &index, U64_MAX); entry; \
	     entry = index == U64_MAX ? NULL : (index++, xa_find(xa, &index, U64_MAX)))

static inline bool xa_is_value(const void *e)	{ return (u64)e & 1; }
static inline void *xa_mk_value(u64 v)		{ return (void *)(v << 1 | 1); }
static inline u64 xa_to_value(const void *e)	{ return (u64)e >> 1; }
