/* SPDX-License-Identifier: MIT */
/* Where the pages of a host test lie: world.c. */
#pragma once
#include_next <arch/layout.h>
#undef VMEMMAP_START
#undef DIRECT_MAP_START
extern char host_pages[], host_ram[];
#define VMEMMAP_START		((u64)host_pages)
#define DIRECT_MAP_START	((u64)host_ram)
