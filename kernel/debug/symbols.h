/* SPDX-License-Identifier: MIT */
/* Addresses to function names, from the table that the build links in (scripts/ksyms.py). */
#pragma once
#include <kernel/types.h>

struct symbol {
	const char *name;
	u64 offset;		/* of the address in the function */
	u64 size;		/* up to the next function */
};

/* False where address is not in the kernel's text. Any context. */
bool symbol_find(u64 address, struct symbol *out);
