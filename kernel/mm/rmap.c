/* SPDX-License-Identifier: MIT */
/*
 * Reverse mapping: which page-table entries map a page.
 *
 * A page of a file is found through its mapping's list of VMAs. An anonymous
 * page points to a struct anon, which lists the VMA that first got a page, and
 * every VMA that fork, split or mremap made of it. page->index and vma->pgoff
 * count in the same unit (for anonymous memory: the address where the VMA was
 * created, in pages), so the place of the page in each VMA is arithmetic:
 *
 *	addr = vma->start + (page->index - vma->pgoff) * PAGE_SIZE
 *
 * The list says where the page may be mapped; the entry itself says whether.
 *
 * Invariants:
 *  (1) While a page is mapped as anonymous by a VMA, that VMA is on the list of
 *      the page's anon object. Fork links the child's VMAs before it copies entries.
 *  (2) An anon object lives while a VMA is on its list: so while its pages are mapped.
 *  (3) mapcount counts entries, less one, and changes under the lock of the
 *      table that the entry lies in. A locked page may lose mappings during a walk.
 *
 * Limit: a child's own new pages join the object of its ancestors, so a walk in a
 * large family of forks looks at more VMAs than map the page.
 */
#include <kernel/mm/mm.h>
#include <kernel/mm/rmap.h>
#include <kernel/mm/counts.h>
#include <kernel/mm/pagecache.h>
#include <arch/pgtable.h>

int anon_prepare(struct vma *vma)
{
	struct anon *anon, *none = NULL;
	bool won;

	if (likely(READ_ONCE(vma->anon)))
		return 0;
	anon = kmalloc(sizeof(*anon), GFP_KERNEL);
	if (!anon)
		return -ENOMEM;
	refcount_set(&anon->refs, 1);
	rwsem_init(&anon->lock, RANK_ANON);
	list_init(&anon->vmas);
	/* mm->lock may be held for reading only: another fault may come first. */
	rwsem_write_lock(&anon->lock);
	won = __atomic_compare_exchange_n(&vma->anon, &none, anon, false,
					  __ATOMIC_RELEASE, __ATOMIC_RELAXED);
	if (won)
		list_add(&vma->anon_node, &anon->vmas);
	rwsem_write_unlock(&anon->lock);
	if (!won)
		kfree(anon);
	return 0;
}

void anon_link(struct vma *vma, struct anon *anon)
{
	refcount_inc(&anon->refs);
	rwsem_write_lock(&anon->lock);
	list_add_tail(&vma->anon_node, &anon->vmas);
	rwsem_write_unlock(&anon->lock);
	vma->anon = anon;
}

static void anon_put(struct anon *anon)
{
	if (refcount_dec(&anon->refs))
		kfree(anon);
}

void anon_unlink(struct vma *vma)
{
	struct anon *anon = vma->anon;

	rwsem_write_lock(&anon->lock);
	list_del(&vma->anon_node);
	rwsem_write_unlock(&anon->lock);
	vma->anon = NULL;
	anon_put(anon);
}

void i_mmap_insert(struct vma *vma)
{
	struct mapping *m = vma->mapping;

	if (!m)
		return;
	rwsem_write_lock(&m->i_mmap_lock);
	list_add_tail(&vma->i_mmap_node, &m->i_mmap);
	rwsem_write_unlock(&m->i_mmap_lock);
	if ((vma->flags & (VM_SHARED | VM_MAYWRITE)) == (VM_SHARED | VM_MAYWRITE))
		atomic_inc(&m->nr_writable_maps);
}

void i_mmap_remove(struct vma *vma)
{
	struct mapping *m = vma->mapping;

	if (!m)
		return;
	rwsem_write_lock(&m->i_mmap_lock);
	list_del(&vma->i_mmap_node);
	rwsem_write_unlock(&m->i_mmap_lock);
	if ((vma->flags & (VM_SHARED | VM_MAYWRITE)) == (VM_SHARED | VM_MAYWRITE))
		atomic_dec(&m->nr_writable_maps);
}

/* The entry for page in vma, if it is there. False: the walk is to stop. */
static bool walk_vma(struct page *page, struct vma *vma, rmap_fn fn, void *arg)
{
	u64 offset = page->index - vma->pgoff;
	bool go_on = true;
	uaddr_t addr;
	pte_t *ptep;

	if (page->index < vma->pgoff || offset >= vma_pages(vma))
		return true;
	addr = vma->start + (offset << PAGE_SHIFT);
	rcu_read_lock();
	ptep = pte_walk(vma->mm, addr);
	if (ptep) {
		spin_lock(pte_lock(ptep));
		if (pte_maps_page(*ptep) && pte_page(*ptep) == page)
			go_on = fn(vma, addr, ptep, arg);
		spin_unlock(pte_lock(ptep));
	}
	rcu_read_unlock();
	return go_on;
}

/*
 * The list of VMAs that may map the page, and the lock
 * that guards it; NULL: it has no owner any more.
 */
static struct rwsem *owner_lock(struct page *page)
{
	struct mapping *m = READ_ONCE(page->mapping);

	if (page_is_anon(page))
		return &page_anon(page)->lock;
	return m ? &m->i_mmap_lock : NULL;
}

static void walk_locked(struct page *page, rmap_fn fn, void *arg)
{
	struct vma *vma;

	if (page_is_anon(page)) {
		list_for_each(vma, &page_anon(page)->vmas, anon_node)
			if (!walk_vma(page, vma, fn, arg))
				return;
	} else {
		list_for_each(vma, &page->mapping->i_mmap, i_mmap_node)
			if (!walk_vma(page, vma, fn, arg))
				return;
	}
}

void rmap_walk(struct page *page, rmap_fn fn, void *arg)
{
	struct rwsem *lock = owner_lock(page);

	if (!lock)
		return;
	rwsem_read_lock(lock);
	walk_locked(page, fn, arg);
	rwsem_read_unlock(lock);
}

bool rmap_try_walk(struct page *page, rmap_fn fn, void *arg)
{
	struct rwsem *lock = owner_lock(page);

	if (!lock || !rwsem_read_trylock(lock))
		return false;
	walk_locked(page, fn, arg);
	rwsem_read_unlock(lock);
	return true;
}
