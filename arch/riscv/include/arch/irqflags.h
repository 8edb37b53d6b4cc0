/* SPDX-License-Identifier: MIT */
/* Interrupt enable of this hart: sstatus.SIE (Privileged 20211203, 4.1.1). */
#pragma once
#include <kernel/types.h>

#define SSTATUS_SIE	BIT(1)

static __always_inline void local_irq_enable(void)
{
	__asm__ volatile("csrsi sstatus, 2" ::: "memory");
}

static __always_inline void local_irq_disable(void)
{
	__asm__ volatile("csrci sstatus, 2" ::: "memory");
}

/* What to give to local_irq_restore(), which looks at the one bit. */
static __always_inline u64 local_irq_save(void)
{
	u64 old;

	__asm__ volatile("csrrci %0, sstatus, 2" : "=r"(old) :: "memory");
	return old;
}

static __always_inline void local_irq_restore(u64 flags)
{
	__asm__ volatile("csrs sstatus, %0" :: "r"(flags & SSTATUS_SIE) : "memory");
}

static __always_inline bool irqs_disabled(void)
{
	u64 s;

	__asm__ volatile("csrr %0, sstatus" : "=r"(s) :: "memory");
	return !(s & SSTATUS_SIE);
}
