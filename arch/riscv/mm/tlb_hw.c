/* SPDX-License-Identifier: MIT */
/*
 * What the TLB code needs to know about this machine, and fences on other harts.
 *
 * ASID width: the implemented bits of satp.ASID keep ones that are written to
 * them (Privileged Architecture 20211203, 4.1.11).
 *
 * CIP-1200: "SFENCE.VMA with a nonzero rs1 may fail to invalidate" on SiFive
 * cores with marchid 0x8000000000000007 and mimpid from 0x20181004 to 0x20191105
 * (SiFive U74 errata sheets).
 */
#include "asid.h"
#include <arch/tlb.h>
#include <arch/tlb_hw.h>
#include <arch/paging.h>
#include <arch/sbi.h>
#include <arch/smp.h>
#include <kernel/lib/bitmap.h>
#include <kernel/lib/string.h>
#include <kernel/param.h>
#include <kernel/percpu.h>
#include <kernel/printk.h>

#define MVENDORID_SIFIVE	0x489
#define MARCHID_U74		0x8000000000000007ul

static u32 asid_bits_limit __initdata = 16;

static u32 __init probe_asid_bits(void)
{
	u64 old = hw_satp_read();
	u64 probed;

	hw_satp_write(old | SATP_ASID_MASK);
	probed = (hw_satp_read() & SATP_ASID_MASK) >> SATP_ASID_SHIFT;
	hw_satp_write(old);
	hw_sfence_all();
	return fls64(probed);
}

static bool __init has_cip_1200(void)
{
	return sbi.mvendorid == MVENDORID_SIFIVE && sbi.marchid == MARCHID_U74 &&
	       sbi.mimpid >= 0x20181004 && sbi.mimpid <= 0x20191105;
}

void __init tlb_init(void)
{
	u32 bits = min(probe_asid_bits(), asid_bits_limit);

	tlb_policy.asid_bits = bits;
	tlb_policy.global_only = has_cip_1200();
	/*
	 * ASID 0 is taken, each CPU may hold one through a rollover, and one more is to be given.
	 */
	tlb_policy.use_asids = (1ul << bits) >= nr_cpus + 2ul;
	if (tlb_policy.use_asids)
		asid_init(bits);
	pr_info("tlb: %u ASID bits%s%s\n", bits, tlb_policy.use_asids ? "" : ", not used",
		tlb_policy.global_only ? ", erratum CIP-1200" : "");
}

static int __init asid_bits_param(const char *value)
{
	u64 v;
	int err = kstrtou64(value, 0, &v);

	if (err || v > 16)
		return -EINVAL;
	asid_bits_limit = v;
	return 0;
}
PARAM(asid_bits, "asid_bits", asid_bits_param);

/* Call fn with masks of hart ids, relative to a base, that together name all CPUs of the set. */
static void each_hart_mask(u64 cpus, void (*fn)(u64 mask, u64 base, const u64 *args),
			   const u64 *args)
{
	while (cpus) {
		u64 base = cpu_to_hart[ctz64(cpus)], mask = 0;

		for (u64 left = cpus; left; left &= left - 1)
			base = min(base, cpu_to_hart[ctz64(left)]);
		for (u64 left = cpus; left; left &= left - 1) {
			u64 distance = cpu_to_hart[ctz64(left)] - base;

			if (distance < 64) {
				mask |= BIT(distance);
				cpus &= ~BIT(ctz64(left));
			}
		}
		fn(mask, base, args);
	}
}

static void call_sfence(u64 mask, u64 base, const u64 *a)
{
	sbi_remote_sfence_vma(mask, base, a[0], a[1]);
}

static void call_sfence_asid(u64 mask, u64 base, const u64 *a)
{
	sbi_remote_sfence_vma_asid(mask, base, a[0], a[1], a[2]);
}

static void call_fence_i(u64 mask, u64 base, const u64 *a)
{
	(void)a;
	sbi_remote_fence_i(mask, base);
}

void hw_remote_sfence(u64 cpus, u64 start, u64 size)
{
	each_hart_mask(cpus, call_sfence, (const u64[]){ start, size });
}

void hw_remote_sfence_asid(u64 cpus, u64 start, u64 size, u64 asid)
{
	each_hart_mask(cpus, call_sfence_asid, (const u64[]){ start, size, asid });
}

void hw_remote_fence_i(u64 cpus)
{
	each_hart_mask(cpus, call_fence_i, NULL);
}
