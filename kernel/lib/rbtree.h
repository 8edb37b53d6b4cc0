/* SPDX-License-Identifier: MIT */
/*
 * Red-black trees, optionally with the leftmost node cached and with a value
 * augmented over subtrees. Not balanced by key here: the caller's comparison
 * orders them. Lock-free readers may walk down (links are stored once each, no
 * cycles arise) but can miss a node during a rotation: they verify with a
 * sequence count.
 */
#pragma once
#include <kernel/types.h>

struct rb_node {
	u64 parent_color;
	union {
		struct {
			struct rb_node *left, *right;
		};
		struct rb_node *child[2];
	};
} __aligned(8);

struct rb_root {
	struct rb_node *node;
};
struct rb_cached {
	struct rb_root root;
	struct rb_node *leftmost;
};

/* Recompute node's augmented value from itself and its children. NULL: none. */
typedef void (*rb_augment_t)(struct rb_node *node);

/* Link node at *link below parent (found by the caller's walk), then rebalance. */
void rb_link(struct rb_node *node, struct rb_node *parent, struct rb_node **link);
void rb_insert_fixup(struct rb_root *root, struct rb_node *node, rb_augment_t augment);
void rb_erase(struct rb_root *root, struct rb_node *node, rb_augment_t augment);
struct rb_node *rb_first(const struct rb_root *root);
struct rb_node *rb_last(const struct rb_root *root);
struct rb_node *rb_next(const struct rb_node *node);
/* Children before their parent: each node may be freed once the next one is known. */
struct rb_node *rb_first_postorder(const struct rb_root *root);
struct rb_node *rb_next_postorder(const struct rb_node *node);
struct rb_node *rb_prev(const struct rb_node *node);

/* Insert where less(new, other) says; equal keys go to the right (first in, first out). */
void rb_insert(struct rb_root *root, struct rb_node *node,
	       bool (*less)(const struct rb_node *, const struct rb_node *), rb_augment_t augment);
void rb_insert_cached_slow(struct rb_cached *root, struct rb_node *node,
			   bool (*less)(const struct rb_node *, const struct rb_node *),
			   rb_augment_t augment);
void rb_erase_cached_slow(struct rb_cached *root, struct rb_node *node, rb_augment_t augment);

#define RB_BLACK	1ul		/* bit 0 of parent_color */

/* Timelines often hold nothing or one node: those cases need no balancing. */
static inline void rb_insert_cached(struct rb_cached *root, struct rb_node *node,
				    bool (*less)(const struct rb_node *, const struct rb_node *),
				    rb_augment_t augment)
{
	if (root->root.node || augment) {
		rb_insert_cached_slow(root, node, less, augment);
		return;
	}
	*node = (struct rb_node){ .parent_color = RB_BLACK };
	WRITE_ONCE(root->root.node, node);
	WRITE_ONCE(root->leftmost, node);
}

static inline void rb_erase_cached(struct rb_cached *root, struct rb_node *node,
				   rb_augment_t augment)
{
	if (root->root.node != node || node->left || node->right) {
		rb_erase_cached_slow(root, node, augment);
		return;
	}
	WRITE_ONCE(root->root.node, NULL);
	WRITE_ONCE(root->leftmost, NULL);
}

static inline void rb_clear(struct rb_node *n)
{
	n->parent_color = (u64)n;
}
static inline bool rb_is_queued(const struct rb_node *n)
{
	return n->parent_color != (u64)n;
}
