/* SPDX-License-Identifier: MIT */
/* The fences of <arch/tlb_hw.h>, played by the model of test_asid_model.c. */
#pragma once
#include <kernel/types.h>

void hw_sfence_all(void);
void hw_sfence_asid(u64 asid);
void hw_sfence_page(u64 va);
void hw_sfence_page_asid(u64 va, u64 asid);
void hw_fence_i(void);
u64 hw_satp_read(void);
void hw_satp_write(u64 satp);
void hw_remote_sfence(u64 cpus, u64 start, u64 size);
void hw_remote_sfence_asid(u64 cpus, u64 start, u64 size, u64 asid);
void hw_remote_fence_i(u64 cpus);
