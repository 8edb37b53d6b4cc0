/* SPDX-License-Identifier: MIT */
/*
 * Address spaces: creation, copy by fork, end.
 *
 *   users > 0    threads run in it
 *   users == 0   the last of them unmapped everything (mm_put); the struct and the
 *                empty top-level table stay for those who borrow them
 *   refs == 0    freed (mm_drop)
 *
 * Fork copies VMAs and page-table entries, not pages: a private page becomes
 * read-only in both, and the first write of either copies it (fault.c). Entries
 * of memory that holds no private page are not copied: faults make them again
 * from the page cache. A page that a device may write to (pins) is copied at once,
 * because the owner of the transfer must keep the page that the device has.
 */
#include <kernel/mm/mm.h>
#include <kernel/mm/rmap.h>
#include <kernel/mm/zap.h>
#include <kernel/mm/fault.h>
#include <kernel/mm/counts.h>
#include <kernel/mm/lru.h>
#include <kernel/mm/pagecache.h>
#include <kernel/mm/vm_file.h>
#include <kernel/task/thread.h>
#include <kernel/lib/string.h>
#include <arch/pgtable.h>
#include <arch/paging.h>
#include <arch/irqflags.h>

static struct kmem_cache *mm_cache;

/* The last reference is gone: see kernel_mm.c. */
static void mm_free(struct mm *mm)
{
	pgd_free(mm->pgd);
	kmem_cache_free(mm_cache, mm);
}

void mm_init(void)
{
	kernel_mm.pgd = kernel_pgd;
	rwsem_init(&kernel_mm.lock, RANK_MM);
	mm_context_init(&kernel_mm.context);
	mm_cache = kmem_cache_create("mm", sizeof(struct mm), 64, NULL);
	mm_free_hook = mm_free;
	lru_init();
	vma_cache_init();
	fault_init();
}

struct mm *mm_create(void)
{
	struct mm *mm = kmem_cache_zalloc(mm_cache, GFP_KERNEL);

	if (!mm)
		return NULL;
	mm->pgd = pgd_alloc();
	if (!mm->pgd) {
		kmem_cache_free(mm_cache, mm);
		return NULL;
	}
	refcount_set(&mm->users, 1);
	refcount_set(&mm->refs, 1);
	rwsem_init(&mm->lock, RANK_MM);
	mm_context_init(&mm->context);
	return mm;
}

struct mm *mm_get_users(struct mm *mm)
{
	refcount_inc(&mm->users);
	return mm;
}

bool mm_get_users_not_zero(struct mm *mm)
{
	return refcount_inc_not_zero(&mm->users);
}

/* No thread is left: nobody faults. Reverse mapping may still come: keep the lock rules. */
static void unmap_all(struct mm *mm)
{
	struct tlb_gather g;
	struct vma *vma, *next;

	rwsem_write_lock(&mm->lock);
	tlb_gather_begin(&g, mm);
	g.dead = true;
	for (vma = vma_first(mm); vma; vma = vma_next(vma)) {
		zap_range(&g, vma->start, vma->end, false);
		if (vma->flags & VM_ACCOUNT)
			commit_uncharge(vma_pages(vma));
		vma_unlink(vma);
	}
	/*
	 * Reverse mapping finds nothing any more: the
	 * tables may go, those of each VMA up to the next.
	 */
	for (vma = vma_first(mm); vma; vma = next) {
		next = vma_next(vma);
		pgtable_free_range(&g, vma->start, vma->end, 0, next ? next->start : TASK_SIZE);
	}
	vma_free_all(mm);
	tlb_gather_end(&g);
	mm_write_unlock(mm);
}

void mm_put(struct mm *mm)
{
	might_sleep();
	if (!refcount_dec(&mm->users))
		return;
	unmap_all(mm);
	WRITE_ONCE(mm->unmapped, true);
	mm_drop(mm);
}

u64 mm_rss_pages(const struct mm *mm)
{
	s64 sum = atomic_read(&mm->rss[MM_FILE]) + atomic_read(&mm->rss[MM_ANON]) +
		  atomic_read(&mm->rss[MM_SHMEM]);

	return sum > 0 ? sum : 0;
}

void mm_install(struct mm *mm)
{
	struct mm *old = current->mm, *active = current->active_mm;
	u64 flags = local_irq_save();

	spin_lock(&current->process->lock);
	current->mm = mm;
	spin_unlock(&current->process->lock);
	current->active_mm = mm;
	mm_switch(active, mm);
	local_irq_restore(flags);
	if (old)
		mm_put(old);
	else if (active && active != &kernel_mm)
		mm_drop(active);
}

/* --- fork --- */

struct copier {
	struct mm *from, *to;
	struct vma *vma;		/* the child's */
	struct page *spare;		/* for the next pinned page */
	s64 anon, file;
	bool protected;			/* an entry of the parent lost W */
};

/* A pinned page: the child gets its own copy now. False: no spare page. */
static bool copy_pinned(struct copier *c, pte_t *dst, pte_t e, uaddr_t addr)
{
	struct page *page = c->spare;

	if (!page)
		return false;
	c->spare = NULL;
	copy_page(page_address(page), page_address(pte_page(e)));
	page_map_anon_new(page, c->vma, addr);
	pte_write(dst, pte_make(page_to_phys(page), e.bits & (PTE_SOFT | 0xff)));
	c->anon++;
	return true;
}

/* Both tables locked. False: needs c->spare. */
static bool copy_entry(struct copier *c, pte_t *src, pte_t *dst, uaddr_t addr)
{
	pte_t e = pte_read(src);
	struct page *page;

	if (!pte_maps_page(e)) {
		pte_write(dst, e);
		return true;
	}
	page = pte_page(e);
	if (unlikely(page->pins) && page_is_anon(page))
		return copy_pinned(c, dst, e, addr);
	if (pte_writable(e) && !(c->vma->flags & VM_SHARED)) {
		pte_clear_atomic(src, PTE_W);
		e = pte_clear(e, PTE_W);
		c->protected = true;
	}
	page_get(page);
	page_map(page);
	pte_write(dst, e);
	if (page_is_anon(page))
		c->anon++;
	else
		c->file++;
	return true;
}

/* Copy one table's part; the index of the entry that needs a spare page, or r->count. */
static u64 copy_table(struct copier *c, const struct pte_range *r, pte_t *dst, u64 i)
{
	spin_lock(pte_lock(r->ptes));
	spin_lock_nested(pte_lock(dst), 1);
	for (; i < r->count; i++)
		if (!pte_none(r->ptes[i]) &&
		    !copy_entry(c, &r->ptes[i], &dst[i], r->addr + (i << PAGE_SHIFT)))
			break;
	spin_unlock(pte_lock(dst));
	spin_unlock(pte_lock(r->ptes));
	return i;
}

static int copy_entries(struct copier *c)
{
	uaddr_t addr = c->vma->start;
	struct pte_range r;

	while (pte_range_next(c->from, &addr, c->vma->end, &r)) {
		pte_t *dst = pte_alloc(c->to, r.addr, GFP_KERNEL);
		u64 i = 0;

		if (!dst)
			return -ENOMEM;
		while ((i = copy_table(c, &r, dst, i)) < r.count) {
			c->spare = page_alloc(GFP_USER);
			if (!c->spare)
				return -ENOMEM;
		}
	}
	return 0;
}

/* The child's VMA, linked where reverse mapping finds it before it has entries. */
static struct vma *copy_vma(struct mm *to, const struct vma *old)
{
	struct vma *vma = vma_alloc(to, old->start, old->end,
				    old->flags & ~(VM_LOCKED | VM_LOCKONFAULT), old->pgoff);

	if (!vma)
		return NULL;
	if (old->anon && !(old->flags & VM_WIPEONFORK))
		anon_link(vma, old->anon);
	vma_inherit(vma, old);
	vma_insert(vma);
	mm_account(to, vma_pages(vma), vma->flags);
	return vma;
}

static int copy_vmas(struct copier *c)
{
	for (struct vma *old = vma_first(c->from); old; old = vma_next(old)) {
		int err;

		if (old->flags & VM_DONTCOPY)
			continue;
		if ((old->flags & VM_ACCOUNT) && commit_charge(vma_pages(old)))
			return -ENOMEM;
		c->vma = copy_vma(c->to, old);
		if (!c->vma) {
			if (old->flags & VM_ACCOUNT)
				commit_uncharge(vma_pages(old));
			return -ENOMEM;
		}
		if (!c->vma->anon &&
		    !(old->ops && old->ops->fault && !(old->flags & VM_WIPEONFORK)))
			continue;
		err = copy_entries(c);
		if (err)
			return err;
	}
	return 0;
}

static void copy_layout(struct mm *to, const struct mm *from)
{
	to->mmap_base = from->mmap_base;
	to->start_code = from->start_code;
	to->end_code = from->end_code;
	to->start_data = from->start_data;
	to->end_data = from->end_data;
	to->start_brk = from->start_brk;
	to->brk = from->brk;
	to->start_stack = from->start_stack;
	to->arg_start = from->arg_start;
	to->arg_end = from->arg_end;
	to->env_start = from->env_start;
	to->env_end = from->env_end;
	to->vdso = from->vdso;
	to->auxv_len = from->auxv_len;
	memcpy(to->auxv, from->auxv, sizeof(to->auxv));
}

struct mm *mm_fork(struct mm *old, int *err)
{
	struct copier c = { .from = old, .to = mm_create() };

	*err = -ENOMEM;
	if (!c.to)
		return NULL;
	*err = rwsem_write_lock_killable(&old->lock);
	if (*err) {
		mm_put(c.to);
		return NULL;
	}
	copy_layout(c.to, old);
	*err = copy_vmas(&c);
	/* The parent's CPUs must fault on what is shared now, before the child can run. */
	if (c.protected)
		tlb_flush_mm(old);
	mm_write_unlock(old);
	atomic_add(&c.to->rss[MM_ANON], c.anon);
	atomic_add(&c.to->rss[MM_FILE], c.file);
	if (!*err)
		return c.to;
	mm_put(c.to);
	return NULL;
}
