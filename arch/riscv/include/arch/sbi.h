/* SPDX-License-Identifier: MIT */
/*
 * Supervisor Binary Interface: calls into the firmware (RISC-V SBI specification
 * 2.0; chapters named below). Each extension is probed once by sbi_init(); a
 * function whose extension is absent says so, callers fall back.
 */
#pragma once
#include <kernel/types.h>

struct sbi_ret {
	long error, value;
};

#define SBI_SUCCESS			0	/* chapter 3, table 1 */
#define SBI_ERR_NOT_SUPPORTED		(-2)
#define SBI_ERR_INVALID_PARAM		(-3)
#define SBI_ERR_ALREADY_AVAILABLE	(-6)

struct sbi_ret sbi_call(u64 ext, u64 fn, u64 a0, u64 a1, u64 a2, u64 a3, u64 a4);

/* What the firmware has. Constant after sbi_init(). */
struct sbi_features {
	u32 spec_major, spec_minor;
	u64 impl_id, impl_version;
	u64 mvendorid, marchid, mimpid;
	bool time, ipi, rfence, hsm, srst, dbcn;
};
extern struct sbi_features sbi;

void sbi_init(void);
/* Characters to the firmware's console: DBCN (12), else the legacy call (5.2). Any context. */
void sbi_console_write(const char *s, size_t len);
void sbi_set_timer(u64 ticks);				/* TIME (6), else legacy (5.1) */
/* Masks are of hart ids: bit n means hart base + n. */
void sbi_send_ipi(u64 mask, u64 base);			/* IPI (7), else legacy (5.4) */
void sbi_remote_fence_i(u64 mask, u64 base);		/* RFENCE (8) */
void sbi_remote_sfence_vma(u64 mask, u64 base, u64 start, u64 size);
void sbi_remote_sfence_vma_asid(u64 mask, u64 base, u64 start, u64 size, u64 asid);
/* HSM (9). 0 means only that the firmware agreed: the hart may never run. */
long sbi_hart_start(u64 hart, paddr_t start, u64 opaque);
/* SRST (10). They return if the firmware cannot do it. */
void sbi_shutdown(bool failure);
void sbi_reboot(void);
