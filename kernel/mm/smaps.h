/* SPDX-License-Identifier: MIT */
/* What the page tables of an address space hold, for /proc/PID/smaps and pagemap. */
#pragma once
#include <kernel/mm/mm.h>

/* Bytes, but pss*: in 1/4096 of a byte (a page shared by three has a third). */
struct vma_usage {
	u64 rss, shared_clean, shared_dirty, private_clean, private_dirty, referenced, anonymous,
		swap;
	u64 pss, pss_dirty, pss_anon, pss_file, pss_shmem, pss_locked;
};
#define PSS_SHIFT	12

/* Add what is mapped in vma to u. Context: mm->lock held; may sleep. */
void vma_usage_add(struct vma *vma, struct vma_usage *u);

/*
 * The pagemap words of n pages from addr on, as Documentation/admin-guide/mm/pagemap
 * of Linux defines them; page frame numbers only with show_pfn. Takes mm->lock. 0, -EINTR.
 */
int __must_check mm_pagemap(struct mm *mm, uaddr_t addr, u64 *words, u64 n, bool show_pfn);
