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

/* Special mappings (vdso, devices): how a missing page is found. */
struct vm_ops {
	/* The page for addr with a reference; NULL and *err. mm read-locked or RCU-checked later. */
	struct page *(*fault)(struct vma *vma, uaddr_t addr, int *err);
	void (*close)(struct vma *vma);
	const char *(*name)(const struct vma *vma);
};

struct vma {
	/* Constant while seq is even and unchanged; written under mm->lock (write). */
	uaddr_t start, end;
	u64 flags;			/* VM_* */
	u64 pgoff;			/* of start, in pages, in the file or the anon object */
	struct file *file;		/* counted */
	const struct vm_ops *ops;
	struct anon *anon;		/* set once by the first anonymous page */
	seqcount_t seq;			/* odd: changing; also bumped when it leaves the tree */
	bool detached;

	struct rb_node node;		/* mm->vmas by start */
	u64 subtree_gap;		/* augmented: largest gap below a node of this subtree */
	struct mm *mm;
	/* Guarded by the mapping's i_mmap_lock. */
	struct rb_node i_mmap_node;
	u64 i_mmap_last;		/* augmented: last page of the subtree */
	struct list_head anon_node;	/* guarded by the anon object's lock */
	void *private;
	struct rcu_head rcu;
};
