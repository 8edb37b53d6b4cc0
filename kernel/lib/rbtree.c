/* SPDX-License-Identifier: MIT */
/*
 * Red-black trees.
 *
 * Rules. A node is red or black, and
 *  (1) the root is black,
 *  (2) a red node has no red child,
 *  (3) every way down from a node to a missing child meets equally many black
 *      nodes,
 * so no way is more than twice as long as another: all operations cost
 * O(log n) at worst.
 *
 * Structure. The parent pointer and the colour share one word; nodes are
 * aligned to 8, so bit 0 of the pointer is free: 0 red, 1 black. A node that is
 * in no tree has itself as parent (rb_clear()).
 *
 * Augmented trees keep in each node a value computed from the node and its
 * children (a maximum, say). `augment` recomputes it for one node. It is called
 * bottom up: for every node whose set of descendants changed, after all nodes
 * below it are right.
 *
 * Links are stored whole and children before parents, so that a reader without
 * lock always ends its walk, though it may miss a node during a rotation.
 *
 * Source: Cormen, Leiserson, Rivest, Stein, Introduction to Algorithms, ch. 13.
 */
#include <kernel/lib/rbtree.h>
#include <kernel/lib/atomic.h>

#define BLACK	RB_BLACK

static struct rb_node *parent_of(const struct rb_node *n)
{
	return (struct rb_node *)(n->parent_color & ~BLACK);
}

static bool is_black(const struct rb_node *n)
{
	return !n || (n->parent_color & BLACK);
}

static void set_parent(struct rb_node *n, struct rb_node *parent)
{
	n->parent_color = (u64)parent | (n->parent_color & BLACK);
}

static void set_black(struct rb_node *n)
{
	n->parent_color |= BLACK;
}

static void set_red(struct rb_node *n)
{
	n->parent_color &= ~BLACK;
}

/* Let parent (or the root) point to new where it pointed to old. */
static void replace_child(struct rb_root *root, struct rb_node *parent,
			  struct rb_node *old, struct rb_node *new)
{
	if (!parent)
		WRITE_ONCE(root->node, new);
	else if (parent->left == old)
		WRITE_ONCE(parent->left, new);
	else
		WRITE_ONCE(parent->right, new);
}

/* A side of a node: an index of child[]. What is so on one side is so on the other (`!side`). */
enum side { LEFT, RIGHT };

static enum side side_of(const struct rb_node *parent, const struct rb_node *n)
{
	return parent->left == n ? LEFT : RIGHT;
}

/* n goes down to that side, its other child takes its place. */
static void rotate(struct rb_root *root, struct rb_node *n, enum side side, rb_augment_t augment)
{
	struct rb_node *up = n->child[!side], *inner = up->child[side], *parent = parent_of(n);

	WRITE_ONCE(n->child[!side], inner);
	if (inner)
		set_parent(inner, n);
	WRITE_ONCE(up->child[side], n);
	set_parent(n, up);
	set_parent(up, parent);
	replace_child(root, parent, n, up);
	if (augment) {
		augment(n);
		augment(up);
	}
}

static void augment_upwards(struct rb_node *n, rb_augment_t augment)
{
	for (; augment && n; n = parent_of(n))
		augment(n);
}

void rb_link(struct rb_node *node, struct rb_node *parent, struct rb_node **link)
{
	node->parent_color = (u64)parent;	/* red */
	node->left = NULL;
	node->right = NULL;
	smp_store_release(link, node);
}

/* The red node n may have a red parent: move the fault up until it can be mended. */
void rb_insert_fixup(struct rb_root *root, struct rb_node *n, rb_augment_t augment)
{
	struct rb_node *parent;

	augment_upwards(n, augment);
	while ((parent = parent_of(n)) && !is_black(parent)) {
		struct rb_node *grand = parent_of(parent);	/* exists: a red node is not the root */
		enum side side = side_of(grand, parent);
		struct rb_node *uncle = grand->child[!side];

		if (!is_black(uncle)) {
			set_black(parent);
			set_black(uncle);
			set_red(grand);
			n = grand;
			continue;
		}
		if (parent->child[!side] == n) {
			rotate(root, parent, side, augment);
			parent = n;
		}
		set_black(parent);
		set_red(grand);
		rotate(root, grand, !side, augment);
		break;
	}
	set_black(root->node);
}

/* Ways through n (child of parent, possibly missing) lack one black node. */
static void erase_fixup(struct rb_root *root, struct rb_node *n, struct rb_node *parent,
			rb_augment_t augment)
{
	while (parent && is_black(n)) {
		enum side side = side_of(parent, n);
		struct rb_node *sibling = parent->child[!side];

		if (!is_black(sibling)) {
			set_black(sibling);
			set_red(parent);
			rotate(root, parent, side, augment);
			sibling = parent->child[!side];
		}
		if (is_black(sibling->left) && is_black(sibling->right)) {
			set_red(sibling);
			n = parent;
			parent = parent_of(n);
			continue;
		}
		if (is_black(sibling->child[!side])) {
			set_black(sibling->child[side]);
			set_red(sibling);
			rotate(root, sibling, !side, augment);
			sibling = parent->child[!side];
		}
		set_black(sibling->child[!side]);
		if (is_black(parent))
			set_black(sibling);
		else
			set_red(sibling);
		set_black(parent);
		rotate(root, parent, side, augment);
		return;
	}
	if (n)
		set_black(n);
}

/* node has two children: its successor takes its place and colour. */
static void erase_inner(struct rb_root *root, struct rb_node *node, rb_augment_t augment)
{
	struct rb_node *heir = node->right, *child, *hole;
	bool fix;

	while (heir->left)
		heir = heir->left;
	child = heir->right;
	hole = parent_of(heir);
	fix = is_black(heir);
	if (hole == node) {
		hole = heir;
	} else {
		WRITE_ONCE(hole->left, child);
		if (child)
			set_parent(child, hole);
		WRITE_ONCE(heir->right, node->right);
		set_parent(node->right, heir);
	}
	WRITE_ONCE(heir->left, node->left);
	set_parent(node->left, heir);
	heir->parent_color = node->parent_color;
	replace_child(root, parent_of(node), node, heir);
	augment_upwards(hole, augment);
	if (fix)
		erase_fixup(root, child, hole, augment);
}

void rb_erase(struct rb_root *root, struct rb_node *node, rb_augment_t augment)
{
	struct rb_node *parent = parent_of(node), *child;

	if (node->left && node->right) {
		erase_inner(root, node, augment);
		return;
	}
	child = node->left ? node->left : node->right;
	if (child)
		set_parent(child, parent);
	replace_child(root, parent, node, child);
	augment_upwards(parent, augment);
	if (is_black(node))
		erase_fixup(root, child, parent, augment);
}

/* As far to that side as it goes below n. */
static struct rb_node *outermost(struct rb_node *n, enum side side)
{
	while (n && n->child[side])
		n = n->child[side];
	return n;
}

struct rb_node *rb_first(const struct rb_root *root)
{
	return outermost(root->node, LEFT);
}

struct rb_node *rb_last(const struct rb_root *root)
{
	return outermost(root->node, RIGHT);
}

static struct rb_node *deepest_left(struct rb_node *n)
{
	while (n->left || n->right)
		n = n->left ? n->left : n->right;
	return n;
}

struct rb_node *rb_first_postorder(const struct rb_root *root)
{
	return root->node ? deepest_left(root->node) : NULL;
}

struct rb_node *rb_next_postorder(const struct rb_node *node)
{
	struct rb_node *p = parent_of(node);

	return p && node == p->left && p->right ? deepest_left(p->right) : p;
}

/* The next one in order to that side. */
static __always_inline struct rb_node *neighbour(const struct rb_node *node, enum side side)
{
	struct rb_node *parent;

	if (node->child[side])
		return outermost(node->child[side], !side);
	while ((parent = parent_of(node)) && node == parent->child[side])
		node = parent;
	return parent;
}

struct rb_node *rb_next(const struct rb_node *node)
{
	return neighbour(node, RIGHT);
}

struct rb_node *rb_prev(const struct rb_node *node)
{
	return neighbour(node, LEFT);
}

/* True if node became the leftmost one. */
static bool insert_by_order(struct rb_root *root, struct rb_node *node,
			    bool (*less)(const struct rb_node *, const struct rb_node *),
			    rb_augment_t augment)
{
	struct rb_node **link = &root->node, *parent = NULL;
	bool leftmost = true;

	while (*link) {
		parent = *link;
		if (less(node, parent)) {
			link = &parent->left;
		} else {
			link = &parent->right;
			leftmost = false;
		}
	}
	rb_link(node, parent, link);
	rb_insert_fixup(root, node, augment);
	return leftmost;
}

void rb_insert(struct rb_root *root, struct rb_node *node,
	       bool (*less)(const struct rb_node *, const struct rb_node *), rb_augment_t augment)
{
	insert_by_order(root, node, less, augment);
}

void rb_insert_cached_slow(struct rb_cached *root, struct rb_node *node,
			   bool (*less)(const struct rb_node *, const struct rb_node *),
			   rb_augment_t augment)
{
	if (insert_by_order(&root->root, node, less, augment))
		WRITE_ONCE(root->leftmost, node);
}

void rb_erase_cached_slow(struct rb_cached *root, struct rb_node *node, rb_augment_t augment)
{
	if (root->leftmost == node)
		WRITE_ONCE(root->leftmost, rb_next(node));
	rb_erase(&root->root, node, augment);
}
