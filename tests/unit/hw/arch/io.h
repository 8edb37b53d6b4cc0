/* SPDX-License-Identifier: MIT */
/*
 * Memory shared with a device that a test plays, in the host's order, and its registers, which are
 * the test's functions.
 */
#pragma once
#include <kernel/types.h>

#define dma_wmb()	__atomic_thread_fence(__ATOMIC_RELEASE)
#define dma_rmb()	__atomic_thread_fence(__ATOMIC_ACQUIRE)
/* A test of a device that takes writes of registers late defines one. */
void hw_dma_mb(void) __attribute__((weak));
#define dma_mb() do { \
	__atomic_thread_fence(__ATOMIC_SEQ_CST); \
	if (hw_dma_mb) \
		hw_dma_mb(); \
} while (0)

u32 hw_mmio_read(const volatile void *reg);
void hw_mmio_write(volatile void *reg, u32 value);

#define HW_MMIO(bits) \
static inline u##bits mmio_read##bits(const volatile void *a) { return (u##bits)hw_mmio_read(a); } \
static inline void mmio_write##bits(volatile void *a, u##bits v) { hw_mmio_write(a, v); }
HW_MMIO(8)
HW_MMIO(16)
HW_MMIO(32)
#undef HW_MMIO
