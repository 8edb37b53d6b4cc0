/* SPDX-License-Identifier: MIT */
/*
 * Address spaces. struct mm lives by two counts: users (threads; the last one
 * unmaps everything) and refs (users as one, plus kernel threads that borrow its
 * page tables, plus /proc readers).
 */
#pragma once
#include <kernel/types.h>
#include <kernel/errno.h>
#include <kernel/lib/atomic.h>
#include <kernel/lib/rbtree.h>
#include <kernel/lock/mutex.h>
#include <kernel/lock/seqcount.h>
#include <kernel/mm/vma.h>
#include <arch/sv39.h>
#include <arch/tlb.h>

struct trapframe;

struct mm {
	/* Read by faults and switches. */
	pte_t *pgd;
	struct mm_context context;
	/* write: lock held for writing and seq; read: lock, or RCU + seq */
	struct rb_root vmas;
	seqcount_t seq;

	refcount_t users, refs;
	struct rwsem lock;		/* RANK_MM */

	/* Guarded by lock. */
	struct vma *dead_vmas;		/* freed, their files not yet put: mm_write_unlock() */
	u32 nr_vmas;
	u64 total_pages, data_pages, exec_pages, stack_pages, locked_pages;
	uaddr_t mmap_base;
	uaddr_t start_code, end_code, start_data, end_data;
	uaddr_t start_brk, brk, start_stack;
	uaddr_t arg_start, arg_end, env_start, env_end;
	uaddr_t vdso;
	u64 def_flags;			/* mlockall(MCL_FUTURE) */
	u64 auxv[48];
	u32 auxv_len;

	/* Pages mapped: counters of kind MM_*; atomic. */
	atomic64_t rss[4];
	atomic64_t table_pages;
	u64 peak_rss, peak_total;
	u32 oom_victim;
	bool unmapped;			/* the last user is gone, and all that was mapped */
	struct rcu_head rcu;
};
enum { MM_FILE, MM_ANON, MM_SHMEM, MM_SWAP };

extern void (*mm_free_hook)(struct mm *mm);	/* kernel_mm.c */
extern struct mm kernel_mm;		/* page tables without a user half; idle threads */

struct mm *mm_create(void);		/* users 1; NULL: no memory */
struct mm *mm_fork(struct mm *old, int *err);	/* a copy; NULL */
struct mm *mm_get_users(struct mm *mm);
void mm_put(struct mm *mm);		/* users; the last one unmaps: may sleep */
struct mm *mm_grab(struct mm *mm);	/* refs */
void mm_drop(struct mm *mm);		/* refs; any context */
bool __must_check mm_get_users_not_zero(struct mm *mm);

/* The VMA that contains addr, or the first above it (check start). lock held. */
struct vma *vma_find(struct mm *mm, uaddr_t addr);

/* mmap(2) on the current address space; address or -errno. file NULL: anonymous. Takes mm->lock. */
long vm_mmap(struct file *file, uaddr_t addr, size_t len, u32 prot, u32 flags, u64 offset_bytes);
int vm_munmap(uaddr_t addr, size_t len);
/* For exec: heap start and end (page rounded inside), anonymous, zero filled. */
int vm_brk(uaddr_t addr, size_t len, u64 vm_flags);
/* exec: an mm's stack VMA ending at top, growing down. mm is new, nobody else sees it. */
int vm_create_stack(struct mm *mm, uaddr_t top, u64 vm_flags, struct vma **out);
int vm_install_special(struct mm *mm, uaddr_t addr, size_t len, u64 vm_flags,
		       const struct vm_ops *ops, void *private);
uaddr_t vm_unmapped_area(struct mm *mm, size_t len, uaddr_t hint, struct file *file, u64 pgoff,
			 u32 flags);
/* Read or write another process's memory; bytes done. */
size_t mm_access(struct mm *mm, uaddr_t addr, void *buf, size_t len, bool write);
/*
 * The pages behind [addr, addr + len) of current's memory, or those that it begins with, up to *nr,
 * to be read: a reference on each. Bytes, and in *nr how many; 0: the first is none that may be
 * shared. Context: sleeps.
 */
struct bvec;
size_t mm_get_pages(uaddr_t addr, size_t len, struct bvec *vec, u32 *nr);
u64 mm_rss_pages(const struct mm *mm);
/* Every mapping of pages [start, end] of m (inclusive), in all address spaces, is removed. */
struct mapping;
void mapping_unmap(struct mapping *m, u64 start, u64 end, bool even_private);

/* In exec: switch current to mm, put the old one. */
void mm_install(struct mm *mm);

#define PROT_READ	1
#define PROT_WRITE	2
#define PROT_EXEC	4
#define MAP_SHARED	0x01
#define MAP_PRIVATE	0x02
#define MAP_SHARED_VALIDATE 0x03
#define MAP_FIXED	0x10
#define MAP_ANONYMOUS	0x20
#define MAP_GROWSDOWN	0x0100
#define MAP_DENYWRITE	0x0800
#define MAP_EXECUTABLE	0x1000
#define MAP_LOCKED	0x2000
#define MAP_NORESERVE	0x4000
#define MAP_POPULATE	0x8000
#define MAP_NONBLOCK	0x10000
#define MAP_STACK	0x20000
#define MAP_HUGETLB	0x40000
#define MAP_SYNC	0x80000
#define MAP_FIXED_NOREPLACE 0x100000

/* Unmap in mm, whose lock is write-held: what munmap does after its checks. 0, -ENOMEM. */
int __must_check mm_unmap_locked(struct mm *mm, uaddr_t start, uaddr_t end);
/* May mm grow by that many pages of these flags? 0, -ENOMEM. mm->lock write-held. */
int __must_check mm_may_grow(const struct mm *mm, u64 pages, u64 vm_flags);
/* Count pages (negative: less) in the mm's totals by kind. mm->lock write-held. */
void mm_account(struct mm *mm, s64 pages, u64 vm_flags);
/*
 * Make [start, end) present. 0; -ENOMEM: a hole or no
 * memory, -EFAULT, -EINTR: stopped there. No lock held.
 */
int mm_populate(struct mm *mm, uaddr_t start, uaddr_t end);
void mm_populate_all(struct mm *mm);	/* everything mapped, as far as possible */
/* May pages more be locked (RLIMIT_MEMLOCK)? May any at all? */
bool mm_may_lock(const struct mm *mm, u64 pages);
bool may_lock_memory(void);
/* Promise pages of private writable memory. 0, -ENOMEM: that can never be. commit.c */
int __must_check commit_charge(u64 pages);
void commit_uncharge(u64 pages);
u64 commit_limit(void);			/* pages: /proc/meminfo's CommitLimit */
extern u32 vm_overcommit_mode, vm_overcommit_ratio;	/* vm.overcommit_memory, vm.overcommit_ratio (per cent) */
enum { OVERCOMMIT_GUESS, OVERCOMMIT_ALWAYS, OVERCOMMIT_NEVER };
/* Does memory of these flags need a promise? */
static inline bool vm_needs_commit(u64 flags)
{
	return (flags & (VM_WRITE | VM_SHARED | VM_NORESERVE | VM_ACCOUNT)) == VM_WRITE;
}
void mm_init(void);
