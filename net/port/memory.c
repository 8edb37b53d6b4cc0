/* SPDX-License-Identifier: MIT */
/*
 * lwIP's memory: the kernel's allocator. It runs under a spinlock, so nothing here waits. TCP's
 * control blocks, of which there may be many, have a cache of their own size.
 */
#include <kernel/bug.h>
#include <kernel/mm/alloc.h>
#include <net/port/port.h>
#include <lwip/mem.h>
#include <lwip/tcp.h>

#define GFP	(GFP_ATOMIC | GFP_NOWARN)

#define PCB_SIZE LWIP_MEM_ALIGN_SIZE(sizeof(struct tcp_pcb))

static struct kmem_cache *pcbs;

void *lwip_malloc(unsigned long size)
{
	if (size == PCB_SIZE)
		return kmem_cache_alloc(pcbs, GFP);
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

void port_memory_init(void)
{
	pcbs = kmem_cache_create("tcp_pcb", PCB_SIZE, 8, NULL);
	if (!pcbs)
		panic("no memory for the cache of control blocks");
}
