/* SPDX-License-Identifier: MIT */
#pragma once
#include <kernel/types.h>
#include <arch/tlb_gather.h>

/*
 * Take the pages of [start, end) out of g->mm's tables, in batches that g frees.
 * keep_private: leave anonymous pages. Nobody may fault in what must stay away:
 * the caller has begun a change of the VMAs, or removes the pages from their file.
 */
void zap_range(struct tlb_gather *g, uaddr_t start, uaddr_t end, bool keep_private);
