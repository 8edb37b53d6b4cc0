/* SPDX-License-Identifier: MIT */
/* msync and mincore: what mapped memory has to do with its file. */
#include <kernel/mm/mm.h>
#include <kernel/mm/pagecache.h>
#include <kernel/mm/rmap.h>
#include <kernel/mm/vma.h>
#include <kernel/mm/vm_file.h>
#include <kernel/task/thread.h>
#include <kernel/uapi/syscall.h>
#include <arch/pgtable.h>
#include <arch/uaccess.h>

#define MS_ASYNC	1
#define MS_INVALIDATE	2
#define MS_SYNC		4

/* Sync the part of vma in [start, end). mm->lock is let go of and taken again. */
static int sync_vma(struct vma *vma, uaddr_t start, uaddr_t end)
{
	loff_t from = (loff_t)(vma_page_index(vma, start) << PAGE_SHIFT);
	struct file *file = file_get(vma->file);
	struct mm *mm = vma->mm;
	int err;

	rwsem_read_unlock(&mm->lock);
	err = vm_file_sync(file, from, from + (loff_t)(end - start) - 1);
	file_put(file);
	rwsem_read_lock(&mm->lock);
	return err;
}

/* MS_ASYNC does nothing, as in Linux: the pages are known to be dirty already. */
static int sync_range(struct mm *mm, uaddr_t start, uaddr_t end, int flags)
{
	bool holes = false;

	while (start < end) {
		struct vma *vma = vma_find(mm, start);
		uaddr_t stop;
		int err = 0;

		if (!vma || vma->start >= end)
			return -ENOMEM;
		holes |= vma->start > start;
		start = max(start, vma->start);
		stop = min(end, vma->end);
		if ((flags & MS_INVALIDATE) && (vma->flags & VM_LOCKED))
			return -EBUSY;
		if ((flags & MS_SYNC) && vma->file && (vma->flags & VM_SHARED))
			err = sync_vma(vma, start, stop);
		if (err)
			return err;
		start = stop;
	}
	return holes ? -ENOMEM : 0;
}

long sys_msync(uaddr_t start, size_t len, int flags)
{
	struct mm *mm = current->mm;
	uaddr_t end = start + ALIGN_UP(len, PAGE_SIZE);
	int err;

	if ((flags & ~(MS_ASYNC | MS_INVALIDATE | MS_SYNC)) || (start & ~PAGE_MASK))
		return -EINVAL;
	if ((flags & MS_ASYNC) && (flags & MS_SYNC))
		return -EINVAL;
	if (end < start)
		return -ENOMEM;
	if (end == start)
		return 0;
	rwsem_read_lock(&mm->lock);
	err = sync_range(mm, start, end, flags);
	rwsem_read_unlock(&mm->lock);
	return err;
}

/* --- mincore --- */

static bool is_cached(const struct vma *vma, uaddr_t addr)
{
	struct page *page;
	bool there;

	if (!vma->mapping)
		return false;
	if (!vm_file_may_tell_cached(vma->file))
		return true;
	page = pagecache_find(vma->mapping, vma_page_index(vma, addr));
	if (!page)
		return false;
	there = page_test(page, PG_UPTODATE);
	page_put(page);
	return there;
}

static bool in_core(struct vma *vma, uaddr_t addr)
{
	pte_t *ptep, e = { 0 };

	rcu_read_lock();
	ptep = pte_walk(vma->mm, addr);
	if (ptep)
		e = pte_read(ptep);
	rcu_read_unlock();
	return pte_present(e) || pte_protnone(e) || is_cached(vma, addr);
}

#define BATCH	256		/* answers between two copies to the user */

/* Answers for up to n pages from addr on, of one VMA; how many, or -ENOMEM. */
static long ask(struct mm *mm, uaddr_t addr, u64 n, u8 *answers)
{
	struct vma *vma;
	u64 i;

	rwsem_read_lock(&mm->lock);
	vma = vma_find(mm, addr);
	if (!vma || vma->start > addr) {
		rwsem_read_unlock(&mm->lock);
		return -ENOMEM;
	}
	n = min(n, (vma->end - addr) >> PAGE_SHIFT);
	for (i = 0; i < n; i++)
		answers[i] = in_core(vma, addr + (i << PAGE_SHIFT));
	rwsem_read_unlock(&mm->lock);
	return n;
}

long sys_mincore(uaddr_t start, size_t len, uaddr_t vec)
{
	u64 pages = len >> PAGE_SHIFT;
	u8 answers[BATCH];

	if (start & ~PAGE_MASK)
		return -EINVAL;
	if (!user_range_ok(start, len))
		return -ENOMEM;
	pages += (len & ~PAGE_MASK) != 0;
	if (!user_range_ok(vec, pages))
		return -EFAULT;
	while (pages) {
		long n = ask(current->mm, start, min_t(u64, pages, BATCH), answers);

		if (n < 0)
			return n;
		if (copy_to_user(vec, answers, n))
			return -EFAULT;
		pages -= n;
		start += (u64)n << PAGE_SHIFT;
		vec += n;
	}
	return 0;
}
