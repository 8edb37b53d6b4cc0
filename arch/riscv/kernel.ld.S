/* SPDX-License-Identifier: MIT */
/*
 * The kernel image: linked at KERNEL_VADDR, loaded at any multiple of 2 MiB.
 * Groups and their permissions: kernel/sections.h. Each begins on a page.
 *
 * gp relaxation stays off (no __global_pointer$ is defined): gp belongs to user mode.
 */
#include <arch/layout.h>

OUTPUT_ARCH(riscv)
ENTRY(_start)

PHDRS
{
	text PT_LOAD FLAGS(5);
	rodata PT_LOAD FLAGS(4);
	init PT_LOAD FLAGS(7);
	data PT_LOAD FLAGS(6);
}

SECTIONS
{
	. = KERNEL_VADDR;
	__image_start = .;
	_text = .;

	.text : {
		*(.head.text)
		. = ALIGN(64);
		*(.text.entry)		/* trap entry: one place, few cache lines */
		*(.text.hot .text.hot.*)
		*(.text .text.*)
		. = ALIGN(PAGE_SIZE);
		__text_end = .;
	} :text

	.rodata : {
		__rodata_start = .;
		*(.rodata .rodata.* .srodata .srodata.*)
		. = ALIGN(8);
		__ex_table_start = .;
		KEEP(*(__ex_table))
		__ex_table_end = .;
		. = ALIGN(8);
		__drivers_start = .;
		KEEP(*(drivers))
		__drivers_end = .;
		. = ALIGN(8);
		__virtio_drivers_start = .;
		KEEP(*(virtio_drivers))
		__virtio_drivers_end = .;
		. = ALIGN(8);
		__filesystems_start = .;
		KEEP(*(filesystems))
		__filesystems_end = .;
		. = ALIGN(8);
		__socket_families_start = .;
		KEEP(*(socket_families))
		__socket_families_end = .;
		. = ALIGN(8);
		__start_lwi_init = .;
		KEEP(*(lwi_init))
		__stop_lwi_init = .;
		. = ALIGN(8);
		__params_start = .;
		KEEP(*(params))
		__params_end = .;
		. = ALIGN(8);
		__ktests_start = .;
		KEEP(*(ktests))
		__ktests_end = .;
		. = ALIGN(PAGE_SIZE);
		__rodata_end = .;
	} :rodata

	.init : {
		__init_start = .;
		*(.init.text)
		. = ALIGN(PAGE_SIZE);
		__init_data_start = .;
		*(.init.data .init.data.*)
		. = ALIGN(PAGE_SIZE);
		__init_end = .;
	} :init

	.data : {
		__ro_after_init_start = .;
		*(.data.ro_after_init)
		. = ALIGN(PAGE_SIZE);
		__ro_after_init_end = .;
		__data_start = .;
		*(.data.page_aligned)
		. = ALIGN(64);
		__percpu_start = .;
		KEEP(*(.data.percpu))
		. = ALIGN(64);
		__percpu_end = .;
		*(.data .data.* .sdata .sdata.*)
		/* Behind all functions: they must not move when the second link fills it. */
		. = ALIGN(8);
		KEEP(*(.ksyms))
	} :data

	. = ALIGN(64);
	.bss (NOLOAD) : {
		__bss_start = .;
		*(.bss.init_stack)
		*(.bss.page_aligned)
		*(.bss .bss.* .sbss .sbss.* COMMON)
		. = ALIGN(64);
		__bss_end = .;
	} :data
	. = ALIGN(PAGE_SIZE);
	__image_end = .;
	__image_size = __image_end - __image_start;

	ASSERT(image_header_end == __image_start + 64, "the Image header must be 64 bytes")

	/DISCARD/ : { *(.comment) *(.note*) *(.eh_frame*) *(.gnu*) }
}
