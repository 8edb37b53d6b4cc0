/* SPDX-License-Identifier: MIT */
/*
 * Of the host's allocator, to the byte: else AddressSanitizer would not see past the rounding to
 * classes.
 */
#pragma once
#define kmalloc	kmalloc_rounded
#define kzalloc	kzalloc_rounded
#include_next <kernel/mm/alloc.h>
#undef kmalloc
#undef kzalloc
void *kmalloc(size_t size, u32 gfp);
void *kzalloc(size_t size, u32 gfp);
