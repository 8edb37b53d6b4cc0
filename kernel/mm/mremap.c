/* SPDX-License-Identifier: MIT */
/*
 * mremap: grow, shrink or move a mapping, with its pages.
 *
 * A move makes a VMA at the new place that is to the object what the old one was
 * (same file and offset, same anon object and page numbers), then carries the
 * entries over, table by table. Meanwhile the sequences of both are odd, so no
 * fault comes between; walks of the reverse mapping are locked out for each
 * table, because a page must not be found in neither place. The old range is
 * flushed before a table's lock is dropped: from then on somebody may find the
 * entry at its new address and count on nobody writing through the old one.
 *
 * Not here: who frees what is left behind: mm_unmap_locked().
 */
#include <kernel/mm/mm.h>
#include <kernel/mm/rmap.h>
#include <kernel/mm/pagecache.h>
#include <kernel/mm/vm_file.h>
#include <kernel/mm/vma.h>
#include <kernel/task/thread.h>
#include <kernel/uapi/syscall.h>
#include <arch/pgtable.h>
#include <arch/layout.h>

#define MREMAP_MAYMOVE		1
#define MREMAP_FIXED		2
#define MREMAP_DONTUNMAP	4

#define MAP_COUNT_SPARE		3	/* VMAs that a move may add */
#define MMAP_MIN		0x1000ul
#define CAP_SYS_RAWIO		17

struct move {
	struct mm *mm;
	struct vma *vma;		/* covers [from, from + old_len) */
	uaddr_t from, to;
	size_t old_len, new_len;
	u64 flags;			/* MREMAP_* */
	uaddr_t populate, populate_end;	/* what VM_LOCKED wants present afterwards */
};

/* --- moving entries --- */

static void lock_rmap(struct vma *vma)
{
	if (vma->mapping)
		rwsem_write_lock(&vma->mapping->i_mmap_lock);
	if (vma->anon)
		rwsem_write_lock(&vma->anon->lock);
}

static void unlock_rmap(struct vma *vma)
{
	if (vma->anon)
		rwsem_write_unlock(&vma->anon->lock);
	if (vma->mapping)
		rwsem_write_unlock(&vma->mapping->i_mmap_lock);
}

/* n entries of one table to n of another, which are empty. */
static void move_table_part(struct mm *mm, pte_t *src, pte_t *dst, u64 n, uaddr_t from)
{
	struct spinlock *a = pte_lock(src), *b = pte_lock(dst);
	bool any = false;

	spin_lock(a);
	if (a != b)
		spin_lock_nested(b, 1);
	for (u64 i = 0; i < n; i++) {
		pte_t e = pte_none(src[i]) ? src[i] : pte_take(&src[i]);

		if (pte_none(e))
			continue;
		pte_write(&dst[i], e);
		any = true;
	}
	if (any)
		tlb_flush_range(mm, from, from + (n << PAGE_SHIFT));
	if (a != b)
		spin_unlock(b);
	spin_unlock(a);
}

/* 0, or -ENOMEM with a part of the entries moved; *done bytes were. */
static int move_entries(struct mm *mm, struct vma *old, uaddr_t from, uaddr_t to, size_t len,
			size_t *done)
{
	uaddr_t at = from, end = from + len;
	struct pte_range r;

	while (pte_range_next(mm, &at, end, &r)) {
		for (u64 i = 0; i < r.count;) {
			uaddr_t addr = r.addr + (i << PAGE_SHIFT), goal = addr - from + to;
			u64 n = min(r.count - i, PTRS_PER_TABLE - pte_index(goal));
			pte_t *dst = pte_alloc(mm, goal, GFP_KERNEL);

			if (!dst) {
				*done = addr - from;
				return -ENOMEM;
			}
			lock_rmap(old);
			move_table_part(mm, &r.ptes[i], dst, n, addr);
			unlock_rmap(old);
			i += n;
		}
	}
	*done = len;
	return 0;
}

/* --- moving --- */

/* The VMA at the new place: in the tree, where reverse mapping finds it, its sequence odd. */
static struct vma *create_target(struct move *m)
{
	struct vma *old = m->vma, *new;
	u64 pgoff = vma_page_index(old, m->from);

	/* No page has a number yet: count from the new address, so that neighbours can merge. */
	if (vma_is_anon(old) && !old->anon)
		pgoff = m->to >> PAGE_SHIFT;
	new = vma_alloc(m->mm, m->to, m->to + m->new_len, old->flags, pgoff);
	if (!new)
		return NULL;
	if (old->anon)
		anon_link(new, old->anon);
	vma_inherit(new, old);
	vma_change_begin(new);
	vma_insert(new);
	mm_account(m->mm, vma_pages(new), new->flags);
	return new;
}

/* What stays behind with DONTUNMAP is as if it were new. */
static void leave_empty(struct move *m)
{
	u64 flags = m->vma->flags & ~(VM_LOCKED | VM_LOCKONFAULT);

	vma_change_begin(m->vma);
	mm_account(m->mm, -(s64)vma_pages(m->vma), m->vma->flags);
	WRITE_ONCE(m->vma->flags, flags);
	mm_account(m->mm, vma_pages(m->vma), flags);
	vma_change_end(m->vma);
}

/* Where the mapping goes is free. The new address, or -errno. */
static long move_vma(struct move *m)
{
	bool keep = m->flags & MREMAP_DONTUNMAP;
	u64 charged = m->vma->flags & VM_ACCOUNT ? m->new_len >> PAGE_SHIFT : 0;
	size_t done, back;
	struct vma *new;
	int err;

	if (m->mm->nr_vmas + MAP_COUNT_SPARE > vm_max_map_count ||
	    (charged && commit_charge(charged)))
		return -ENOMEM;
	/*
	 * Cut first: afterwards the part that moves is a
	 * VMA of its own, and unmapping it cannot fail.
	 */
	err = m->old_len ? vma_cut_out(m->vma, m->from, m->from + m->old_len, &m->vma) : 0;
	new = err ? NULL : create_target(m);
	if (!new) {
		if (charged)
			commit_uncharge(charged);
		return -ENOMEM;
	}
	vma_change_begin(m->vma);
	err = move_entries(m->mm, m->vma, m->from, m->to, m->old_len, &done);
	if (err) {
		/* Their tables are there: this cannot fail. */
		(void)move_entries(m->mm, m->vma, m->to, m->from, done, &back);
		vma_change_end(m->vma);
		(void)!mm_unmap_locked(m->mm, m->to, m->to + m->new_len);
		return err;
	}
	vma_change_end(m->vma);
	vma_change_end(new);
	if (new->flags & VM_VDSO)
		m->mm->vdso += m->to - m->from;
	if (new->flags & VM_LOCKED) {
		m->populate = m->to + m->old_len;
		m->populate_end = m->to + m->new_len;
	}
	if (keep)
		leave_empty(m);
	else if (m->old_len)
		(void)!mm_unmap_locked(m->mm, m->from, m->from + m->old_len);
	vma_merge(new);
	return m->to;
}

/* --- checks --- */

/* May the VMA be new_len long (in place or elsewhere)? */
static int check_resize(const struct move *m)
{
	struct vma *vma = m->vma;
	u64 more = m->new_len > m->old_len ? (m->new_len - m->old_len) >> PAGE_SHIFT : 0;
	u64 pgoff = vma_page_index(vma, m->from);

	if (!m->old_len && !(vma->flags & (VM_SHARED | VM_MAYSHARE)))
		return -EINVAL;
	if ((m->flags & MREMAP_DONTUNMAP) && (vma->flags & (VM_DONTEXPAND | VM_IO)))
		return -EINVAL;
	if (m->old_len > vma->end - m->from)
		return -EFAULT;
	if (m->new_len == m->old_len)
		return 0;
	if (pgoff + (m->new_len >> PAGE_SHIFT) < pgoff)
		return -EINVAL;
	if (vma->flags & (VM_DONTEXPAND | VM_IO))
		return -EFAULT;
	if ((vma->flags & VM_LOCKED) && !mm_may_lock(m->mm, more))
		return -EAGAIN;
	return mm_may_grow(m->mm, more, vma->flags);
}

/* MREMAP_FIXED, or DONTUNMAP to wherever there is room. */
static long move_to(struct move *m, uaddr_t addr)
{
	int err;

	if ((addr & ~PAGE_MASK) || m->new_len > TASK_SIZE || addr > TASK_SIZE - m->new_len)
		return -EINVAL;
	if (m->from + m->old_len > addr && addr + m->new_len > m->from)
		return -EINVAL;
	if (m->mm->nr_vmas + MAP_COUNT_SPARE + 2 > vm_max_map_count)
		return -ENOMEM;
	if (m->flags & MREMAP_FIXED) {
		if (addr < MMAP_MIN && !capable(CAP_SYS_RAWIO))
			return -EPERM;
		err = mm_unmap_locked(m->mm, addr, addr + m->new_len);
		if (err)
			return err;
	}
	if (m->old_len > m->new_len) {
		err = mm_unmap_locked(m->mm, m->from + m->new_len, m->from + m->old_len);
		if (err)
			return err;
		m->old_len = m->new_len;
	}
	m->vma = vma_find(m->mm, m->from);
	if (!m->vma || m->vma->start > m->from)
		return -EFAULT;
	err = check_resize(m);
	if (err)
		return err;
	if ((m->flags & MREMAP_DONTUNMAP) &&
	    mm_may_grow(m->mm, m->old_len >> PAGE_SHIFT, m->vma->flags))
		return -ENOMEM;
	m->to = m->flags & MREMAP_FIXED ? addr :
		vm_unmapped_area(m->mm, m->new_len, addr, m->vma->file, m->vma->pgoff, 0);
	return m->to ? move_vma(m) : -ENOMEM;
}

/* Grow into the gap behind the VMA. False: it cannot. */
static bool grow_in_place(struct move *m, int *err)
{
	struct vma *vma = m->vma, *above = vma_next(vma);
	uaddr_t end = m->from + m->new_len;
	u64 pages = (m->new_len - m->old_len) >> PAGE_SHIFT;

	if (m->old_len != vma->end - m->from || end < vma->end || end > TASK_SIZE)
		return false;
	if (above && end + (above->flags & VM_GROWSDOWN ? STACK_GUARD_GAP : 0) > above->start)
		return false;
	*err = vma->flags & VM_ACCOUNT ? commit_charge(pages) : 0;
	if (*err)
		return true;
	vma_change_begin(vma);
	vma_resize(vma, vma->start, end);
	vma_change_end(vma);
	mm_account(m->mm, pages, vma->flags);
	if (vma->flags & VM_LOCKED) {
		m->populate = end - (pages << PAGE_SHIFT);
		m->populate_end = end;
	}
	vma_merge(vma);
	return true;
}

/* mm->lock write-held. */
static long remap(struct move *m, uaddr_t new_addr)
{
	int err;

	m->vma = vma_find(m->mm, m->from);
	if (!m->vma || m->vma->start > m->from)
		return -EFAULT;
	if (m->flags & (MREMAP_FIXED | MREMAP_DONTUNMAP))
		return move_to(m, new_addr);
	if (m->old_len >= m->new_len) {
		err = m->old_len == m->new_len ? 0 :
		      mm_unmap_locked(m->mm, m->from + m->new_len, m->from + m->old_len);
		return err ? err : (long)m->from;
	}
	err = check_resize(m);
	if (err)
		return err;
	if (grow_in_place(m, &err))
		return err ? err : (long)m->from;
	if (!(m->flags & MREMAP_MAYMOVE))
		return -ENOMEM;
	m->to = vm_unmapped_area(m->mm, m->new_len, 0, m->vma->file, m->vma->pgoff, 0);
	return m->to ? move_vma(m) : -ENOMEM;
}

long sys_mremap(uaddr_t addr, size_t old_len, size_t new_len, u64 flags, uaddr_t new_addr)
{
	struct move m = { .mm = current->mm, .from = addr, .flags = flags,
			  .old_len = ALIGN_UP(old_len, PAGE_SIZE), .new_len = ALIGN_UP(new_len, PAGE_SIZE) };
	long ret;

	if (flags & ~(u64)(MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP))
		return -EINVAL;
	if ((flags & (MREMAP_FIXED | MREMAP_DONTUNMAP)) && !(flags & MREMAP_MAYMOVE))
		return -EINVAL;
	if ((flags & MREMAP_DONTUNMAP) && old_len != new_len)
		return -EINVAL;
	if ((addr & ~PAGE_MASK) || !m.new_len)
		return -EINVAL;
	ret = rwsem_write_lock_killable(&m.mm->lock);
	if (ret)
		return ret;
	ret = remap(&m, new_addr);
	mm_write_unlock(m.mm);
	if (ret > 0 && m.populate < m.populate_end)
		(void)mm_populate(m.mm, m.populate, m.populate_end);
	return ret;
}
