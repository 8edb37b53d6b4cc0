/* SPDX-License-Identifier: MIT */
/*
 * How much an address space may have: commit accounting and resource limits.
 *
 * Private writable memory is a promise of pages. What is promised in all is
 * counted; whether a further promise is made is the administrator's choice
 * (vm.overcommit_memory, Linux's modes):
 *
 *   0  refuse only what could never be kept: more than all of RAM in one call
 *   1  promise anything
 *   2  promise no more than vm.overcommit_ratio per cent of RAM, less a reserve
 *      for the administrator and one for a way out of the program that asks
 */
#include <kernel/mm/mm.h>
#include <kernel/mm/counts.h>
#include <kernel/mm/page.h>
#include <kernel/mm/vm_file.h>
#include <kernel/task/thread.h>

#define CAP_IPC_LOCK	14
#define CAP_SYS_ADMIN	21

#define ADMIN_RESERVE_PAGES	((8ul << 20) >> PAGE_SHIFT)	/* Linux's defaults of */
#define USER_RESERVE_PAGES	((128ul << 20) >> PAGE_SHIFT)	/* vm.*_reserve_kbytes */

u32 vm_overcommit_mode, vm_overcommit_ratio = 50;

u64 commit_limit(void)
{
	return ram_pages * READ_ONCE(vm_overcommit_ratio) / 100 + mem_count_read(MEM_SWAP_TOTAL);
}

/* What mode 2 leaves for promises. */
static u64 strict_limit(void)
{
	u64 limit = commit_limit(), keep = 0;

	if (!capable(CAP_SYS_ADMIN))
		keep = ADMIN_RESERVE_PAGES;
	if (current->mm)
		keep += min(current->mm->total_pages / 32, USER_RESERVE_PAGES);
	return limit > keep ? limit - keep : 0;
}

int commit_charge(u64 pages)
{
	u32 mode = READ_ONCE(vm_overcommit_mode);

	if (mode == OVERCOMMIT_GUESS && unlikely(pages > ram_pages) &&
	    pages > ram_pages + mem_count_read(MEM_SWAP_TOTAL))
		return -ENOMEM;
	mem_count_add(MEM_COMMITTED, pages);
	if (mode == OVERCOMMIT_NEVER && mem_count_read(MEM_COMMITTED) > strict_limit()) {
		mem_count_add(MEM_COMMITTED, -(s64)pages);
		return -ENOMEM;
	}
	return 0;
}

void commit_uncharge(u64 pages)
{
	mem_count_add(MEM_COMMITTED, -(s64)pages);
}

/* Private and writable: what RLIMIT_DATA counts, but for stacks. */
static bool is_data(u64 flags)
{
	return (flags & (VM_WRITE | VM_SHARED | VM_GROWSDOWN)) == VM_WRITE;
}

void mm_account(struct mm *mm, s64 pages, u64 flags)
{
	mm->total_pages += pages;
	if ((flags & (VM_EXEC | VM_WRITE | VM_GROWSDOWN)) == VM_EXEC)
		mm->exec_pages += pages;
	else if (flags & VM_GROWSDOWN)
		mm->stack_pages += pages;
	else if (is_data(flags))
		mm->data_pages += pages;
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
	if (limit != RLIM_INFINITY && is_data(flags) &&
	    mm->data_pages + pages > limit >> PAGE_SHIFT)
		return -ENOMEM;
	return 0;
}

bool mm_may_lock(const struct mm *mm, u64 pages)
{
	u64 limit = rlimit_current(RLIMIT_MEMLOCK);

	return limit == RLIM_INFINITY || mm->locked_pages + pages <= limit >> PAGE_SHIFT ||
	       capable(CAP_IPC_LOCK);
}

bool may_lock_memory(void)
{
	return rlimit_current(RLIMIT_MEMLOCK) || capable(CAP_IPC_LOCK);
}
