/* SPDX-License-Identifier: MIT */
/* The address space without a user half: what idle and kernel threads run in when they borrow none. */
#include <kernel/mm/mm.h>

struct mm kernel_mm = {
	.users = REFCOUNT_INIT(1),
	.refs = REFCOUNT_INIT(1),
};
