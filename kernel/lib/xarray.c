/* SPDX-License-Identifier: MIT */
/*
 * Radix tree of 64-way nodes (contract: xarray.h).
 *
 * head is NULL or the top node. A node of shift s covers the indices that agree
 * above bit s + 5; at shift 0 its slots are entries, above it they are nodes.
 *
 * Readers take no lock: a slot is published with release after what it points
 * to is complete, and a node that leaves the tree is freed after a grace period.
 * A reader that stands in such a node finds its slots as they last were.
 *
 * Invariants, for the writer:
 *  (1) count is the number of slots that are not NULL; a linked node has some.
 *  (2) A mark bit of an upper node's slot is set if and only if an entry below
 *      has the mark. A NULL slot has no marks.
 *  (3) A store allocates every node that it misses before it links the first:
 *      where it fails, nothing has changed.
 *
 * The tree grows at the top when an index does not fit, and goes away when it is
 * empty; in between it keeps its height.
 */
#include <kernel/lib/xarray.h>
#include <kernel/lib/bitmap.h>
#include <kernel/lock/rcu.h>
#include <kernel/mm/alloc.h>
#include <kernel/errno.h>

#define NODE_SHIFT	6
#define NODE_SLOTS	XA_SLOTS
#define MAX_LEVELS	11	/* of 6 bits each, for 64-bit indices */
#define ROOM_NODES	4	/* of xa_make_room(): more than one store mostly needs; chosen */

struct xa_node {
	u8 shift;
	u8 offset;			/* which of parent's slots this is */
	u8 count;
	struct xa_node *parent;		/* NULL: the top */
	u64 marks[XA_NR_MARKS];
	void *slots[NODE_SLOTS];
	struct rcu_head rcu;
};

static inline struct xa_node *top_of(const struct xarray *xa)
{
	return rcu_dereference(xa->head);
}

static inline u64 slot_of(const struct xa_node *n, u64 index)
{
	return (index >> n->shift) % NODE_SLOTS;
}

/* The largest index a tree with this top can hold. */
static inline u64 last_of(const struct xa_node *top)
{
	return top->shift + NODE_SHIFT >= 64 ? U64_MAX : (1ul << (top->shift + NODE_SHIFT)) - 1;
}

/* The lowest node on index's path, or NULL where the tree has none. */
static struct xa_node *leaf_of(const struct xarray *xa, u64 index)
{
	struct xa_node *n = top_of(xa);

	if (!n || index > last_of(n))
		return NULL;
	while (n && n->shift)
		n = rcu_dereference(n->slots[slot_of(n, index)]);
	return n;
}

void *const *xa_slots(const struct xarray *xa, u64 index)
{
	struct xa_node *n = leaf_of(xa, index);

	return n ? n->slots : NULL;
}

void *xa_load(const struct xarray *xa, u64 index)
{
	struct xa_node *n = leaf_of(xa, index);

	return n ? rcu_dereference(n->slots[index % NODE_SLOTS]) : NULL;
}

/* --- storing --- */

struct spare_nodes {
	unsigned count;
	struct xa_node *node[2 * MAX_LEVELS];
};

static void spare_free(struct spare_nodes *s)
{
	while (s->count)
		kfree(s->node[--s->count]);
}

/* How many nodes a store at index would add. */
static unsigned nodes_missing(const struct xarray *xa, u64 index)
{
	struct xa_node *n = top_of(xa);
	unsigned shift = 0, missing = 0;

	if (!n) {
		for (missing = 1; shift + NODE_SHIFT < 64 && index >> (shift + NODE_SHIFT);
		     missing++)
			shift += NODE_SHIFT;
		return missing;
	}
	if (index > last_of(n)) {
		for (shift = n->shift; shift + NODE_SHIFT < 64 && index >> (shift + NODE_SHIFT);
		     missing++)
			shift += NODE_SHIFT;
		/* Below the new top all but the old branch is new. */
		return missing + shift / NODE_SHIFT;
	}
	while (n->shift) {
		struct xa_node *below = n->slots[slot_of(n, index)];

		if (!below)
			return n->shift / NODE_SHIFT;
		n = below;
	}
	return 0;
}

static int spare_fill(struct spare_nodes *s, unsigned n, u32 gfp)
{
	for (s->count = 0; s->count < n; s->count++) {
		s->node[s->count] = kzalloc(sizeof(struct xa_node), gfp & ~GFP_MOVABLE);
		if (!s->node[s->count]) {
			spare_free(s);
			return -ENOMEM;
		}
	}
	return 0;
}

/* What is given back is this CPU's next, mostly; the caller tries again where it was not. */
bool xa_make_room(u32 gfp)
{
	struct spare_nodes spare;

	if (spare_fill(&spare, ROOM_NODES, gfp))
		return false;
	spare_free(&spare);
	return true;
}

static void link_slot(struct xa_node *n, u64 slot, void *what)
{
	n->count++;
	rcu_assign_pointer(n->slots[slot], what);
}

/* Add a level above the top. */
static void grow(struct xarray *xa, struct xa_node *new)
{
	struct xa_node *old = xa->head;

	if (old) {
		new->shift = old->shift + NODE_SHIFT;
		for (unsigned m = 0; m < XA_NR_MARKS; m++)
			new->marks[m] = !!old->marks[m];
		link_slot(new, 0, old);
		old->parent = new;
	}
	rcu_assign_pointer(xa->head, new);
}

static struct xa_node *leaf_make(struct xarray *xa, u64 index, struct spare_nodes *s)
{
	struct xa_node *n = xa->head;

	if (!n) {
		/* An empty tree starts at the height that index needs. */
		n = s->node[--s->count];
		while (n->shift + NODE_SHIFT < 64 && index >> (n->shift + NODE_SHIFT))
			n->shift += NODE_SHIFT;
		rcu_assign_pointer(xa->head, n);
	}
	while (index > last_of(xa->head))
		grow(xa, s->node[--s->count]);
	for (n = xa->head; n->shift;) {
		u64 slot = slot_of(n, index);
		struct xa_node *below = n->slots[slot];

		if (!below) {
			below = s->node[--s->count];
			below->shift = n->shift - NODE_SHIFT;
			below->offset = slot;
			below->parent = n;
			link_slot(n, slot, below);
		}
		n = below;
	}
	return n;
}

int xa_store(struct xarray *xa, u64 index, void *entry, void **old, u32 gfp)
{
	struct spare_nodes spare;
	struct xa_node *leaf;
	void *before;
	int err;

	if (!entry) {
		before = xa_erase(xa, index);
		if (old)
			*old = before;
		return 0;
	}
	err = spare_fill(&spare, nodes_missing(xa, index), gfp);
	if (err)
		return err;
	leaf = leaf_make(xa, index, &spare);
	spare_free(&spare);
	before = leaf->slots[index % NODE_SLOTS];
	if (before)
		rcu_assign_pointer(leaf->slots[index % NODE_SLOTS], entry);
	else
		link_slot(leaf, index % NODE_SLOTS, entry);
	if (old)
		*old = before;
	return 0;
}

/* --- erasing --- */

static void mark_clear_up(struct xa_node *n, u64 slot, enum xa_mark mark)
{
	for (; n; slot = n->offset, n = n->parent) {
		if (!(n->marks[mark] & BIT(slot)))
			return;
		WRITE_ONCE(n->marks[mark], n->marks[mark] & ~BIT(slot));
		if (n->marks[mark])
			return;
	}
}

static void unlink_empty(struct xarray *xa, struct xa_node *n)
{
	while (n && !n->count) {
		struct xa_node *parent = n->parent;

		if (parent) {
			parent->count--;
			rcu_assign_pointer(parent->slots[n->offset], NULL);
		} else {
			rcu_assign_pointer(xa->head, NULL);
		}
		kfree_rcu(n, rcu);
		n = parent;
	}
}

void *xa_erase(struct xarray *xa, u64 index)
{
	struct xa_node *leaf = leaf_of(xa, index);
	u64 slot = index % NODE_SLOTS;
	void *entry;

	if (!leaf || !leaf->slots[slot])
		return NULL;
	entry = leaf->slots[slot];
	for (unsigned m = 0; m < XA_NR_MARKS; m++)
		mark_clear_up(leaf, slot, m);
	rcu_assign_pointer(leaf->slots[slot], NULL);
	leaf->count--;
	unlink_empty(xa, leaf);
	return entry;
}

static void destroy_below(struct xa_node *n)
{
	for (unsigned i = 0; n->shift && i < NODE_SLOTS; i++)
		if (n->slots[i])
			destroy_below(n->slots[i]);
	kfree_rcu(n, rcu);
}

void xa_destroy(struct xarray *xa)
{
	struct xa_node *top = xa->head;

	rcu_assign_pointer(xa->head, NULL);
	if (top)
		destroy_below(top);	/* at most MAX_LEVELS deep */
}

/* --- marks --- */

void xa_set_mark(struct xarray *xa, u64 index, enum xa_mark mark)
{
	struct xa_node *n = leaf_of(xa, index);
	u64 slot = index % NODE_SLOTS;

	if (!n || !n->slots[slot])
		return;
	for (; n && !(n->marks[mark] & BIT(slot)); slot = n->offset, n = n->parent)
		WRITE_ONCE(n->marks[mark], n->marks[mark] | BIT(slot));
}

void xa_clear_mark(struct xarray *xa, u64 index, enum xa_mark mark)
{
	struct xa_node *n = leaf_of(xa, index);

	if (n)
		mark_clear_up(n, index % NODE_SLOTS, mark);
}

bool xa_get_mark(const struct xarray *xa, u64 index, enum xa_mark mark)
{
	struct xa_node *n = leaf_of(xa, index);

	return n && READ_ONCE(n->marks[mark]) >> (index % NODE_SLOTS) & 1;
}

bool xa_marked(const struct xarray *xa, enum xa_mark mark)
{
	struct xa_node *n = top_of(xa);

	return n && READ_ONCE(n->marks[mark]);
}

bool xa_empty(const struct xarray *xa)
{
	return !top_of(xa);
}

/* --- searching --- */

/* The first slot of n from `slot` that is worth a look; NODE_SLOTS if none is. */
static u64 next_slot(const struct xa_node *n, u64 slot, int mark)
{
	if (mark >= 0) {
		u64 left = READ_ONCE(n->marks[mark]) & (~0ul << slot);

		return left ? ctz64(left) : NODE_SLOTS;
	}
	while (slot < NODE_SLOTS && !READ_ONCE(n->slots[slot]))
		slot++;
	return slot;
}

/*
 * One way down from the top for the first candidate at or after *index. NULL and
 * *more: the branch ended, *index is where to go on.
 */
static void *descend(const struct xa_node *n, u64 *index, u64 last, int mark, bool *more)
{
	*more = false;
	for (;;) {
		u64 at = slot_of(n, *index), slot = next_slot(n, at, mark);
		u64 base = *index >> n->shift << n->shift;
		void *next;

		if (slot != at) {
			/* The start of that slot, or of what follows this node. */
			u64 start = base + ((slot - at) << n->shift);

			/* Past the last index it wraps. */
			if (start <= *index || start > last)
				return NULL;
			*index = start;
			if (slot == NODE_SLOTS) {
				*more = true;
				return NULL;
			}
		}
		next = rcu_dereference(n->slots[slot]);
		if (!next) {
			*more = *index < last;
			*index += *more;
			return NULL;
		}
		if (!n->shift)
			return next;
		n = next;
	}
}

void *xa_find_marked(const struct xarray *xa, u64 *index, u64 last, enum xa_mark mark)
{
	u64 i = *index;
	bool more = true;

	while (more && i <= last) {
		const struct xa_node *top = top_of(xa);
		void *entry;

		if (!top || i > last_of(top))
			return NULL;
		entry = descend(top, &i, last, mark, &more);
		if (entry) {
			*index = i;
			return entry;
		}
	}
	return NULL;
}

void *xa_find(const struct xarray *xa, u64 *index, u64 last)
{
	return xa_find_marked(xa, index, last, XA_PRESENT);
}
