/* SPDX-License-Identifier: MIT */
/* No interrupts on the host. */
#pragma once
#include <kernel/types.h>

static inline void local_irq_enable(void)		{ }
static inline void local_irq_disable(void)		{ }
static inline u64 local_irq_save(void)			{ return 0; }
static inline void local_irq_restore(u64 flags)		{ (void)flags; }
static inline bool irqs_disabled(void)			{ return false; }
