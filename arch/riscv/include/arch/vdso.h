/* SPDX-License-Identifier: MIT */
/* Code of ours that runs in user mode: the clock, getcpu, signal return. */
#pragma once
#include <kernel/types.h>

struct mm;
/* exec: map it into the new address space and set mm->vdso. 0 or -errno. Context: current->mm == mm. */
int vdso_map(struct mm *mm);
