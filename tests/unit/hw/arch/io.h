/* SPDX-License-Identifier: MIT */
/* Memory shared with a device that a test plays: order is the host's. */
#pragma once
#include <kernel/types.h>

#define dma_wmb()	__atomic_thread_fence(__ATOMIC_RELEASE)
#define dma_rmb()	__atomic_thread_fence(__ATOMIC_ACQUIRE)
#define dma_mb()	__atomic_thread_fence(__ATOMIC_SEQ_CST)
