/* SPDX-License-Identifier: MIT */
/*
 * From a page to the page-table entries that map it. Theory: rmap.c.
 */
#pragma once
#include <kernel/mm/counts.h>
#include <kernel/mm/page.h>
#include <kernel/mm/vma.h>
#include <kernel/lock/mutex.h>
#include <arch/pgtable.h>

/* Shared by a VMA that got anonymous pages, and all VMAs that fork and split made of it. */
struct anon {
	refcount_t refs;		/* one per VMA on the list, one per page walk */
	struct rwsem lock;		/* RANK_ANON */
	struct list_head vmas;		/* anon_node */
};

/* give it an anon object; 0, -ENOMEM. mm->lock held */
int __must_check anon_prepare(struct vma *vma);
/* vma is a copy or a part of one that has anon */
void anon_link(struct vma *vma, struct anon *anon);
void anon_unlink(struct vma *vma);

/* Of the mapping that vma->file has: VMAs by page range. */
void i_mmap_insert(struct vma *vma);
void i_mmap_remove(struct vma *vma);

#define PAGE_MAPPING_ANON	1ul
static inline bool page_is_anon(const struct page *page)
{
	return (u64)READ_ONCE(page->mapping) & PAGE_MAPPING_ANON;
}
static inline struct anon *page_anon(const struct page *page)
{
	return (struct anon *)((u64)READ_ONCE(page->mapping) & ~PAGE_MAPPING_ANON);
}

/* The entry maps a page that is counted (also PROT_NONE ones); not the zero page, not a device. */
static inline bool pte_maps_page(pte_t e)
{
	return (e.bits & (PTE_V | PTE_SOFT)) && !pte_special(e);
}

/* One page-table entry more, or less, maps the page. pte lock held. */
/* Its first, of a new page that nobody else sees yet. */
static inline void page_map_anon_new(struct page *page, const struct vma *vma, uaddr_t addr)
{
	page->index = vma_page_index(vma, addr);
	page->mapping = (void *)((u64)vma->anon | PAGE_MAPPING_ANON);
	page->mapcount = 0;
	page->flags = BIT(PG_UPTODATE) | BIT(PG_ANON);
	mem_count_add(MEM_ANON, 1);
}
static inline void page_map(struct page *page)
{
	if (__atomic_add_fetch(&page->mapcount, 1, __ATOMIC_RELAXED) == 0 && !page_is_anon(page))
		mem_count_add(MEM_MAPPED, 1);
}
static inline void page_unmap(struct page *page)
{
	if (__atomic_sub_fetch(&page->mapcount, 1, __ATOMIC_ACQ_REL) < 0)
		mem_count_add(page_is_anon(page) ? MEM_ANON : MEM_MAPPED, -1);
}
/*
 * For each entry that maps a locked page: fn(vma, addr, ptep, arg) under the pte lock; false stops.
 */
typedef bool (*rmap_fn)(struct vma *vma, uaddr_t addr, pte_t *ptep, void *arg);
void rmap_walk(struct page *page, rmap_fn fn, void *arg);
/*
 * The same without waiting for the list of VMAs: false, and
 * nothing done. For reclaim, which runs under any lock.
 */
bool __must_check rmap_try_walk(struct page *page, rmap_fn fn, void *arg);
