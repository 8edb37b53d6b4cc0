/* SPDX-License-Identifier: MIT */
/* One mapped range of an address space. */
#pragma once
#include <kernel/types.h>
#include <kernel/lib/rbtree.h>
#include <kernel/lib/list.h>
#include <kernel/lock/rcu.h>
#include <kernel/lock/seqcount.h>

struct mm;
struct file;
struct anon;
struct page;
struct mapping;
struct vma;

#define VM_READ		BIT(0)
#define VM_WRITE	BIT(1)
#define VM_EXEC		BIT(2)
#define VM_SHARED	BIT(3)
#define VM_MAYREAD	BIT(4)		/* what mprotect may set */
#define VM_MAYWRITE	BIT(5)
#define VM_MAYEXEC	BIT(6)
#define VM_MAYSHARE	BIT(7)
#define VM_GROWSDOWN	BIT(8)
#define VM_LOCKED	BIT(9)
#define VM_IO		BIT(10)		/* device memory, no struct pages */
#define VM_DONTCOPY	BIT(11)
#define VM_DONTEXPAND	BIT(12)
#define VM_ACCOUNT	BIT(13)		/* counted as committed */
#define VM_NORESERVE	BIT(14)
#define VM_RAND_READ	BIT(15)
#define VM_SEQ_READ	BIT(16)
#define VM_STACK	BIT(17)
#define VM_VDSO		BIT(18)
#define VM_LOCKONFAULT	BIT(19)
#define VM_WIPEONFORK	BIT(20)
#define VM_DONTDUMP	BIT(21)

#define VM_ACCESS	(VM_READ | VM_WRITE | VM_EXEC)	/* the bits of PROT_* */
/* bytes kept free below a stack that grows; Linux's default */
#define STACK_GUARD_GAP	(256ul << 12)
extern u32 vm_max_map_count;

/* Special mappings: vdso, devices; and those that somebody counts. Each may be NULL. */
struct vm_ops {
	/*
	 * The page for addr with a reference; NULL and *err. mm read-locked or RCU-checked later.
	 * Not asked where the VMA has a mapping: that has the pages.
	 */
	struct page *(*fault)(struct vma *vma, uaddr_t addr, int *err);
	/*
	 * A VMA more, or less. open: by fork, a cut or a move; the file's mmap method opens the
	 * first. The caller's mm->lock is write-held.
	 */
	void (*open)(struct vma *vma);
	void (*close)(struct vma *vma);
	const char *(*name)(const struct vma *vma);
};

struct vma {
	/* Constant while seq is even and unchanged; written under mm->lock (write). */
	uaddr_t start, end;
	u64 flags;			/* VM_* */
	u64 pgoff;			/* of start, in pages, in the file or the anon object */
	struct file *file;		/* counted */
	struct mapping *mapping;	/* the file's, or NULL */
	const struct vm_ops *ops;
	struct anon *anon;		/* set once by the first anonymous page */
	seqcount_t seq;			/* odd: changing; also bumped when it leaves the tree */
	bool detached;

	struct rb_node node;		/* mm->vmas by start */
	struct vma *below, *above;	/* its neighbours; mm->lock */
	u64 gap;			/* bytes free between the VMA below and start */
	u64 subtree_gap;		/* augmented: largest gap in this subtree */
	struct mm *mm;
	struct list_head i_mmap_node;	/* guarded by the mapping's i_mmap_lock */
	struct list_head anon_node;	/* guarded by the anon object's lock */
	void *private;
	struct rcu_head rcu;
};

/* --- kernel/mm/vma.c: the tree. Writers hold mm->lock for writing. --- */
struct vma *vma_alloc(struct mm *mm, uaddr_t start, uaddr_t end, u64 flags, u64 pgoff);	/* in no tree; NULL */
/* A new VMA maps what old does: its operations and its file. The anon object is the caller's. */
void vma_inherit(struct vma *vma, const struct vma *old);
/*
 * Out of every tree; drops the anon object now, the file
 * in mm_write_unlock(), the struct after a grace period.
 */
/* Reverse mapping does not find it any more; its entries are cleared already. */
void vma_unlink(struct vma *vma);
/* Free every VMA of an address space that nobody uses any more. */
void vma_free_all(struct mm *mm);
void vma_free(struct vma *vma);
/* mm->lock, which was write-held; then puts files of freed VMAs */
void mm_write_unlock(struct mm *mm);
void vma_insert(struct vma *vma);
void vma_remove(struct vma *vma);	/* from the tree only; its seq is odd from here on */
/*
 * New bounds within the gaps around it; pgoff follows
 * start. The caller has begun the change of vma->seq.
 */
void vma_resize(struct vma *vma, uaddr_t start, uaddr_t end);
/* Between these, page faults of the range wait for mm->lock. */
void vma_change_begin(struct vma *vma);
void vma_change_end(struct vma *vma);
/*
 * The VMA that contains addr, NULL, or one that a
 * change is moving (its seq tells). RCU read section.
 */
struct vma *vma_find_rcu(struct mm *mm, uaddr_t addr);
struct vma *vma_first(struct mm *mm);
struct vma *vma_last(struct mm *mm);
static inline struct vma *vma_next(const struct vma *vma) { return vma->above; }
static inline struct vma *vma_prev(const struct vma *vma) { return vma->below; }
/* Cut at addr (inside it): vma keeps the lower part, *upper is the new one. 0, -ENOMEM. */
int __must_check vma_split(struct vma *vma, uaddr_t addr, struct vma **upper);
/* Join vma with equal neighbours; the VMA that now covers it. */
struct vma *vma_merge(struct vma *vma);
/* Anonymous memory of these flags at a free [start, end): as part of a neighbour, if one fits. */
bool vma_expand_anon(struct mm *mm, uaddr_t start, uaddr_t end, u64 flags);
/*
 * Cut so that *out is the part of vma in [start, end),
 * which overlap. 0, -ENOMEM (cuts may have been made).
 */
int __must_check vma_cut_out(struct vma *vma, uaddr_t start, uaddr_t end, struct vma **out);
/* Highest (lowest) address of a gap of len bytes in [low, high); 0: none. mm->lock held. */
uaddr_t vma_gap_topdown(struct mm *mm, u64 len, uaddr_t low, uaddr_t high);
/* Grow a stack down to the page of addr. 0; -ENOMEM where limit, guard gap or memory forbid it. */
int __must_check vma_grow_down(struct vma *vma, uaddr_t addr);
void vma_cache_init(void);

static inline u64 vma_pages(const struct vma *vma)
{
	return (vma->end - vma->start) >> 12;
}
static inline u64 vma_page_index(const struct vma *vma, uaddr_t addr)
{
	return vma->pgoff + ((addr - vma->start) >> 12);
}
static inline bool vma_is_anon(const struct vma *vma)
{
	return !vma->file && !vma->ops;
}
