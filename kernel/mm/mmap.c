/* SPDX-License-Identifier: MIT */
/*
 * mmap, munmap, brk, and what exec builds an address space from.
 *
 * All change the VMA tree with mm->lock write-held: check everything, take what
 * may fail (VMAs for splits, the file's consent), then change. A range that is
 * unmapped loses its VMAs first (their sequences turn odd, so that faults back
 * off), then its entries, then whole page tables that no neighbour uses.
 *
 * Commit accounting. Private writable memory is a promise of pages. The default
 * refuses only what could never be kept: more than all of RAM in one call.
 *
 * Placement. New mappings go top-down below mmap_base, which exec places at random
 * below the stack. A hint is taken if it is free.
 */
#include <kernel/mm/mm.h>
#include <kernel/mm/rmap.h>
#include <kernel/mm/zap.h>
#include <kernel/mm/fault.h>
#include <kernel/mm/counts.h>
#include <kernel/mm/pagecache.h>
#include <kernel/mm/vm_file.h>
#include <kernel/task/thread.h>
#include <arch/pgtable.h>

#define STACK_GUARD_GAP	(256 * PAGE_SIZE)	/* as Linux: below a stack that grows */
#define MAX_VMAS	65530			/* vm.max_map_count's default */
#define MMAP_MIN	0x10000ul		/* vm.mmap_min_addr's default */

#define MAP_TYPE	0x0f
#define MAP_KNOWN	(MAP_TYPE | MAP_FIXED | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_DENYWRITE | \
			 MAP_EXECUTABLE | MAP_LOCKED | MAP_NORESERVE | MAP_POPULATE | MAP_NONBLOCK | \
			 MAP_STACK | MAP_HUGETLB | MAP_FIXED_NOREPLACE)

int commit_charge(u64 pages)
{
	if (pages > ram_pages)
		return -ENOMEM;
	mem_count_add(MEM_COMMITTED, pages);
	return 0;
}

void commit_uncharge(u64 pages)
{
	mem_count_add(MEM_COMMITTED, -(s64)pages);
}

/* Private and writable: what RLIMIT_DATA counts, but for stacks. */
static bool is_data(u64 flags)
{
	return (flags & (VM_WRITE | VM_SHARED | VM_STACK)) == VM_WRITE;
}

void mm_account(struct mm *mm, s64 pages, u64 flags)
{
	mm->total_pages += pages;
	if (flags & VM_STACK)
		mm->stack_pages += pages;
	else if (is_data(flags))
		mm->data_pages += pages;
	else if (flags & VM_EXEC)
		mm->exec_pages += pages;
	if (flags & VM_LOCKED)
		mm->locked_pages += pages;
	mm->peak_total = max(mm->peak_total, mm->total_pages);
}

int mm_may_grow(const struct mm *mm, u64 pages, u64 flags)
{
	u64 limit = rlimit_current(RLIMIT_AS);

	if (limit != RLIM_INFINITY && mm->total_pages + pages > limit >> PAGE_SHIFT)
		return -ENOMEM;
	limit = rlimit_current(RLIMIT_DATA);
	if (is_data(flags) && limit != RLIM_INFINITY && mm->data_pages + pages > limit >> PAGE_SHIFT)
		return -ENOMEM;
	return 0;
}

/* --- unmapping --- */

int mm_unmap_locked(struct mm *mm, uaddr_t start, uaddr_t end)
{
	struct vma *vma, *next, *below, *above;
	struct tlb_gather g;
	int err = vma_isolate(mm, start, end, &vma);

	if (err || !vma)
		return err;
	for (struct vma *v = vma; v && v->start < end; v = vma_next(v))
		vma_change_begin(v);
	below = vma_prev(vma);
	tlb_gather_begin(&g, mm);
	for (; vma && vma->start < end; vma = next) {
		next = vma_next(vma);
		vma_remove(vma);
		zap_range(&g, vma->start, vma->end, false);
		mm_account(mm, -(s64)vma_pages(vma), vma->flags);
		if (vma->flags & VM_ACCOUNT)
			commit_uncharge(vma_pages(vma));
		vma_free(vma);
	}
	above = vma;
	pgtable_free_range(&g, below ? below->end : 0, above ? above->start : TASK_SIZE);
	tlb_gather_end(&g);
	return 0;
}

int vm_munmap(uaddr_t addr, size_t len)
{
	struct mm *mm = current->mm;
	int err;

	if ((addr & ~PAGE_MASK) || !len || !user_range_ok(addr, len))
		return -EINVAL;
	err = rwsem_write_lock_killable(&mm->lock);
	if (err)
		return err;
	err = mm_unmap_locked(mm, addr, addr + ALIGN_UP(len, PAGE_SIZE));
	rwsem_write_unlock(&mm->lock);
	return err;
}

long sys_munmap(uaddr_t addr, size_t len)
{
	return vm_munmap(addr, len);
}

/* --- placement --- */

static bool range_is_free(struct mm *mm, uaddr_t addr, size_t len)
{
	struct vma *vma = vma_find(mm, addr);

	if (!vma)
		return true;
	if (vma->flags & VM_GROWSDOWN)
		return addr + len + STACK_GUARD_GAP <= vma->start;
	return addr + len <= vma->start;
}

uaddr_t vm_unmapped_area(struct mm *mm, size_t len, uaddr_t hint, struct file *file, u64 pgoff, u32 flags)
{
	uaddr_t base = mm->mmap_base ? mm->mmap_base : TASK_SIZE;
	uaddr_t found;

	if (hint) {
		hint = ALIGN_UP(hint, PAGE_SIZE);
		if (hint >= MMAP_MIN && user_range_ok(hint, len) && range_is_free(mm, hint, len))
			return hint;
	}
	found = vma_gap_topdown(mm, len, MMAP_MIN, base);
	return found ? found : vma_gap_topdown(mm, len, MMAP_MIN, TASK_SIZE);
}

/* --- mapping --- */

static u64 prot_to_flags(u32 prot)
{
	return prot & (PROT_READ | PROT_WRITE | PROT_EXEC);
}

/* What the arguments make of a mapping: 0 and *flags, or -errno. */
static int map_flags(const struct file *file, u32 prot, u32 flags, u64 def_flags, u64 *out)
{
	u64 vm = prot_to_flags(prot) | VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC | def_flags;
	u32 type = flags & MAP_TYPE;

	if (type != MAP_SHARED && type != MAP_PRIVATE && type != MAP_SHARED_VALIDATE)
		return -EINVAL;
	if (type == MAP_SHARED_VALIDATE && (flags & ~MAP_KNOWN))
		return -EOPNOTSUPP;
	if (flags & MAP_HUGETLB)
		return -EINVAL;
	/* Limit: shared anonymous memory needs a mapping of its own, which is not there. */
	if (!file && type != MAP_PRIVATE)
		return -ENODEV;
	if (type != MAP_PRIVATE)
		vm |= VM_SHARED | VM_MAYSHARE;
	if (flags & MAP_GROWSDOWN) {
		if (file || type != MAP_PRIVATE)
			return -EINVAL;
		vm |= VM_GROWSDOWN | VM_STACK;
	}
	if (flags & MAP_LOCKED)
		vm |= VM_LOCKED;
	if (flags & MAP_NORESERVE)
		vm |= VM_NORESERVE;
	*out = vm;
	return file ? vm_file_check(file, prot, type != MAP_PRIVATE, out) : 0;
}

static bool needs_commit(u64 flags)
{
	return (flags & (VM_WRITE | VM_SHARED | VM_NORESERVE)) == VM_WRITE;
}

static int check_locked(const struct mm *mm, u64 pages, u64 flags)
{
	u64 limit = rlimit_current(RLIMIT_MEMLOCK);

	if (!(flags & VM_LOCKED) || limit == RLIM_INFINITY)
		return 0;
	return mm->locked_pages + pages > limit >> PAGE_SHIFT ? -EAGAIN : 0;
}

/* The range is free: make the VMA. mm->lock write-held. */
static int map_region(struct mm *mm, struct file *file, uaddr_t addr, size_t len, u64 flags, u64 pgoff)
{
	struct vma *vma;
	int err;

	if (needs_commit(flags)) {
		if (commit_charge(len >> PAGE_SHIFT))
			return -ENOMEM;
		flags |= VM_ACCOUNT;
	}
	err = -ENOMEM;
	vma = vma_alloc(mm, addr, addr + len, flags, file ? pgoff : addr >> PAGE_SHIFT);
	if (!vma)
		goto uncharge;
	if (file) {
		vma->file = file_get(file);
		vma->mapping = vm_file_mapping(file);
		err = vm_file_mmap(file, vma);
		if (err)
			goto free_vma;
		i_mmap_insert(vma);
	}
	vma_insert(vma);
	mm_account(mm, len >> PAGE_SHIFT, flags);
	vma_merge(vma);
	return 0;

free_vma:
	file_put(vma->file);
	vma->file = NULL;
	vma->ops = NULL;
	vma_free(vma);
uncharge:
	if (flags & VM_ACCOUNT)
		commit_uncharge(len >> PAGE_SHIFT);
	return err;
}

/* Where it goes: an address, or -errno. What lies under a MAP_FIXED is still there. */
static long choose_address(struct mm *mm, uaddr_t addr, size_t len, struct file *file, u64 pgoff, u32 flags)
{
	if (!(flags & (MAP_FIXED | MAP_FIXED_NOREPLACE))) {
		addr = vm_unmapped_area(mm, len, addr, file, pgoff, flags);
		return addr ? (long)addr : -ENOMEM;
	}
	if (addr & ~PAGE_MASK)
		return -EINVAL;
	if (!user_range_ok(addr, len))
		return -ENOMEM;
	if (addr < MMAP_MIN)
		return -EPERM;
	if (flags & MAP_FIXED_NOREPLACE) {
		struct vma *vma = vma_find(mm, addr);

		if (vma && vma->start < addr + len)
			return -EEXIST;
	}
	return addr;
}

static long map_locked(struct mm *mm, struct file *file, uaddr_t hint, size_t len, u32 prot, u32 flags,
		       u64 pgoff, u64 *vm_flags)
{
	long addr;
	int err;

	if (mm->nr_vmas > MAX_VMAS)
		return -ENOMEM;
	addr = choose_address(mm, hint, len, file, pgoff, flags);
	if (addr < 0)
		return addr;
	err = map_flags(file, prot, flags, mm->def_flags, vm_flags);
	if (!err)
		err = check_locked(mm, len >> PAGE_SHIFT, *vm_flags);
	if (!err)
		err = mm_may_grow(mm, len >> PAGE_SHIFT, *vm_flags);
	if (!err && (flags & MAP_FIXED))
		err = mm_unmap_locked(mm, addr, addr + len);
	if (!err)
		err = map_region(mm, file, addr, len, *vm_flags, pgoff);
	return err ? err : addr;
}

long vm_mmap(struct file *file, uaddr_t addr, size_t len, u32 prot, u32 flags, u64 offset)
{
	struct mm *mm = current->mm;
	u64 vm_flags = 0;
	long ret;

	if (!len || (offset & ~PAGE_MASK))
		return -EINVAL;
	if (len > TASK_SIZE)
		return -ENOMEM;
	len = ALIGN_UP(len, PAGE_SIZE);
	if ((offset >> PAGE_SHIFT) + (len >> PAGE_SHIFT) < offset >> PAGE_SHIFT)
		return -EOVERFLOW;
	ret = rwsem_write_lock_killable(&mm->lock);
	if (ret)
		return ret;
	ret = map_locked(mm, file, addr, len, prot, flags, offset >> PAGE_SHIFT, &vm_flags);
	rwsem_write_unlock(&mm->lock);
	if (ret > 0 && ((vm_flags & VM_LOCKED) || (flags & (MAP_POPULATE | MAP_NONBLOCK)) == MAP_POPULATE))
		mm_populate(mm, ret, ret + len);
	return ret;
}

long sys_mmap(uaddr_t addr, size_t len, u64 prot, u64 flags, int fd, u64 offset)
{
	struct file *file = NULL;
	long ret;

	if (offset & ~PAGE_MASK)
		return -EINVAL;
	if (!(flags & MAP_ANONYMOUS)) {
		file = fd_lookup(fd);
		if (!file)
			return -EBADF;
	}
	ret = vm_mmap(file, addr, len, prot, flags, offset);
	if (file)
		file_put(file);
	return ret;
}

void mm_populate(struct mm *mm, uaddr_t start, uaddr_t end)
{
	for (uaddr_t at = start; at < end; at += PAGE_SIZE) {
		u32 access = FAULT_READ;
		struct vma *vma;
		int code;

		rcu_read_lock();
		vma = vma_find_rcu(mm, at);
		if (vma && (vma->flags & (VM_WRITE | VM_SHARED)) == VM_WRITE)
			access = FAULT_WRITE;
		rcu_read_unlock();
		if (!vma || mm_fault_in(mm, at, access, &code))
			return;
	}
}

/* --- heap and stack --- */

int vm_brk(uaddr_t addr, size_t len, u64 vm_flags)
{
	struct mm *mm = current->mm;
	u64 flags = VM_READ | VM_WRITE | VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC | vm_flags;
	uaddr_t start = ALIGN_DOWN(addr, PAGE_SIZE), end = ALIGN_UP(addr + len, PAGE_SIZE);
	int err;

	if (start == end)
		return 0;
	if (!user_range_ok(start, end - start))
		return -ENOMEM;
	err = rwsem_write_lock_killable(&mm->lock);
	if (err)
		return err;
	err = mm_may_grow(mm, (end - start) >> PAGE_SHIFT, flags);
	if (!err)
		err = mm_unmap_locked(mm, start, end);
	if (!err)
		err = map_region(mm, NULL, start, end - start, flags, 0);
	rwsem_write_unlock(&mm->lock);
	return err;
}

/* The new end of the heap if that is possible, else the old one. mm->lock write-held. */
static uaddr_t brk_locked(struct mm *mm, uaddr_t brk)
{
	const u64 flags = VM_READ | VM_WRITE | VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC | mm->def_flags;
	uaddr_t old = ALIGN_UP(mm->brk, PAGE_SIZE), new = ALIGN_UP(brk, PAGE_SIZE);
	u64 limit = rlimit_current(RLIMIT_DATA);

	if (brk < mm->start_brk || brk > TASK_SIZE)
		return mm->brk;
	if (limit != RLIM_INFINITY && brk - mm->start_brk + (mm->end_data - mm->start_data) > limit)
		return mm->brk;
	if (new < old && mm_unmap_locked(mm, new, old))
		return mm->brk;
	if (new > old) {
		if (!range_is_free(mm, old, new - old + PAGE_SIZE) ||
		    check_locked(mm, (new - old) >> PAGE_SHIFT, flags) ||
		    mm_may_grow(mm, (new - old) >> PAGE_SHIFT, flags) ||
		    map_region(mm, NULL, old, new - old, flags, 0))
			return mm->brk;
	}
	mm->brk = brk;
	return brk;
}

long sys_brk(uaddr_t brk)
{
	struct mm *mm = current->mm;
	uaddr_t old, now;
	bool locked;

	if (rwsem_write_lock_killable(&mm->lock))
		return -EINTR;
	old = mm->brk;
	now = brk_locked(mm, brk);
	locked = mm->def_flags & VM_LOCKED;
	rwsem_write_unlock(&mm->lock);
	if (locked && now > old)
		mm_populate(mm, ALIGN_UP(old, PAGE_SIZE), ALIGN_UP(now, PAGE_SIZE));
	return now;
}

int vm_create_stack(struct mm *mm, uaddr_t top, u64 vm_flags, struct vma **out)
{
	const u64 flags = VM_READ | VM_WRITE | VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC | VM_GROWSDOWN |
			  VM_STACK | VM_ACCOUNT | vm_flags;
	struct vma *vma;

	if (commit_charge(1))
		return -ENOMEM;
	vma = vma_alloc(mm, top - PAGE_SIZE, top, flags, (top >> PAGE_SHIFT) - 1);
	if (!vma) {
		commit_uncharge(1);
		return -ENOMEM;
	}
	rwsem_write_lock(&mm->lock);
	vma_insert(vma);
	mm_account(mm, 1, flags);
	rwsem_write_unlock(&mm->lock);
	*out = vma;
	return 0;
}

int vma_grow_down(struct vma *vma, uaddr_t addr)
{
	struct mm *mm = vma->mm;
	uaddr_t start = ALIGN_DOWN(addr, PAGE_SIZE);
	u64 pages = (vma->start - start) >> PAGE_SHIFT, limit = rlimit_current(RLIMIT_STACK);
	struct vma *below = vma_prev(vma);

	assert_rwsem_write_held(&mm->lock);
	if (!(vma->flags & VM_GROWSDOWN) || start < MMAP_MIN)
		return -ENOMEM;
	if (limit != RLIM_INFINITY && vma->end - start > limit)
		return -ENOMEM;
	if (below && (below->flags & (VM_READ | VM_WRITE | VM_EXEC)) && below->end + STACK_GUARD_GAP > start)
		return -ENOMEM;
	if (mm_may_grow(mm, pages, vma->flags) || check_locked(mm, pages, vma->flags))
		return -ENOMEM;
	if ((vma->flags & VM_ACCOUNT) && commit_charge(pages))
		return -ENOMEM;
	vma_change_begin(vma);
	vma_resize(vma, start, vma->end);
	vma_change_end(vma);
	mm_account(mm, pages, vma->flags);
	return 0;
}

int vm_install_special(struct mm *mm, uaddr_t addr, size_t len, u64 vm_flags, const struct vm_ops *ops, void *private)
{
	struct vma *vma = vma_alloc(mm, addr, addr + ALIGN_UP(len, PAGE_SIZE), vm_flags, 0);

	if (!vma)
		return -ENOMEM;
	vma->ops = ops;
	vma->private = private;
	rwsem_write_lock(&mm->lock);
	vma_insert(vma);
	mm_account(mm, vma_pages(vma), vm_flags);
	rwsem_write_unlock(&mm->lock);
	return 0;
}
