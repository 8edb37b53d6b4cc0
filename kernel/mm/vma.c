/* SPDX-License-Identifier: MIT */
/*
 * The VMAs of an address space: a red-black tree by start address.
 *
 * Readers come in two kinds. Whoever holds mm->lock sees a tree at rest. A page
 * fault holds nothing: it walks the tree in an RCU section, and what it finds is
 * right if mm->seq did not change meanwhile (a rotation can hide a node). What it
 * reads in the VMA is right if vma->seq did not change; the fault checks that
 * again under the page-table lock, just before it installs the page.
 *
 * Invariants:
 *  (1) VMAs do not overlap; start and end are page aligned, start < end.
 *  (2) mm->seq is odd while the tree's links change. Its writers hold mm->lock
 *      and do not sleep meanwhile, so readers may wait for it by spinning.
 *  (3) vma->seq is odd from before the first page-table entry of the range is
 *      changed for a change of the VMA until the change is complete. The writer
 *      may sleep meanwhile, so readers do not spin: they take mm->lock instead.
 *      In a VMA that has left the tree it stays odd for ever.
 *  (4) gap is the free space between the VMA below (or address 0) and start, less
 *      the guard that a growing stack keeps below it; subtree_gap is the largest
 *      gap in the subtree. Finding room is O(log n).
 *  (5) A VMA is freed a grace period after it left the tree.
 */
#include <kernel/mm/mm.h>
#include <kernel/mm/rmap.h>
#include <kernel/mm/alloc.h>
#include <kernel/mm/pagecache.h>
#include <kernel/bug.h>
#include <kernel/mm/vm_file.h>

u32 vm_max_map_count = 65530;		/* vm.max_map_count */

static struct kmem_cache *vma_cache;

void vma_cache_init(void)
{
	vma_cache = kmem_cache_create("vma", sizeof(struct vma), 0, NULL);
}

static struct vma *vma_of(const struct rb_node *node)
{
	return node ? container_of(node, struct vma, node) : NULL;
}

static u64 subtree_gap(const struct rb_node *node)
{
	return node ? vma_of(node)->subtree_gap : 0;
}

static inline void gap_augment(struct rb_node *node)
{
	struct vma *vma = vma_of(node);
	u64 below = max(subtree_gap(node->left), subtree_gap(node->right));

	vma->subtree_gap = max(vma->gap, below);
}

/* Where room below vma ends. */
static uaddr_t gap_top(const struct vma *vma)
{
	u64 guard = vma->flags & VM_GROWSDOWN ? STACK_GUARD_GAP : 0;

	return vma->start > guard ? vma->start - guard : 0;
}

static u64 gap_below(const struct vma *vma)
{
	uaddr_t top = gap_top(vma), bottom = vma->below ? vma->below->end : 0;

	return top > bottom ? top - bottom : 0;
}

static struct rb_node *parent_of(const struct rb_node *node)
{
	return (struct rb_node *)(node->parent_color & ~3ul);
}

/*
 * What bounds the gap under vma may have changed: mend
 * invariant (4), as far up as it makes a difference.
 */
static void gap_update(struct vma *vma)
{
	u64 gap = gap_below(vma), old;
	struct rb_node *node;

	if (vma->gap == gap)
		return;
	vma->gap = gap;
	for (node = &vma->node; node; node = parent_of(node)) {
		old = vma_of(node)->subtree_gap;
		gap_augment(node);
		if (vma_of(node)->subtree_gap == old)
			break;
	}
}

static void gap_update_next(struct vma *vma)
{
	if (vma->above)
		gap_update(vma->above);
}

struct vma *vma_first(struct mm *mm)		{ return vma_of(rb_first(&mm->vmas)); }
struct vma *vma_last(struct mm *mm)		{ return vma_of(rb_last(&mm->vmas)); }
struct vma *vma_find(struct mm *mm, uaddr_t addr)
{
	struct rb_node *node = mm->vmas.node;
	struct vma *best = NULL;

	while (node) {
		struct vma *vma = vma_of(node);

		if (addr >= vma->end) {
			node = node->right;
			continue;
		}
		best = vma;
		if (addr >= vma->start)
			break;
		node = node->left;
	}
	return best;
}

struct vma *vma_find_rcu(struct mm *mm, uaddr_t addr)
{
	struct vma *vma;
	u32 seq;

	do {
		struct rb_node *node;

		seq = seq_begin(&mm->seq);
		vma = NULL;
		for (node = READ_ONCE(mm->vmas.node); node;) {
			struct vma *at = vma_of(node);

			if (addr >= READ_ONCE(at->end)) {
				node = READ_ONCE(node->right);
			} else if (addr < READ_ONCE(at->start)) {
				node = READ_ONCE(node->left);
			} else {
				vma = at;
				break;
			}
		}
	} while (seq_retry(&mm->seq, seq));
	return vma;
}

void vma_change_begin(struct vma *vma)
{
	assert_rwsem_write_held(&vma->mm->lock);
	if (!(vma->seq.seq & 1))
		seq_write_begin(&vma->seq);
}

void vma_change_end(struct vma *vma)
{
	seq_write_end(&vma->seq);
}

struct vma *vma_alloc(struct mm *mm, uaddr_t start, uaddr_t end, u64 flags, u64 pgoff)
{
	struct vma *vma = kmem_cache_alloc(vma_cache, GFP_KERNEL);

	if (!vma)
		return NULL;
	/* All fields but those that vma_insert() sets. */
	vma->start = start;
	vma->end = end;
	vma->flags = flags;
	vma->pgoff = pgoff;
	vma->file = NULL;
	vma->mapping = NULL;
	vma->ops = NULL;
	vma->anon = NULL;
	vma->seq.seq = 0;
	vma->detached = false;
	vma->mm = mm;
	vma->private = NULL;
	list_init(&vma->anon_node);
	list_init(&vma->i_mmap_node);
	return vma;
}

void vma_inherit(struct vma *vma, const struct vma *old)
{
	vma->ops = old->ops;
	vma->private = old->private;
	if (old->file) {
		vma->file = file_get(old->file);
		vma->mapping = old->mapping;
		i_mmap_insert(vma);
	}
	if (vma->ops && vma->ops->open)
		vma->ops->open(vma);
}

static void vma_free_rcu(struct rcu_head *head)
{
	kmem_cache_free(vma_cache, container_of(head, struct vma, rcu));
}

void vma_unlink(struct vma *vma)
{
	if (vma->anon)
		anon_unlink(vma);
	if (vma->file && vma->mapping)
		i_mmap_remove(vma);
	vma->mapping = NULL;
}

void vma_free(struct vma *vma)
{
	if (vma->ops && vma->ops->close)
		vma->ops->close(vma);
	vma_unlink(vma);
	if (!vma->file) {
		call_rcu(&vma->rcu, vma_free_rcu);
		return;
	}
	/* The last reference to a file releases it, which may take any lock: not here. */
	vma->private = vma->mm->dead_vmas;
	vma->mm->dead_vmas = vma;
}

void vma_free_all(struct mm *mm)
{
	struct rb_node *n = rb_first_postorder(&mm->vmas), *next;

	for (; n; n = next) {
		next = rb_next_postorder(n);
		vma_free(container_of(n, struct vma, node));
	}
	mm->vmas = (struct rb_root){ NULL };
	mm->nr_vmas = 0;
}

void mm_write_unlock(struct mm *mm)
{
	struct vma *vma = mm->dead_vmas, *next;

	mm->dead_vmas = NULL;
	rwsem_write_unlock(&mm->lock);
	for (; vma; vma = next) {
		next = vma->private;
		file_put(vma->file);
		call_rcu(&vma->rcu, vma_free_rcu);
	}
}

void vma_insert(struct vma *vma)
{
	struct mm *mm = vma->mm;
	struct rb_node **link = &mm->vmas.node, *parent = NULL;
	struct vma *below = NULL, *above = NULL;

	while (*link) {
		parent = *link;
		if (vma->start < vma_of(parent)->start) {
			above = vma_of(parent);
			link = &parent->left;
		} else {
			below = vma_of(parent);
			link = &parent->right;
		}
	}
	vma->below = below;
	vma->above = above;
	vma->gap = gap_below(vma);
	if (below)
		below->above = vma;
	preempt_disable();
	seq_write_begin(&mm->seq);
	rb_link(&vma->node, parent, link);
	rb_insert_fixup(&mm->vmas, &vma->node, gap_augment);
	seq_write_end(&mm->seq);
	preempt_enable();
	if (above) {
		above->below = vma;
		gap_update(above);
	}
	mm->nr_vmas++;
}

void vma_remove(struct vma *vma)
{
	struct mm *mm = vma->mm;

	vma_change_begin(vma);
	preempt_disable();
	seq_write_begin(&mm->seq);
	rb_erase(&mm->vmas, &vma->node, gap_augment);
	vma->detached = true;
	seq_write_end(&mm->seq);
	preempt_enable();
	if (vma->below)
		vma->below->above = vma->above;
	if (vma->above) {
		vma->above->below = vma->below;
		gap_update(vma->above);
	}
	mm->nr_vmas--;
}

/* Reverse mapping computes addresses from start and pgoff: keep its walks out while they change. */
static void move_start(struct vma *vma, uaddr_t start)
{
	if (vma->mapping)
		rwsem_write_lock(&vma->mapping->i_mmap_lock);
	if (vma->anon)
		rwsem_write_lock(&vma->anon->lock);
	vma->pgoff += (s64)(start - vma->start) >> PAGE_SHIFT;
	WRITE_ONCE(vma->start, start);
	if (vma->anon)
		rwsem_write_unlock(&vma->anon->lock);
	if (vma->mapping)
		rwsem_write_unlock(&vma->mapping->i_mmap_lock);
	gap_update(vma);
}

void vma_resize(struct vma *vma, uaddr_t start, uaddr_t end)
{
	if (start != vma->start)
		move_start(vma, start);
	if (end != vma->end) {
		WRITE_ONCE(vma->end, end);
		gap_update_next(vma);
	}
}

int vma_split(struct vma *vma, uaddr_t addr, struct vma **upper)
{
	struct vma *new;

	if (vma->mm->nr_vmas >= vm_max_map_count)
		return -ENOMEM;
	new = vma_alloc(vma->mm, addr, vma->end, vma->flags, vma_page_index(vma, addr));
	if (!new)
		return -ENOMEM;
	if (vma->anon)
		anon_link(new, vma->anon);
	vma_inherit(new, vma);
	vma_change_begin(vma);
	vma_resize(vma, vma->start, addr);
	vma_insert(new);
	vma_change_end(vma);
	*upper = new;
	return 0;
}

int vma_cut_out(struct vma *vma, uaddr_t start, uaddr_t end, struct vma **out)
{
	struct vma *upper;
	int err;

	if (start > vma->start) {
		err = vma_split(vma, start, &upper);
		if (err)
			return err;
		vma = upper;
	}
	*out = vma;
	return end < vma->end ? vma_split(vma, end, &upper) : 0;
}

/* One anon object serves both: that of the one that has one. */
static bool can_merge(const struct vma *low, const struct vma *high)
{
	return low->end == high->start && low->flags == high->flags && low->file == high->file &&
	       !low->ops && !high->ops && (low->anon == high->anon || !low->anon || !high->anon) &&
	       vma_page_index(low, low->end) == high->pgoff &&
	       !(low->flags & (VM_IO | VM_DONTEXPAND));
}

static struct vma *join(struct vma *low, struct vma *high)
{
	uaddr_t end = high->end;

	vma_remove(high);
	vma_change_begin(low);
	if (high->anon && !low->anon)
		anon_link(low, high->anon);
	vma_resize(low, low->start, end);
	vma_change_end(low);
	vma_free(high);
	return low;
}

struct vma *vma_merge(struct vma *vma)
{
	struct vma *other = vma_prev(vma);

	if (other && can_merge(other, vma))
		vma = join(other, vma);
	other = vma_next(vma);
	if (other && can_merge(vma, other))
		vma = join(vma, other);
	return vma;
}

/* vma gets the free range next to it: like merging with a VMA that never was. */
static bool can_grow(const struct vma *vma, u64 flags, u64 pgoff_of_vma)
{
	return vma->flags == flags && vma_is_anon(vma) && vma->pgoff == pgoff_of_vma &&
	       !(flags & (VM_IO | VM_DONTEXPAND));
}

bool vma_expand_anon(struct mm *mm, uaddr_t start, uaddr_t end, u64 flags)
{
	struct vma *above = vma_find(mm, start), *below = above ? vma_prev(above) : vma_last(mm);

	if (below && below->end == start && can_grow(below, flags, below->start >> PAGE_SHIFT)) {
		vma_change_begin(below);
		vma_resize(below, below->start, end);
		vma_change_end(below);
		vma_merge(below);
		return true;
	}
	if (above && above->start == end && can_grow(above, flags, end >> PAGE_SHIFT)) {
		vma_change_begin(above);
		vma_resize(above, start, above->end);
		vma_change_end(above);
		return true;
	}
	return false;
}

/* Room for len below high in the gap under vma? Its highest place, or 0. */
static uaddr_t fit_in_gap(const struct vma *vma, u64 len, uaddr_t low, uaddr_t high)
{
	uaddr_t end = gap_top(vma), bottom = max(end - vma->gap, low), top = min(end, high);

	return top >= bottom && top - bottom >= len ? top - len : 0;
}

/* The highest fit, right to left; subtree_gap prunes what cannot fit. */
static uaddr_t highest_fit(struct rb_node *node, u64 len, uaddr_t low, uaddr_t high)
{
	bool came_up = false;

	while (node) {
		struct vma *vma = vma_of(node);
		struct rb_node *child = node;
		uaddr_t found;

		if (!came_up && vma->end < high && subtree_gap(node->right) >= len) {
			node = node->right;
			continue;
		}
		found = fit_in_gap(vma, len, low, high);
		if (found)
			return found;
		came_up = !(vma->start > low && subtree_gap(node->left) >= len);
		if (!came_up) {
			node = node->left;
			continue;
		}
		/* Up to the next node whose right subtree this was. */
		do {
			child = node;
			node = parent_of(node);
		} while (node && node->right != child);
	}
	return 0;
}

uaddr_t vma_gap_topdown(struct mm *mm, u64 len, uaddr_t low, uaddr_t high)
{
	struct vma *last = vma_last(mm);
	uaddr_t bottom = max(last ? last->end : 0, low);

	if (high >= bottom && high - bottom >= len)
		return high - len;
	return subtree_gap(mm->vmas.node) < len ? 0 : highest_fit(mm->vmas.node, len, low, high);
}
