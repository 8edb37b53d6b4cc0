/* SPDX-License-Identifier: MIT */
/* What reclaim and the trap code need of vmalloc.c beyond <kernel/mm/alloc.h>. */
#pragma once
#include <kernel/mm/alloc.h>
#include <kernel/errno.h>
#include <arch/layout.h>

/* Release lazily freed areas now. May sleep. */
void vmalloc_purge(void);
