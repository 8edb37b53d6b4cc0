/* SPDX-License-Identifier: MIT */
/*
 * mmap, munmap, brk, and what exec builds an address space from.
 *
 * All change the VMA tree with mm->lock write-held: check everything, take what
 * may fail (VMAs, the file's consent, the promise of memory), then change. So a
 * MAP_FIXED that fails has unmapped nothing.
 *
 * What is unmapped turns the sequences of its VMAs odd first, so that faults back
 * off. A VMA that goes whole leaves the tree, then its entries go; one that is cut
 * keeps its bounds until the entries are gone, because reverse mapping finds them
 * by the bounds. Last go whole page tables that no neighbour uses.
 *
 * Not here: how much there may be (commit.c), changes of what is mapped
 * (mprotect.c, madvise.c, mlock.c), moves (mremap.c).
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

#define MMAP_MIN	0x1000ul		/* vm.mmap_min_addr */

#define CAP_SYS_RAWIO	17

#define MAP_TYPE	0x0f
#define MAP_KNOWN	(MAP_TYPE | MAP_FIXED | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_DENYWRITE | \
			 MAP_EXECUTABLE | MAP_LOCKED | MAP_NORESERVE | MAP_POPULATE | MAP_NONBLOCK | \
			 MAP_STACK | MAP_HUGETLB | MAP_FIXED_NOREPLACE)

/* --- unmapping --- */

/* Take [start, end) of vma away; it is cut, or goes whole. What may fail has been done. */
static void unmap_part(struct tlb_gather *g, struct vma *vma, uaddr_t start, uaddr_t end)
{
	bool whole = start == vma->start && end == vma->end;
	s64 pages = (end - start) >> PAGE_SHIFT;

	if (whole)
		vma_remove(vma);
	zap_range(g, start, end, false);
	mm_account(g->mm, -pages, vma->flags);
	if (vma->flags & VM_ACCOUNT)
		commit_uncharge(pages);
	if (whole) {
		vma_free(vma);
		return;
	}
	if (start == vma->start)
		vma_resize(vma, end, vma->end);
	else
		vma_resize(vma, vma->start, start);
	vma_change_end(vma);
}

int mm_unmap_locked(struct mm *mm, uaddr_t start, uaddr_t end)
{
	struct vma *vma = vma_find(mm, start), *next, *below;
	struct tlb_gather g;

	if (!vma || vma->start >= end)
		return 0;
	if (vma->start < start && vma->end > end && vma_split(vma, end, &next))
		return -ENOMEM;
	for (struct vma *v = vma; v && v->start < end; v = vma_next(v))
		vma_change_begin(v);
	below = vma->start < start ? vma : vma_prev(vma);
	tlb_gather_begin(&g, mm);
	for (; vma && vma->start < end; vma = next) {
		next = vma_next(vma);
		unmap_part(&g, vma, max(start, vma->start), min(end, vma->end));
	}
	vma = below ? vma_next(below) : vma_first(mm);
	pgtable_free_range(&g, start, end, below ? below->end : 0, vma ? vma->start : TASK_SIZE);
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
	mm_write_unlock(mm);
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
	return addr + len + (vma->flags & VM_GROWSDOWN ? STACK_GUARD_GAP : 0) <= vma->start;
}

uaddr_t vm_unmapped_area(struct mm *mm, size_t len, uaddr_t hint, struct file *file, u64 pgoff,
			 u32 flags)
{
	uaddr_t base = mm->mmap_base ? mm->mmap_base : TASK_SIZE;
	uaddr_t found;

	if (hint) {
		hint = max(ALIGN_UP(hint, PAGE_SIZE), MMAP_MIN);
		if (user_range_ok(hint, len) && range_is_free(mm, hint, len))
			return hint;
	}
	found = vma_gap_topdown(mm, len, MMAP_MIN, base);
	return found ? found : vma_gap_topdown(mm, len, MMAP_MIN, TASK_SIZE);
}

/* --- mapping --- */

struct region {
	struct mm *mm;
	struct file *file;
	uaddr_t addr;
	size_t len;
	u64 flags;			/* VM_* */
	u64 pgoff;
	bool shmem;			/* file was made for it: MAP_SHARED | MAP_ANONYMOUS */
};

/* The kind of mapping and the consent of its file: 0 and r->flags, or -errno. */
static int check_type(struct region *r, u32 prot, u32 flags)
{
	u32 type = flags & MAP_TYPE;

	if (r->file && !r->shmem && type == MAP_SHARED_VALIDATE && (flags & ~MAP_KNOWN))
		return -EOPNOTSUPP;
	if (type != MAP_SHARED && type != MAP_PRIVATE && (type != MAP_SHARED_VALIDATE || !r->file))
		return -EINVAL;
	if (type != MAP_PRIVATE)
		r->flags |= VM_SHARED | VM_MAYSHARE;
	if (r->file && !r->shmem) {
		int err = vm_file_check(r->file, prot, type != MAP_PRIVATE, &r->flags);

		if (err)
			return err;
	}
	if ((flags & MAP_GROWSDOWN) && (r->file || type != MAP_PRIVATE))
		return -EINVAL;
	return 0;
}

/* What the arguments make of a mapping: 0 and r->flags, or -errno. */
static int map_flags(struct region *r, u32 prot, u32 flags)
{
	r->flags = (prot & VM_ACCESS) | VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC | r->mm->def_flags;
	if (flags & MAP_GROWSDOWN)
		r->flags |= VM_GROWSDOWN;
	if (flags & MAP_LOCKED) {
		if (!may_lock_memory())
			return -EPERM;
		r->flags |= VM_LOCKED;
	}
	if ((r->flags & VM_LOCKED) && !mm_may_lock(r->mm, r->len >> PAGE_SHIFT))
		return -EAGAIN;
	if ((flags & MAP_NORESERVE) && READ_ONCE(vm_overcommit_mode) != OVERCOMMIT_NEVER)
		r->flags |= VM_NORESERVE;
	return check_type(r, prot, flags);
}

/* The VMA, in no tree, its file asked. */
static int region_create(const struct region *r, struct vma **out)
{
	u64 pgoff = r->file ? r->pgoff : r->addr >> PAGE_SHIFT;
	struct vma *vma = vma_alloc(r->mm, r->addr, r->addr + r->len, r->flags, pgoff);
	int err = 0;

	if (!vma)
		return -ENOMEM;
	if (r->file) {
		vma->file = file_get(r->file);
		vma->mapping = vm_file_mapping(r->file);
		err = vm_file_mmap(r->file, vma);
	}
	if (err) {
		file_put(vma->file);
		vma->file = NULL;
		vma->mapping = NULL;
		vma->ops = NULL;
		vma_free(vma);
		return err;
	}
	if (vma->file)
		i_mmap_insert(vma);
	*out = vma;
	return 0;
}

/* Commit: the range is free. */
static void region_link(struct vma *vma)
{
	vma_insert(vma);
	mm_account(vma->mm, vma_pages(vma), vma->flags);
	vma_merge(vma);
}

/* Make the mapping; what is there goes once nothing can fail. mm->lock write-held. */
static int region_map(struct region *r, bool replace)
{
	u64 charged = vm_needs_commit(r->flags) ? r->len >> PAGE_SHIFT : 0;
	struct vma *vma;
	int err;

	if (charged) {
		if (commit_charge(charged))
			return -ENOMEM;
		r->flags |= VM_ACCOUNT;
	}
	if (!r->file && !replace && vma_expand_anon(r->mm, r->addr, r->addr + r->len, r->flags)) {
		mm_account(r->mm, r->len >> PAGE_SHIFT, r->flags);
		return 0;
	}
	err = region_create(r, &vma);
	if (!err && replace) {
		err = mm_unmap_locked(r->mm, r->addr, r->addr + r->len);
		if (err)
			vma_free(vma);
	}
	if (err) {
		if (charged)
			commit_uncharge(charged);
		return err;
	}
	region_link(vma);
	return 0;
}

/* Where it goes: 0 and r->addr, or -errno. What lies under a MAP_FIXED is still there. */
static int choose_address(struct region *r, u32 flags)
{
	if (!(flags & (MAP_FIXED | MAP_FIXED_NOREPLACE))) {
		r->addr = vm_unmapped_area(r->mm, r->len, r->addr, r->file, r->pgoff, flags);
		return r->addr ? 0 : -ENOMEM;
	}
	if (!user_range_ok(r->addr, r->len))
		return -ENOMEM;
	if (r->addr & ~PAGE_MASK)
		return -EINVAL;
	if (r->addr < MMAP_MIN && !capable(CAP_SYS_RAWIO))
		return -EPERM;
	if (flags & MAP_FIXED_NOREPLACE) {
		struct vma *vma = vma_find(r->mm, r->addr);

		if (vma && vma->start < r->addr + r->len)
			return -EEXIST;
	}
	return 0;
}

static u64 pages_mapped(struct mm *mm, uaddr_t start, uaddr_t end)
{
	u64 pages = 0;

	for (struct vma *vma = vma_find(mm, start); vma && vma->start < end; vma = vma_next(vma))
		pages += (min(end, vma->end) - max(start, vma->start)) >> PAGE_SHIFT;
	return pages;
}

static int map_locked(struct region *r, u32 prot, u32 flags)
{
	bool replace = (flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) == MAP_FIXED;
	u64 pages = r->len >> PAGE_SHIFT;
	int err;

	if (r->mm->nr_vmas > vm_max_map_count)
		return -ENOMEM;
	err = choose_address(r, flags);
	if (!err)
		err = map_flags(r, prot, flags);
	if (err)
		return err;
	if (replace)
		pages -= pages_mapped(r->mm, r->addr, r->addr + r->len);
	err = mm_may_grow(r->mm, pages, r->flags);
	return err ? err : region_map(r, replace);
}

static bool populates(u64 vm_flags, u32 flags)
{
	return (vm_flags & (VM_LOCKED | VM_LOCKONFAULT)) == VM_LOCKED ||
	       (flags & (MAP_POPULATE | MAP_NONBLOCK)) == MAP_POPULATE;
}

static long map_region(struct region *r, u32 prot, u32 flags)
{
	long err = rwsem_write_lock_killable(&r->mm->lock);

	if (err)
		return err;
	err = map_locked(r, prot, flags);
	mm_write_unlock(r->mm);
	if (err)
		return err;
	if (populates(r->flags, flags))
		(void)mm_populate(r->mm, r->addr, r->addr + r->len);
	return r->addr;
}

long vm_mmap(struct file *file, uaddr_t addr, size_t len, u32 prot, u32 flags, u64 offset)
{
	struct region r = { .mm = current->mm, .file = file, .addr = addr, .pgoff = offset >> PAGE_SHIFT };
	int err;
	long ret;

	if (!len || (offset & ~PAGE_MASK))
		return -EINVAL;
	if (len > TASK_SIZE)
		return -ENOMEM;
	r.len = ALIGN_UP(len, PAGE_SIZE);
	if (file && offset + r.len > S64_MAX)
		return -EOVERFLOW;
	if (file || (flags & MAP_TYPE) != MAP_SHARED || (flags & MAP_GROWSDOWN))
		return map_region(&r, prot, flags);
	r.shmem = true;
	r.pgoff = 0;
	r.file = shmem_file_create("dev/zero", r.len, flags & MAP_NORESERVE ? VM_NORESERVE : 0,
				   &err);
	if (!r.file)
		return err;
	ret = map_region(&r, prot, flags);
	file_put(r.file);
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
	if (flags & MAP_HUGETLB) {
		if (file)
			file_put(file);
		return -EINVAL;
	}
	ret = vm_mmap(file, addr, len, prot, flags, offset);
	if (file)
		file_put(file);
	return ret;
}

/*
 * One page present. A private page is made ready to
 * be written; 0, -EFAULT, -ENOMEM: nothing is mapped.
 */
static int populate_page(struct mm *mm, uaddr_t at, uaddr_t *end_of_vma)
{
	u32 access = FAULT_READ;
	struct vma *vma;
	int code, sig;
	bool special;

	rwsem_read_lock(&mm->lock);
	vma = vma_find(mm, at);
	if (!vma || vma->start > at) {
		*end_of_vma = vma ? vma->start : TASK_SIZE;
		rwsem_read_unlock(&mm->lock);
		return -ENOMEM;
	}
	*end_of_vma = vma->end;
	if ((vma->flags & (VM_WRITE | VM_SHARED)) == VM_WRITE)
		access = FAULT_WRITE;
	else if ((vma->flags & VM_ACCESS) == VM_EXEC)
		access = FAULT_EXEC;
	special = vma->flags & VM_IO;
	rwsem_read_unlock(&mm->lock);
	if (special)
		return 0;
	sig = mm_fault_in(mm, at, access, &code);
	return !sig ? 0 : sig == FAULT_SIGKILL ? -ENOMEM : -EFAULT;
}

int mm_populate(struct mm *mm, uaddr_t start, uaddr_t end)
{
	uaddr_t skip;

	for (; start < end; start += PAGE_SIZE) {
		int err = populate_page(mm, start, &skip);

		if (!err && wait_signal_check(TASK_KILLABLE))
			err = -EINTR;
		if (err)
			return err;
		cond_resched();
	}
	return 0;
}

void mm_populate_all(struct mm *mm)
{
	uaddr_t at = 0, skip = 0;

	while (at < TASK_SIZE && !wait_signal_check(TASK_KILLABLE)) {
		at = populate_page(mm, at, &skip) ? max(skip, at + PAGE_SIZE) : at + PAGE_SIZE;
		cond_resched();
	}
}

/* --- heap and stack --- */

#define HEAP_FLAGS	(VM_READ | VM_WRITE | VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC)

int vm_brk(uaddr_t addr, size_t len, u64 vm_flags)
{
	struct mm *mm = current->mm;
	struct region r = { .mm = mm, .addr = ALIGN_DOWN(addr, PAGE_SIZE), .flags = HEAP_FLAGS | vm_flags };
	int err;

	r.len = ALIGN_UP(addr + len, PAGE_SIZE) - r.addr;
	if (!r.len)
		return 0;
	if (!user_range_ok(r.addr, r.len))
		return -ENOMEM;
	err = rwsem_write_lock_killable(&mm->lock);
	if (err)
		return err;
	err = mm_may_grow(mm, r.len >> PAGE_SHIFT, r.flags);
	if (!err)
		err = region_map(&r, true);
	mm_write_unlock(mm);
	return err;
}

static int grow_heap(struct mm *mm, uaddr_t from, uaddr_t to)
{
	struct region r = { .mm = mm, .addr = from, .len = to - from, .flags = HEAP_FLAGS | mm->def_flags };
	u64 pages = r.len >> PAGE_SHIFT;

	if (!range_is_free(mm, from, r.len + PAGE_SIZE) || mm->nr_vmas > vm_max_map_count)
		return -ENOMEM;
	if ((r.flags & VM_LOCKED) && !mm_may_lock(mm, pages))
		return -EAGAIN;
	return mm_may_grow(mm, pages, r.flags) ? -ENOMEM : region_map(&r, false);
}

/* The new end of the heap if that is possible, else the old one. mm->lock write-held. */
static uaddr_t brk_locked(struct mm *mm, uaddr_t brk)
{
	uaddr_t old = ALIGN_UP(mm->brk, PAGE_SIZE), new = ALIGN_UP(brk, PAGE_SIZE);
	u64 limit = rlimit_current(RLIMIT_DATA);

	if (brk < mm->start_brk || brk > TASK_SIZE)
		return mm->brk;
	if (limit != RLIM_INFINITY && brk - mm->start_brk + (mm->end_data - mm->start_data) > limit)
		return mm->brk;
	if (new < old && mm_unmap_locked(mm, new, old))
		return mm->brk;
	if (new > old && grow_heap(mm, old, new))
		return mm->brk;
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
	locked = (mm->def_flags & (VM_LOCKED | VM_LOCKONFAULT)) == VM_LOCKED;
	mm_write_unlock(mm);
	if (locked && now > old)
		(void)mm_populate(mm, ALIGN_UP(old, PAGE_SIZE), ALIGN_UP(now, PAGE_SIZE));
	return now;
}

int vm_create_stack(struct mm *mm, uaddr_t top, u64 vm_flags, struct vma **out)
{
	const u64 flags = HEAP_FLAGS | VM_GROWSDOWN | VM_STACK | VM_ACCOUNT | vm_flags;
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
	mm_write_unlock(mm);
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
	if (below &&
	    (below->end > start || ((below->flags & VM_ACCESS) && !(below->flags & VM_GROWSDOWN) &&
				    start - below->end < STACK_GUARD_GAP)))
		return -ENOMEM;
	if (mm_may_grow(mm, pages, vma->flags) ||
	    ((vma->flags & VM_LOCKED) && !mm_may_lock(mm, pages)))
		return -ENOMEM;
	if ((vma->flags & VM_ACCOUNT) && commit_charge(pages))
		return -ENOMEM;
	vma_change_begin(vma);
	vma_resize(vma, start, vma->end);
	vma_change_end(vma);
	mm_account(mm, pages, vma->flags);
	return 0;
}

int vm_install_special(struct mm *mm, uaddr_t addr, size_t len, u64 vm_flags,
		       const struct vm_ops *ops, void *private)
{
	struct vma *vma = vma_alloc(mm, addr, addr + ALIGN_UP(len, PAGE_SIZE), vm_flags, 0);

	if (!vma)
		return -ENOMEM;
	vma->ops = ops;
	vma->private = private;
	rwsem_write_lock(&mm->lock);
	vma_insert(vma);
	mm_account(mm, vma_pages(vma), vm_flags);
	mm_write_unlock(mm);
	return 0;
}
