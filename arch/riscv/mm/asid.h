/* SPDX-License-Identifier: MIT */
/* Between asid.c and tlb.c. */
#pragma once
#include <kernel/types.h>

#define ASID_MASK	0xfffful

struct mm_context;

void asid_init(u32 bits);
/* A valid ASID for c on this CPU, which will load it next. Interrupts off. */
u64 asid_get(struct mm_context *c, u32 cpu);
