/* SPDX-License-Identifier: MIT */
/*
 * madvise: what a program says of its memory.
 *
 * Three kinds of advice, one table. Some change flags of VMAs (mm->lock for
 * writing); some work on the pages (mm->lock for reading: faults go on beside
 * them); two fault pages in. Holes in the range are skipped and make the result
 * ENOMEM, as in Linux, but for the two.
 *
 * MADV_FREE gives the pages back at once, which the contract allows: there is no
 * swap that would make waiting worthwhile. Huge pages and page merging are not
 * there, and their advice is EINVAL, as in a Linux without them.
 */
#include <kernel/mm/mm.h>
#include <kernel/mm/fault.h>
#include <kernel/mm/lru.h>
#include <kernel/mm/pagecache.h>
#include <kernel/mm/rmap.h>
#include <kernel/mm/vm_file.h>
#include <kernel/mm/zap.h>
#include <kernel/task/thread.h>
#include <kernel/uapi/syscall.h>
#include <arch/pgtable.h>

enum {
	MADV_NORMAL, MADV_RANDOM, MADV_SEQUENTIAL, MADV_WILLNEED, MADV_DONTNEED,
	MADV_FREE = 8, MADV_REMOVE, MADV_DONTFORK, MADV_DOFORK,
	MADV_DONTDUMP = 16, MADV_DODUMP, MADV_WIPEONFORK, MADV_KEEPONFORK, MADV_COLD, MADV_PAGEOUT,
	MADV_POPULATE_READ, MADV_POPULATE_WRITE, MADV_DONTNEED_LOCKED,
};

/* --- advice that changes flags --- */

/* The flags that vma has after the advice: 0 and *flags, or -errno. */
static int advised_flags(const struct vma *vma, int advice, u64 *flags)
{
	u64 f = vma->flags;

	switch (advice) {
	case MADV_NORMAL:
		f &= ~(VM_RAND_READ | VM_SEQ_READ);
		break;
	case MADV_SEQUENTIAL:
		f = (f & ~VM_RAND_READ) | VM_SEQ_READ;
		break;
	case MADV_RANDOM:
		f = (f & ~VM_SEQ_READ) | VM_RAND_READ;
		break;
	case MADV_DONTFORK:
		f |= VM_DONTCOPY;
		break;
	case MADV_DOFORK:
		if (f & VM_IO)
			return -EINVAL;
		f &= ~VM_DONTCOPY;
		break;
	case MADV_WIPEONFORK:
		if (vma->file || (f & VM_SHARED))
			return -EINVAL;
		f |= VM_WIPEONFORK;
		break;
	case MADV_KEEPONFORK:
		f &= ~VM_WIPEONFORK;
		break;
	case MADV_DONTDUMP:
		f |= VM_DONTDUMP;
		break;
	case MADV_DODUMP:
		if (f & VM_IO)
			return -EINVAL;
		f &= ~VM_DONTDUMP;
		break;
	}
	*flags = f;
	return 0;
}

/* *vma covers [start, end) afterwards, and may be a larger one. */
static int set_flags(struct vma **vma, uaddr_t start, uaddr_t end, int advice)
{
	u64 flags;
	int err = advised_flags(*vma, advice, &flags);

	if (err || flags == (*vma)->flags)
		return err;
	err = vma_cut_out(*vma, start, end, vma);
	if (err)
		return -EAGAIN;		/* Linux's word for it here */
	vma_change_begin(*vma);
	WRITE_ONCE((*vma)->flags, flags);
	vma_change_end(*vma);
	*vma = vma_merge(*vma);
	return 0;
}

/* --- advice that works on pages --- */

static int drop_pages(struct vma *vma, uaddr_t start, uaddr_t end, int advice)
{
	struct tlb_gather g;

	if (vma->flags & VM_IO || (advice != MADV_DONTNEED_LOCKED && (vma->flags & VM_LOCKED)))
		return -EINVAL;
	if (advice == MADV_FREE && (!vma_is_anon(vma) || (vma->flags & VM_SHARED)))
		return -EINVAL;
	tlb_gather_begin(&g, vma->mm);
	zap_range(&g, start, end, false);
	tlb_gather_end(&g);
	return 0;
}

static void make_cold(pte_t *ptep, struct tlb_gather *g, uaddr_t addr)
{
	struct page *page;

	if (!pte_maps_page(*ptep))
		return;
	page = pte_page(*ptep);
	pte_clear_atomic(ptep, PTE_A);
	tlb_gather_entry(g, addr);
	page_clear(page, PG_REFERENCED);
	page_clear(page, PG_HOT);
}

/* COLD and PAGEOUT: the pages look unused; reclaim takes them when it comes past. */
static int cool_pages(struct vma *vma, uaddr_t start, uaddr_t end)
{
	struct tlb_gather g;
	struct pte_range r;

	if (vma->flags & (VM_LOCKED | VM_IO))
		return -EINVAL;
	tlb_gather_begin(&g, vma->mm);
	while (pte_range_next(vma->mm, &start, end, &r)) {
		spin_lock(pte_lock(r.ptes));
		for (u64 i = 0; i < r.count; i++)
			make_cold(&r.ptes[i], &g, r.addr + (i << PAGE_SHIFT));
		spin_unlock(pte_lock(r.ptes));
	}
	tlb_gather_end(&g);
	return 0;
}

/* What has to let go of mm->lock keeps the file, and looks for the next VMA afterwards. */
static int advise_file(struct vma *vma, uaddr_t start, uaddr_t end, int advice)
{
	struct file *file = vma->file;
	struct mm *mm = vma->mm;
	loff_t from = (loff_t)(vma_page_index(vma, start) << PAGE_SHIFT), len = end - start;
	int err = 0;

	if (advice == MADV_REMOVE) {
		if (vma->flags & VM_LOCKED)
			return -EINVAL;
		if (!file || !vma->mapping)
			return -EINVAL;
		if ((vma->flags & (VM_SHARED | VM_WRITE)) != (VM_SHARED | VM_WRITE))
			return -EACCES;
	} else if (!vma->mapping) {
		return 0;
	}
	file_get(file);
	rwsem_read_unlock(&mm->lock);
	if (advice == MADV_REMOVE)
		err = vm_file_punch(file, from, len);
	else
		mapping_read_ahead(vm_file_mapping(file), (u64)from >> PAGE_SHIFT,
				   (u64)len >> PAGE_SHIFT);
	file_put(file);
	rwsem_read_lock(&mm->lock);
	return err;
}

static int advise_vma(struct vma **vma, uaddr_t start, uaddr_t end, int advice)
{
	switch (advice) {
	case MADV_DONTNEED:
	case MADV_DONTNEED_LOCKED:
	case MADV_FREE:
		return drop_pages(*vma, start, end, advice);
	case MADV_COLD:
	case MADV_PAGEOUT:
		return cool_pages(*vma, start, end);
	case MADV_WILLNEED:
	case MADV_REMOVE:
		return advise_file(*vma, start, end, advice);
	default:
		return set_flags(vma, start, end, advice);
	}
}

static bool changes_flags(int advice)
{
	switch (advice) {
	case MADV_DONTNEED:
	case MADV_DONTNEED_LOCKED:
	case MADV_FREE:
	case MADV_COLD:
	case MADV_PAGEOUT:
	case MADV_WILLNEED:
	case MADV_REMOVE:
		return false;
	default:
		return true;
	}
}

static int advise_range(struct mm *mm, uaddr_t start, uaddr_t end, int advice)
{
	struct vma *vma;
	bool holes = false;

	while (start < end) {
		uaddr_t stop;
		int err;

		vma = vma_find(mm, start);
		if (!vma || vma->start >= end)
			return -ENOMEM;
		holes |= vma->start > start;
		start = max(start, vma->start);
		stop = min(end, vma->end);
		err = advise_vma(&vma, start, stop, advice);
		if (err)
			return err;
		start = stop;
	}
	return holes ? -ENOMEM : 0;
}

/* --- POPULATE_READ, POPULATE_WRITE --- */

static int may_populate(struct mm *mm, uaddr_t addr, bool write)
{
	struct vma *vma;
	int err = 0;

	rwsem_read_lock(&mm->lock);
	vma = vma_find(mm, addr);
	if (!vma || vma->start > addr)
		err = -ENOMEM;
	else if ((vma->flags & VM_IO) || !(vma->flags & (write ? VM_WRITE : VM_READ | VM_WRITE)))
		err = -EINVAL;
	rwsem_read_unlock(&mm->lock);
	return err;
}

static bool is_present(struct mm *mm, uaddr_t addr, bool write)
{
	pte_t *ptep, e = { 0 };

	rcu_read_lock();
	ptep = pte_walk(mm, addr);
	if (ptep)
		e = pte_read(ptep);
	rcu_read_unlock();
	return pte_present(e) && (!write || pte_writable(e));
}

static int populate(struct mm *mm, uaddr_t start, uaddr_t end, bool write)
{
	for (uaddr_t at = start; at < end; at += PAGE_SIZE) {
		int err = may_populate(mm, at, write), code;

		if (err)
			return err;
		while (!is_present(mm, at, write)) {
			int sig = mm_fault_in(mm, at, write ? FAULT_WRITE : FAULT_READ, &code);

			if (sig)
				return sig == FAULT_SIGBUS ? -EFAULT : -ENOMEM;
			if (wait_signal_check(TASK_KILLABLE))
				return -EINTR;
		}
		cond_resched();
	}
	return 0;
}

/* --- the call --- */

static bool is_known(int advice)
{
	return (advice >= MADV_NORMAL && advice <= MADV_DONTNEED) ||
	       (advice >= MADV_FREE && advice <= MADV_DOFORK) ||
	       (advice >= MADV_DONTDUMP && advice <= MADV_DONTNEED_LOCKED);
}

static int advise_locked(struct mm *mm, uaddr_t start, uaddr_t end, int advice)
{
	int err;

	if (changes_flags(advice)) {
		err = rwsem_write_lock_killable(&mm->lock);
		if (err)
			return err;
		err = advise_range(mm, start, end, advice);
		mm_write_unlock(mm);
	} else {
		rwsem_read_lock(&mm->lock);
		err = advise_range(mm, start, end, advice);
		rwsem_read_unlock(&mm->lock);
	}
	return err;
}

long sys_madvise(uaddr_t start, size_t len, int advice)
{
	uaddr_t end = start + ALIGN_UP(len, PAGE_SIZE);

	if (!is_known(advice) || (start & ~PAGE_MASK))
		return -EINVAL;
	if ((len && !ALIGN_UP(len, PAGE_SIZE)) || end < start)
		return -EINVAL;
	if (start == end)
		return 0;
	if (advice == MADV_POPULATE_READ || advice == MADV_POPULATE_WRITE)
		return populate(current->mm, start, end, advice == MADV_POPULATE_WRITE);
	return advise_locked(current->mm, start, end, advice);
}
