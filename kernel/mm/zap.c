/* SPDX-License-Identifier: MIT */
/* Taking pages out of page tables: munmap, exit, madvise, truncate. */
#include <kernel/mm/zap.h>
#include <kernel/mm/lru.h>
#include <kernel/mm/rmap.h>
#include <kernel/mm/mm.h>
#include <kernel/mm/pagecache.h>
#include <arch/pgtable.h>

struct zap {
	struct tlb_gather *g;
	bool keep_private;		/* only pages of the file, not private copies */
	s64 anon, file;			/* pages taken out, for the RSS counters */
};

/*
 * Empty one entry. A shared page that was written is marked dirty already: its
 * entry became writable only then (fault.c). True: the gather is full.
 */
static bool zap_entry(struct zap *z, pte_t *ptep)
{
	pte_t e = *ptep;
	struct page *page;

	if (!pte_maps_page(e)) {
		pte_write(ptep, (pte_t){ 0 });
		return false;
	}
	page = pte_page(e);
	if (page_is_anon(page)) {
		if (z->keep_private)
			return false;
		z->anon++;
	} else {
		z->file++;
		if (pte_accessed(e))
			page_accessed(page);
	}
	pte_take(ptep);
	page_unmap(page);
	return tlb_gather_page(z->g, page);
}

/* The entries from first to last have been emptied. */
static void gather(struct tlb_gather *g, const struct pte_range *r, const pte_t *first, const pte_t *last)
{
	tlb_gather_range(g, r->addr + ((uaddr_t)(first - r->ptes) << PAGE_SHIFT),
			 r->addr + ((uaddr_t)(last + 1 - r->ptes) << PAGE_SHIFT));
}

static inline pte_t *next_in_use(pte_t *p, const pte_t *end)
{
	while (p < end && pte_none(*p))
		p++;
	return p;
}

static void zap_table(struct zap *z, const struct pte_range *r)
{
	struct spinlock *lock = pte_lock(r->ptes);
	pte_t *const end = r->ptes + r->count, *first = NULL, *last = NULL;

	spin_lock(lock);
	for (pte_t *p = next_in_use(r->ptes, end); p < end; p = next_in_use(p + 1, end)) {
		first = first ? first : p;
		last = p;
		if (zap_entry(z, p)) {
			gather(z->g, r, first, last);
			first = NULL;
			spin_unlock(lock);
			tlb_gather_flush(z->g);
			spin_lock(lock);
		}
	}
	if (first)
		gather(z->g, r, first, last);
	spin_unlock(lock);
}

void zap_range(struct tlb_gather *g, uaddr_t start, uaddr_t end, bool keep_private)
{
	struct zap z = { .g = g, .keep_private = keep_private };
	struct pte_range r;

	while (pte_range_next(g->mm, &start, end, &r))
		zap_table(&z, &r);
	if (z.anon)
		atomic_sub(&g->mm->rss[MM_ANON], z.anon);
	if (z.file)
		atomic_sub(&g->mm->rss[MM_FILE], z.file);
}

void mapping_unmap(struct mapping *m, u64 first, u64 last, bool even_private)
{
	struct tlb_gather g;
	struct vma *vma;

	rwsem_read_lock(&m->i_mmap_lock);
	list_for_each(vma, &m->i_mmap, i_mmap_node) {
		u64 from = max(first, vma->pgoff), to = min(last, vma->pgoff + vma_pages(vma) - 1);

		if (from > to)
			continue;
		tlb_gather_begin(&g, vma->mm);
		zap_range(&g, vma->start + ((from - vma->pgoff) << PAGE_SHIFT),
			  vma->start + ((to - vma->pgoff + 1) << PAGE_SHIFT), !even_private);
		tlb_gather_end(&g);
	}
	rwsem_read_unlock(&m->i_mmap_lock);
}
