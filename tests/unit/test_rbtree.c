/* SPDX-License-Identifier: MIT */
/*
 * Red-black trees on the host: random inserts and erases, all rules, the order,
 * the cached leftmost node and an augmented maximum checked after every step.
 */
#include "unit.h"
#include <kernel/lib/rbtree.h>

#define NODES	64
#define STEPS	20000

struct item {
	struct rb_node node;
	u64 key, max;
	bool queued;
};

static struct item items[NODES];
static u64 random_state = 88172645463325252ul;

static u64 random_next(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

static struct item *item_of(const struct rb_node *n)
{
	return container_of(n, struct item, node);
}

static bool less(const struct rb_node *a, const struct rb_node *b)
{
	return item_of(a)->key < item_of(b)->key;
}

static u64 max_below(const struct rb_node *n)
{
	return n ? item_of(n)->max : 0;
}

static u64 subtree_max(const struct rb_node *n)
{
	u64 below = max(max_below(n->left), max_below(n->right));

	return max(item_of(n)->key, below);
}

static void augment_max(struct rb_node *n)
{
	item_of(n)->max = subtree_max(n);
}

/* Black height of the subtree, or -1 when a rule is broken in it. */
static int check_subtree(const struct rb_node *n, const struct rb_node *parent, bool parent_red)
{
	bool red;
	int left, right;

	if (!n)
		return 0;
	red = !(n->parent_color & 1);
	if ((const struct rb_node *)(n->parent_color & ~1ul) != parent || (red && parent_red))
		return -1;
	left = check_subtree(n->left, n, red);
	right = check_subtree(n->right, n, red);
	if (left < 0 || left != right)
		return -1;
	if (item_of(n)->max != subtree_max(n))
		return -1;
	return left + !red;
}

static void check_tree(const struct rb_cached *tree, unsigned count)
{
	const struct rb_node *n, *prev = NULL;
	unsigned seen = 0;

	EXPECT_EQ(check_subtree(tree->root.node, NULL, true) >= 0, true);
	EXPECT_EQ(tree->leftmost == rb_first(&tree->root), true);
	for (n = rb_first(&tree->root); n; prev = n, n = rb_next(n)) {
		EXPECT_EQ(rb_prev(n) == prev, true);
		if (prev)
			EXPECT_EQ(item_of(prev)->key <= item_of(n)->key, true);
		seen++;
	}
	EXPECT_EQ(rb_last(&tree->root) == prev, true);
	EXPECT_EQ(seen, count);
}

TEST(random_steps_keep_every_rule)
{
	struct rb_cached tree = { { NULL }, NULL };
	unsigned count = 0;

	for (int step = 0; step < STEPS; step++) {
		struct item *it = &items[random_next() % NODES];

		if (it->queued) {
			rb_erase_cached(&tree, &it->node, augment_max);
			count--;
		} else {
			it->key = random_next() % 40;	/* equal keys are frequent */
			rb_insert_cached(&tree, &it->node, less, augment_max);
			count++;
		}
		it->queued = !it->queued;
		check_tree(&tree, count);
	}
}

TEST(equal_keys_leave_in_the_order_they_came)
{
	struct rb_root root = { NULL };
	struct item same[10] = { 0 };
	unsigned i = 0;

	for (unsigned k = 0; k < ARRAY_SIZE(same); k++)
		rb_insert(&root, &same[k].node, less, NULL);
	for (struct rb_node *n = rb_first(&root); n; n = rb_next(n))
		EXPECT_EQ(item_of(n) == &same[i++], true);
	EXPECT_EQ(i, ARRAY_SIZE(same));
}

TEST(cleared_node_is_not_queued)
{
	struct rb_root root = { NULL };
	struct item it = { .key = 1 };

	rb_clear(&it.node);
	EXPECT_EQ(rb_is_queued(&it.node), false);
	rb_insert(&root, &it.node, less, NULL);
	EXPECT_EQ(rb_is_queued(&it.node), true);
}
