/* SPDX-License-Identifier: MIT */
/*
 * The kernel's own address space, and references to address spaces: all that the
 * scheduler needs of them. What lies in one is mm.c's.
 */
#include <kernel/mm/mm.h>

/* Without a user half: what idle threads run in, and kernel threads that borrow none. */
struct mm kernel_mm = {
	.users = REFCOUNT_INIT(1),
	.refs = REFCOUNT_INIT(1),
};

/* set by mm_init(), before the first other mm */
void (*mm_free_hook)(struct mm *mm) __ro_after_init;

struct mm *mm_grab(struct mm *mm)
{
	refcount_inc(&mm->refs);
	return mm;
}

void mm_drop(struct mm *mm)
{
	if (refcount_dec(&mm->refs))
		mm_free_hook(mm);
}
