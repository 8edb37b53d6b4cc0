/* SPDX-License-Identifier: MIT */
/*
 * Bounds of the kernel image, from the linker script, in address order. Each
 * group starts on a page, so that it can have its own permissions.
 *
 *   __image_start      head, text, exception fix-ups		R X
 *   __rodata_start     constants, tables, driver and test lists	R
 *   __init_start       __init code				R X, freed when init starts
 *   __init_data_start  __initdata				RW , freed when init starts
 *   __ro_after_init_start					RW , R when init starts
 *   __data_start       data, percpu section, bss		RW
 *   __image_end        page aligned; __bss_start and __bss_end lie inside the last group
 */
#pragma once
extern char __image_start[], __text_end[];
extern char __rodata_start[], __rodata_end[];
extern char __init_start[], __init_data_start[], __init_end[];
extern char __ro_after_init_start[], __ro_after_init_end[];
extern char __data_start[], __percpu_start[], __percpu_end[];
extern char __bss_start[], __bss_end[], __image_end[];
