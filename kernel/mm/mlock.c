/* SPDX-License-Identifier: MIT */
/*
 * Locked memory: mlock, mlock2, munlock, mlockall, munlockall.
 *
 * VM_LOCKED is a flag of the VMA and nothing else: reclaim, which finds a page's
 * VMAs anyway before it takes the page out of them, leaves alone what one of them
 * locks. To lock is to set the flag, then to fault the pages in (unless ONFAULT).
 */
#include <kernel/mm/mm.h>
#include <kernel/mm/vma.h>
#include <kernel/mm/vm_file.h>
#include <kernel/task/thread.h>
#include <kernel/uapi/syscall.h>
#include <arch/layout.h>

#define MLOCK_ONFAULT	1
#define MCL_CURRENT	1
#define MCL_FUTURE	2
#define MCL_ONFAULT	4

#define LOCK_FLAGS	(VM_LOCKED | VM_LOCKONFAULT)
#define CAP_IPC_LOCK	14

/* Give the part of *vma in [start, end) these lock flags; *vma covers it afterwards. */
static int lock_vma(struct vma **vma, uaddr_t start, uaddr_t end, u64 lock)
{
	u64 old = (*vma)->flags, flags = (old & ~LOCK_FLAGS) | lock;
	struct mm *mm = (*vma)->mm;
	s64 pages;
	int err;

	/* Special mappings are always there. */
	if (flags == old || (old & (VM_IO | VM_DONTEXPAND)))
		return 0;
	err = vma_cut_out(*vma, max(start, (*vma)->start), min(end, (*vma)->end), vma);
	if (err)
		return err;
	pages = vma_pages(*vma);
	vma_change_begin(*vma);
	WRITE_ONCE((*vma)->flags, flags);
	vma_change_end(*vma);
	mm->locked_pages += (flags & VM_LOCKED ? pages : 0) - (old & VM_LOCKED ? pages : 0);
	*vma = vma_merge(*vma);
	return 0;
}

/* 0; -ENOMEM at a hole, with what lies before it changed. mm->lock write-held. */
static int lock_range(struct mm *mm, uaddr_t start, uaddr_t end, u64 lock)
{
	while (start < end) {
		struct vma *vma = vma_find(mm, start);
		int err;

		if (!vma || vma->start > start)
			return -ENOMEM;
		err = lock_vma(&vma, start, end, lock);
		if (err)
			return err;
		start = vma->end;
	}
	return 0;
}

static u64 locked_in(struct mm *mm, uaddr_t start, uaddr_t end)
{
	u64 pages = 0;

	for (struct vma *vma = vma_find(mm, start); vma && vma->start < end; vma = vma_next(vma))
		if (vma->flags & VM_LOCKED)
			pages += (min(end, vma->end) - max(start, vma->start)) >> PAGE_SHIFT;
	return pages;
}

static int change_lock(uaddr_t start, size_t len, u64 lock)
{
	struct mm *mm = current->mm;
	uaddr_t end;
	u64 pages;
	int err;

	len = ALIGN_UP(len + (start & ~PAGE_MASK), PAGE_SIZE);
	start &= PAGE_MASK;
	end = start + len;
	pages = len >> PAGE_SHIFT;
	err = rwsem_write_lock_killable(&mm->lock);
	if (err)
		return err;
	if (lock && !mm_may_lock(mm, pages) && !mm_may_lock(mm, pages - locked_in(mm, start, end)))
		err = -ENOMEM;
	else if (end < start)
		err = -EINVAL;
	else
		err = lock_range(mm, start, end, lock);
	mm_write_unlock(mm);
	if (err || lock != VM_LOCKED)
		return err;
	err = mm_populate(mm, start, end);
	return err == -EFAULT ? -ENOMEM : err == -ENOMEM ? -EAGAIN : err;
}

long sys_mlock(uaddr_t start, size_t len)
{
	return may_lock_memory() ? change_lock(start, len, VM_LOCKED) : -EPERM;
}

long sys_mlock2(uaddr_t start, size_t len, int flags)
{
	if (flags & ~MLOCK_ONFAULT)
		return -EINVAL;
	if (!may_lock_memory())
		return -EPERM;
	return change_lock(start, len, flags ? LOCK_FLAGS : VM_LOCKED);
}

long sys_munlock(uaddr_t start, size_t len)
{
	return change_lock(start, len, 0);
}

static void lock_all(struct mm *mm, u64 lock)
{
	for (struct vma *vma = vma_first(mm); vma; vma = vma_next(vma))
		(void)!lock_vma(&vma, vma->start, vma->end, lock);
}

long sys_mlockall(int flags)
{
	struct mm *mm = current->mm;
	u64 lock = VM_LOCKED | (flags & MCL_ONFAULT ? VM_LOCKONFAULT : 0),
	    limit = rlimit_current(RLIMIT_MEMLOCK);
	int err;

	if (!flags || (flags & ~(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT)) || flags == MCL_ONFAULT)
		return -EINVAL;
	if (!may_lock_memory())
		return -EPERM;
	err = rwsem_write_lock_killable(&mm->lock);
	if (err)
		return err;
	if ((flags & MCL_CURRENT) && mm->total_pages > limit >> PAGE_SHIFT &&
	    !capable(CAP_IPC_LOCK)) {
		mm_write_unlock(mm);
		return -ENOMEM;
	}
	mm->def_flags = flags & MCL_FUTURE ? lock : 0;
	if (flags & MCL_CURRENT)
		lock_all(mm, lock);
	mm_write_unlock(mm);
	if ((flags & (MCL_CURRENT | MCL_ONFAULT)) == MCL_CURRENT)
		mm_populate_all(mm);
	return 0;
}

long sys_munlockall(void)
{
	struct mm *mm = current->mm;
	int err = rwsem_write_lock_killable(&mm->lock);

	if (err)
		return err;
	mm->def_flags = 0;
	lock_all(mm, 0);
	mm_write_unlock(mm);
	return 0;
}
