/* SPDX-License-Identifier: MIT */
/*
 * Device registers. Reads and writes are ordered against each other and against
 * normal memory: a write is after all stores before it (a doorbell sees the
 * descriptor), a read is before all loads after it. _relaxed forms order only
 * against the same device.
 */
#pragma once
#include <kernel/types.h>
#include <arch/trap.h>

#define MMIO(bits, suffix) \
static inline u##bits mmio_read##bits##_relaxed(const volatile void *a) \
{ return *(const volatile u##bits *)a; } \
static inline void mmio_write##bits##_relaxed(volatile void *a, u##bits v) \
{ *(volatile u##bits *)a = v; } \
static inline u##bits mmio_read##bits(const volatile void *a) \
{ \
	u##bits v = *(const volatile u##bits *)a; \
	__asm__ volatile("fence i, ir" ::: "memory"); \
	return v; \
} \
static inline void mmio_write##bits(volatile void *a, u##bits v) \
{ \
	__asm__ volatile("fence w, o" ::: "memory"); \
	*(volatile u##bits *)a = v; \
}
MMIO(8, )
MMIO(16, )
MMIO(32, )
MMIO(64, )
#undef MMIO

/*
 * Does anything answer a read there? For a register of which only a device tree says that
 * it exists: an access that nothing answers is else a panic. Four bytes, or one.
 */
static inline bool mmio_answers(const volatile void *a, u32 bytes)
{
	u64 v, answers = 0;

	if (bytes == 1)
		__asm__ volatile("1:	lbu	%0, 0(%2)\n	li	%1, 1\n2:\n"
				 EX_TABLE(1b, 2b) : "=&r"(v), "+r"(answers) : "r"(a) : "memory");
	else
		__asm__ volatile("1:	lw	%0, 0(%2)\n	li	%1, 1\n2:\n"
				 EX_TABLE(1b, 2b) : "=&r"(v), "+r"(answers) : "r"(a) : "memory");
	return answers;
}

/* Memory shared with a DMA master, without a register access between. */
#define dma_wmb()	__asm__ volatile("fence ow, ow" ::: "memory")
#define dma_rmb()	__asm__ volatile("fence ir, ir" ::: "memory")
#define dma_mb()	__asm__ volatile("fence iorw, iorw" ::: "memory")
