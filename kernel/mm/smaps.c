/* SPDX-License-Identifier: MIT */
/*
 * Reading page tables of other address spaces, for those who measure memory.
 *
 * mm->lock, held for reading, keeps the tables; each table's lock keeps its
 * entries, and with them the pages and that they are mapped here at all. How many
 * others map a page is a momentary value: two readers may see it differ.
 *
 * Every byte of Rss is in exactly one of Shared_Clean, Shared_Dirty, Private_Clean
 * and Private_Dirty, by one look at the page's map count, so that they always add up.
 */
#include <kernel/mm/smaps.h>
#include <kernel/mm/pagecache.h>
#include <kernel/mm/rmap.h>
#include <kernel/sched/sched.h>
#include <arch/pgtable.h>

#define PM_PRESENT	BIT(63)
#define PM_SWAP		BIT(62)
#define PM_FILE		BIT(61)
#define PM_EXCLUSIVE	BIT(56)

static bool is_swap(pte_t e)
{
	return !pte_none(e) && !(e.bits & (PTE_V | PTE_SOFT));
}

static void count_page(struct vma_usage *u, const struct vma *vma, pte_t e)
{
	struct page *page = pte_page(e);
	s32 sharers = max(READ_ONCE(page->mapcount) + 1, 1);
	u64 pss = ((u64)PAGE_SIZE << PSS_SHIFT) / sharers;
	bool dirty = pte_dirty(e) || page_test(page, PG_DIRTY), anon = page_is_anon(page);

	u->rss += PAGE_SIZE;
	u->pss += pss;
	if (sharers > 1)
		*(dirty ? &u->shared_dirty : &u->shared_clean) += PAGE_SIZE;
	else
		*(dirty ? &u->private_dirty : &u->private_clean) += PAGE_SIZE;
	if (dirty)
		u->pss_dirty += pss;
	if (anon) {
		u->anonymous += PAGE_SIZE;
		u->pss_anon += pss;
	} else if (vma->mapping && (vma->mapping->flags & MAPPING_NO_WRITEBACK)) {
		u->pss_shmem += pss;
	} else {
		u->pss_file += pss;
	}
	if (pte_accessed(e) || page_test(page, PG_REFERENCED))
		u->referenced += PAGE_SIZE;
	if (vma->flags & VM_LOCKED)
		u->pss_locked += pss;
}

void vma_usage_add(struct vma *vma, struct vma_usage *u)
{
	uaddr_t addr = vma->start;
	struct pte_range r;

	assert_rwsem_held(&vma->mm->lock);
	while (pte_range_next(vma->mm, &addr, vma->end, &r)) {
		spin_lock(pte_lock(r.ptes));
		for (u64 i = 0; i < r.count; i++) {
			pte_t e = pte_read(&r.ptes[i]);

			if (pte_maps_page(e))
				count_page(u, vma, e);
			else if (is_swap(e))
				u->swap += PAGE_SIZE;
		}
		spin_unlock(pte_lock(r.ptes));
		cond_resched();
	}
}

static u64 pagemap_word(pte_t e, bool show_pfn)
{
	u64 word = 0;

	if (is_swap(e))
		return PM_SWAP;
	if (!pte_maps_page(e) && !pte_present(e))
		return 0;
	word = PM_PRESENT | (show_pfn ? pte_addr(e) >> PAGE_SHIFT : 0);
	if (pte_special(e))
		return word;
	if (!page_is_anon(pte_page(e)))
		word |= PM_FILE;
	if (READ_ONCE(pte_page(e)->mapcount) == 0)
		word |= PM_EXCLUSIVE;
	return word;
}

int mm_pagemap(struct mm *mm, uaddr_t addr, u64 *words, u64 n, bool show_pfn)
{
	uaddr_t start = addr, end = addr + n * PAGE_SIZE;
	struct pte_range r;
	int err = rwsem_read_lock_killable(&mm->lock);

	if (err)
		return err;
	for (u64 i = 0; i < n; i++)
		words[i] = 0;
	while (pte_range_next(mm, &addr, end, &r)) {
		spin_lock(pte_lock(r.ptes));
		for (u64 i = 0; i < r.count; i++)
			words[((r.addr - start) >> PAGE_SHIFT) + i] =
				pagemap_word(pte_read(&r.ptes[i]), show_pfn);
		spin_unlock(pte_lock(r.ptes));
	}
	rwsem_read_unlock(&mm->lock);
	return 0;
}
