/* SPDX-License-Identifier: MIT */
/* What /proc/cpuinfo says of a CPU. */
#pragma once
#include <kernel/types.h>

struct seq;
void arch_show_cpu(struct seq *s, u32 cpu);	/* any context */
/* The ISA string of a CPU's device-tree node, NULL if it has none. */
const char *arch_cpu_isa(u32 cpu);
