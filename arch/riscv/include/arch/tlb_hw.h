/* SPDX-License-Identifier: MIT */
/*
 * The instructions that TLB code is made of, one function each, so that the real
 * asid.c and tlb.c can be linked against a model of a TLB (tests/unit).
 *
 * Privileged Architecture 20211203, 4.2.1: SFENCE.VMA orders earlier stores to
 * page tables before later implicit reads by this hart. With rs2 (ASID) given it
 * leaves global entries alone.
 */
#pragma once
#include <kernel/types.h>
#include <arch/csr.h>

static inline void hw_sfence_all(void)
{
	__asm__ volatile("sfence.vma" ::: "memory");
}

/* Every address of one ASID, but global entries. */
static inline void hw_sfence_asid(u64 asid)
{
	__asm__ volatile("sfence.vma x0, %0" :: "r"(asid) : "memory");
}

/* One page in every ASID, global entries included. */
static inline void hw_sfence_page(u64 va)
{
	__asm__ volatile("sfence.vma %0, x0" :: "r"(va) : "memory");
}

/* One page of one ASID, but global entries. */
static inline void hw_sfence_page_asid(u64 va, u64 asid)
{
	__asm__ volatile("sfence.vma %0, %1" :: "r"(va), "r"(asid) : "memory");
}

static inline void hw_fence_i(void)
{
	__asm__ volatile("fence.i" ::: "memory");
}

static inline u64 hw_satp_read(void)
{
	return csr_read(satp);
}

static inline void hw_satp_write(u64 satp)
{
	csr_write(satp, satp);
}

/*
 * The same on other CPUs (a set of ours, not hart ids), done when they return.
 * size ~0: everything. The form without ASID reaches global entries too.
 */
void hw_remote_sfence(u64 cpus, u64 start, u64 size);
void hw_remote_sfence_asid(u64 cpus, u64 start, u64 size, u64 asid);
void hw_remote_fence_i(u64 cpus);
