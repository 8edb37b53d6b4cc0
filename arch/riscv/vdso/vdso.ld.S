/* SPDX-License-Identifier: MIT */
/*
 * The shared object for user mode: one segment, position independent, with
 * everything that a dynamic linker, an unwinder or a debugger looks for. Its data
 * page is mapped right below it.
 */
#include <arch/vdso.h>

OUTPUT_ARCH(riscv)

PHDRS
{
	text PT_LOAD FLAGS(5) FILEHDR PHDRS;
	dynamic PT_DYNAMIC FLAGS(4);
	note PT_NOTE FLAGS(4);
	eh_frame_hdr PT_GNU_EH_FRAME;
}

SECTIONS
{
	PROVIDE_HIDDEN(vdso_data_page = . - 4096);
	. = SIZEOF_HEADERS;

	.hash		: { *(.hash) } :text
	.gnu.hash	: { *(.gnu.hash) }
	.dynsym		: { *(.dynsym) }
	.dynstr		: { *(.dynstr) }
	.gnu.version	: { *(.gnu.version) }
	.gnu.version_d	: { *(.gnu.version_d) }
	.note		: { *(.note.*) } :text :note
	.dynamic	: { *(.dynamic) } :text :dynamic
	.eh_frame_hdr	: { *(.eh_frame_hdr) } :text :eh_frame_hdr
	.eh_frame	: { KEEP(*(.eh_frame)) } :text
	.rodata		: { *(.rodata .rodata.* .srodata .srodata.*) *(.got.plt .got) } :text

	/* Unwinders look at the instructions where a handler returns to: a fixed place for them. */
	.text VDSO_SIGRETURN_OFFSET : {
		*(.text.sigreturn)
		*(.text .text.*)
	} :text

	.data : { *(.data .data.* .sdata .sdata.* .bss .bss.* .sbss .sbss.* .rela.*) }
	ASSERT(SIZEOF(.data) == 0, "no data, no relocations: the code is shared and read-only")
	ASSERT(. <= 4096, "one page")

	/DISCARD/ : { *(.comment) *(.riscv.attributes) *(.note.GNU-stack) }
}

VERSION
{
	LINUX_4.15 {
	global:
		__vdso_rt_sigreturn;
		__vdso_clock_gettime;
		__vdso_gettimeofday;
		__vdso_clock_getres;
		__vdso_getcpu;
		__vdso_flush_icache;
	local: *;
	};
}
