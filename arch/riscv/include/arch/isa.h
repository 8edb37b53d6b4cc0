/* SPDX-License-Identifier: MIT */
/* Which instructions every hart in use has, from the device tree. */
#pragma once
#include <kernel/types.h>

struct isa_features {
	bool sstc;			/* stimecmp, and firmware lets us write it */
	u64 hwprobe;			/* the extensions user mode may use, as riscv_hwprobe(2) has them */
};
extern struct isa_features isa;		/* constant after boot */

void isa_init(void);			/* nothing yet: as if all were there */
void isa_add_hart(int node);		/* keep what this hart has as well */
