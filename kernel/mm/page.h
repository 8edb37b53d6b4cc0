/* SPDX-License-Identifier: MIT */
/*
 * struct page: one per physical page of RAM, 64 bytes, in an array mapped at
 * VMEMMAP_START.
 *
 * A page is: free (in the buddy allocator), slab, page table, in a mapping
 * (page cache), anonymous, or plain kernel memory. Its users:
 *
 *   refs       who may look at it: 1 for the owner, 1 for the page cache, 1 for
 *              each page-table entry and each temporary user; 0 frees it
 *   mapcount   page-table entries that map it, -1 + n (so zero-cost init is "none")
 *   pins       DMA and O_DIRECT users: fork copies pinned pages eagerly
 */
#pragma once
#include <kernel/types.h>
#include <kernel/lib/atomic.h>
#include <kernel/lib/list.h>
#include <kernel/mm/alloc.h>
#include <arch/layout.h>

struct mapping;
struct anon;
struct kmem_cache;
struct memory_group;

struct page {
	u64 flags;			/* PG_*; atomic bits */
	union {
		struct mapping *mapping;	/* page cache; bit 0 set: struct anon (anonymous) */
		struct kmem_cache *slab;
	};
	u64 index;			/* page offset in the mapping, or in the VMA's object */
	struct list_head lru;		/* reclaim list, buddy free list, slab list */
	union {
		u64 private;		/* buddy: order; swap: entry; page cache: block state */
		void *freelist;		/* slab */
		u32 pte_lock_word;	/* page table: see page_pte_lock() */
	};
	u32 refs;			/* atomic */
	s32 mapcount;			/* atomic, -1: unmapped */
	u32 pins;			/* atomic; slab: objects in use */
	u8 order;			/* of a multi-page allocation, in its first page */
	u8 zone;
	u16 group;			/* memory group (cgroup) id, 0: root */
};
_Static_assert(sizeof(struct page) == 64, "the array is 1/64 of RAM");

enum page_flag {
	PG_LOCKED,		/* page lock: page_lock() */
	PG_UPTODATE,		/* contents are the file's */
	PG_DIRTY,		/* newer than the disk */
	PG_WRITEBACK,		/* being written */
	PG_ERROR,		/* the last I/O failed */
	PG_REFERENCED,		/* used since the last scan */
	PG_ACTIVE,		/* on the active list */
	PG_LRU,			/* on a reclaim list */
	PG_ANON,		/* mapping is a struct anon */
	PG_SWAPCACHE,		/* private is the swap entry */
	PG_SLAB, PG_TABLE, PG_BUDDY,
	PG_RESERVED,		/* not the allocator's: firmware, kernel image, holes */
	PG_PRIVATE,		/* private holds the file system's state (block buffers) */
	PG_WAITERS,		/* somebody sleeps on PG_LOCKED or PG_WRITEBACK */
	PG_READAHEAD,		/* reading it starts the next window */
	PG_MLOCKED,
	PG_RECLAIM,		/* free it when its writeback ends */
	PG_HOT,			/* used twice since the last scan: belongs on the active list */
				/* bits 56..63: the shard of its reclaim list (lru.c) */
};

static inline bool page_test(const struct page *p, enum page_flag f)
{
	return READ_ONCE(p->flags) & BIT(f);
}
static inline void page_set(struct page *p, enum page_flag f)
{
	__atomic_fetch_or(&p->flags, BIT(f), __ATOMIC_RELAXED);
}
static inline void page_clear(struct page *p, enum page_flag f)
{
	__atomic_fetch_and(&p->flags, ~BIT(f), __ATOMIC_RELAXED);
}
static inline bool page_test_and_set(struct page *p, enum page_flag f)
{
	return __atomic_fetch_or(&p->flags, BIT(f), __ATOMIC_SEQ_CST) & BIT(f);
}
static inline bool page_test_and_clear(struct page *p, enum page_flag f)
{
	return __atomic_fetch_and(&p->flags, ~BIT(f), __ATOMIC_SEQ_CST) & BIT(f);
}

/*
 * The array and the direct map begin with the same page frame, so that page and
 * address turn into each other without a load. Pages of the kernel image have
 * both addresses; virt_to_page() takes only the direct map's.
 */
#define vmemmap		((struct page *)VMEMMAP_START)
extern pfn_t ram_first_pfn, ram_end_pfn;	/* bounds of the array; constant after boot */
extern u64 ram_pages;				/* managed by the buddy allocator */

static inline struct page *pfn_to_page(pfn_t pfn)  { return vmemmap + (pfn - ram_first_pfn); }
static inline pfn_t page_to_pfn(const struct page *p) { return (pfn_t)(p - vmemmap) + ram_first_pfn; }
static inline paddr_t page_to_phys(const struct page *p) { return page_to_pfn(p) << PAGE_SHIFT; }
static inline struct page *phys_to_page(paddr_t pa) { return pfn_to_page(pa >> PAGE_SHIFT); }
static inline void *page_address(const struct page *p)
{
	return (void *)(DIRECT_MAP_START + ((u64)(p - vmemmap) << PAGE_SHIFT));
}
static inline struct page *virt_to_page(const void *v)
{
	return vmemmap + (((u64)v - DIRECT_MAP_START) >> PAGE_SHIFT);
}

#define MAX_ORDER	10	/* largest block: 2^10 pages, 4 MiB */

/* 2^order pages with refs 1, or NULL. */
struct page *page_alloc_order(unsigned order, u32 gfp);
void page_free_order(struct page *p, unsigned order);	/* drops the owner's reference */
void page_drain_cpu(void);			/* this CPU's stacks back to the buddy allocator */
u64 page_free_count(void);
static inline struct page *page_alloc(u32 gfp) { return page_alloc_order(0, gfp); }

static inline void page_get(struct page *p)
{
	__atomic_fetch_add(&p->refs, 1, __ATOMIC_RELAXED);
}
void page_free_last(struct page *p);		/* refs has reached 0 */
static inline void page_put(struct page *p)
{
	if (__atomic_sub_fetch(&p->refs, 1, __ATOMIC_ACQ_REL) == 0)
		page_free_last(p);
}
/* For lock-free page cache lookups: false if it is being freed. */
static inline bool __must_check page_get_not_zero(struct page *p)
{
	u32 old = __atomic_load_n(&p->refs, __ATOMIC_RELAXED);

	do {
		if (!old)
			return false;
	} while (!__atomic_compare_exchange_n(&p->refs, &old, old + 1, true,
					      __ATOMIC_ACQUIRE, __ATOMIC_RELAXED));
	return true;
}

/* Page lock: a sleeping bit lock, RANK_PAGE. */
void page_lock(struct page *p);
bool __must_check page_trylock(struct page *p);
int __must_check page_lock_killable(struct page *p);
void page_unlock(struct page *p);
void page_wait_writeback(struct page *p);
void page_end_writeback(struct page *p);	/* any context */
void page_wait_init(void);

struct memory_counts {
	u64 total, free, available, file, anon, dirty, writeback, slab_reclaimable, slab_unreclaimable,
	    kstack, page_tables, shmem, active_anon, inactive_anon, active_file, inactive_file, mapped,
	    mlocked, swap_total, swap_free, vmalloc_used, percpu, buffers, committed;	/* pages */
};
void memory_counts(struct memory_counts *out);

/*
 * Reclaim, as the allocator calls it; set once at boot
 * by reclaim's own init. Until then allocation just fails.
 *   reclaim  free pages, if possible a block of that order; the number freed.
 *            Context: thread, may sleep, may hold any sleeping lock; THREAD_RECLAIM stops recursion
 *   wake     tell background reclaim that a zone is below LOW. Any context
 *   kill     end a process to get memory; false: there is none to end
 */
struct reclaim_ops {
	u64 (*reclaim)(unsigned order);
	void (*wake)(void);
	bool (*kill)(unsigned order, u32 gfp);
};
extern const struct reclaim_ops *reclaim_ops;
/* Pages to free until every zone is at its HIGH mark; 0: background reclaim may rest. */
u64 page_shortage(void);

void clear_page(void *page);
void copy_page(void *dst, const void *src);

/* Boot, after paging_init(): hand the free RAM to the allocator. */
void page_alloc_init(void);
void buddy_init(void);
/* A boot-time page (PG_RESERVED) that is not needed any more. */
void page_release_reserved(struct page *p);
