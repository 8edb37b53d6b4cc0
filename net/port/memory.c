/* SPDX-License-Identifier: MIT */
/* lwIP's memory: the kernel's allocator. It runs under a spinlock, so nothing here waits. */
#include <kernel/mm/alloc.h>
#include <lwip/mem.h>

#define GFP	(GFP_ATOMIC | GFP_NOWARN)

void *lwip_malloc(unsigned long size)
{
	return kmalloc(size, GFP);
}

void *lwip_calloc(unsigned long n, unsigned long size)
{
	return kcalloc(n, size, GFP);
}

void lwip_free(void *p)
{
	kfree(p);
}
