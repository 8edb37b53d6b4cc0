/* SPDX-License-Identifier: MIT */
/*
 * Calls into the SBI firmware, with fallbacks for what old ones lack.
 *
 * Extensions are probed one by one through BASE (SBI 2.0, chapter 4). SBI 0.1
 * firmware has no BASE: its probe fails, and only the legacy calls are used. A
 * legacy call differs in that it clobbers no a1 and returns its error in a0.
 */
#include <arch/sbi.h>
#include <arch/layout.h>

enum {
	EXT_BASE   = 0x10,
	EXT_TIME   = 0x54494d45,	/* "TIME" */
	EXT_IPI    = 0x735049,		/* "sPI" */
	EXT_RFENCE = 0x52464e43,	/* "RFNC" */
	EXT_HSM    = 0x48534d,		/* "HSM" */
	EXT_SRST   = 0x53525354,	/* "SRST" */
	EXT_DBCN   = 0x4442434e,	/* "DBCN" */

	LEGACY_SET_TIMER = 0,
	LEGACY_PUTCHAR = 1,
	LEGACY_SEND_IPI = 4,
	LEGACY_FENCE_I = 5,
	LEGACY_SFENCE_VMA = 6,
	LEGACY_SFENCE_VMA_ASID = 7,
	LEGACY_SHUTDOWN = 8,
};

enum {
	BASE_SPEC_VERSION, BASE_IMPL_ID, BASE_IMPL_VERSION, BASE_PROBE, BASE_VENDOR, BASE_ARCH,
	BASE_IMP,
};

#define SRST_SHUTDOWN		0
#define SRST_COLD_REBOOT	1
#define SRST_REASON_NONE	0
#define SRST_REASON_FAILURE	1

struct sbi_features sbi __ro_after_init;

struct sbi_ret sbi_call(u64 ext, u64 fn, u64 arg0, u64 arg1, u64 arg2, u64 arg3, u64 arg4)
{
	register u64 a0 __asm__("a0") = arg0;
	register u64 a1 __asm__("a1") = arg1;
	register u64 a2 __asm__("a2") = arg2;
	register u64 a3 __asm__("a3") = arg3;
	register u64 a4 __asm__("a4") = arg4;
	register u64 a6 __asm__("a6") = fn;
	register u64 a7 __asm__("a7") = ext;

	__asm__ volatile("ecall" : "+r"(a0), "+r"(a1)
			 : "r"(a2), "r"(a3), "r"(a4), "r"(a6), "r"(a7) : "memory");
	return (struct sbi_ret){ (long)a0, (long)a1 };
}

static u64 __init base_value(u64 fn)
{
	return (u64)sbi_call(EXT_BASE, fn, 0, 0, 0, 0, 0).value;
}

static bool __init has_extension(u64 ext)
{
	struct sbi_ret r = sbi_call(EXT_BASE, BASE_PROBE, ext, 0, 0, 0, 0);

	return !r.error && r.value;
}

void __init sbi_init(void)
{
	struct sbi_ret r = sbi_call(EXT_BASE, BASE_SPEC_VERSION, 0, 0, 0, 0, 0);

	if (r.error)
		return;
	sbi.spec_major = r.value >> 24 & 0x7f;
	sbi.spec_minor = r.value & 0xffffff;
	sbi.impl_id = base_value(BASE_IMPL_ID);
	sbi.impl_version = base_value(BASE_IMPL_VERSION);
	sbi.mvendorid = base_value(BASE_VENDOR);
	sbi.marchid = base_value(BASE_ARCH);
	sbi.mimpid = base_value(BASE_IMP);
	sbi.time = has_extension(EXT_TIME);
	sbi.ipi = has_extension(EXT_IPI);
	sbi.rfence = has_extension(EXT_RFENCE);
	sbi.hsm = has_extension(EXT_HSM);
	sbi.srst = has_extension(EXT_SRST);
	sbi.dbcn = has_extension(EXT_DBCN);
}

/* The debug console takes physical addresses: only text in the image or direct map. */
static bool write_dbcn(const char *s, size_t len)
{
	while (len) {
		struct sbi_ret r = sbi_call(EXT_DBCN, 0, len, virt_to_phys(s), 0, 0, 0);

		if (r.error || r.value <= 0)
			return false;
		s += r.value;
		len -= r.value;
	}
	return true;
}

void sbi_console_write(const char *s, size_t len)
{
	if (sbi.dbcn && write_dbcn(s, len))
		return;
	while (len--)
		sbi_call(LEGACY_PUTCHAR, 0, *s++, 0, 0, 0, 0);
}

void sbi_set_timer(u64 ticks)
{
	sbi_call(sbi.time ? EXT_TIME : LEGACY_SET_TIMER, 0, ticks, 0, 0, 0, 0);
}

/* Legacy calls take the virtual address of the mask, and hart ids below 64 only. */
void sbi_send_ipi(u64 mask, u64 base)
{
	u64 legacy_mask = mask << base;

	if (sbi.ipi)
		sbi_call(EXT_IPI, 0, mask, base, 0, 0, 0);
	else
		sbi_call(LEGACY_SEND_IPI, 0, (u64)&legacy_mask, 0, 0, 0, 0);
}

static void remote_fence(u64 function, u64 legacy, u64 mask, u64 base, u64 start, u64 size, u64 asid)
{
	u64 legacy_mask = mask << base;

	if (sbi.rfence)
		sbi_call(EXT_RFENCE, function, mask, base, start, size, asid);
	else
		sbi_call(legacy, 0, (u64)&legacy_mask, start, size, asid, 0);
}

void sbi_remote_fence_i(u64 mask, u64 base)
{
	remote_fence(0, LEGACY_FENCE_I, mask, base, 0, 0, 0);
}

void sbi_remote_sfence_vma(u64 mask, u64 base, u64 start, u64 size)
{
	remote_fence(1, LEGACY_SFENCE_VMA, mask, base, start, size, 0);
}

void sbi_remote_sfence_vma_asid(u64 mask, u64 base, u64 start, u64 size, u64 asid)
{
	remote_fence(2, LEGACY_SFENCE_VMA_ASID, mask, base, start, size, asid);
}

long sbi_hart_start(u64 hart, paddr_t start, u64 opaque)
{
	if (!sbi.hsm)
		return SBI_ERR_NOT_SUPPORTED;
	return sbi_call(EXT_HSM, 0, hart, start, opaque, 0, 0).error;
}

void sbi_shutdown(bool failure)
{
	if (sbi.srst)
		sbi_call(EXT_SRST, 0, SRST_SHUTDOWN,
			 failure ? SRST_REASON_FAILURE : SRST_REASON_NONE, 0, 0, 0);
	else if (!sbi.spec_major && !sbi.spec_minor)
		sbi_call(LEGACY_SHUTDOWN, 0, 0, 0, 0, 0, 0);
}

void sbi_reboot(void)
{
	if (sbi.srst)
		sbi_call(EXT_SRST, 0, SRST_COLD_REBOOT, SRST_REASON_NONE, 0, 0, 0);
}
