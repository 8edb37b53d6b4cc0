/* SPDX-License-Identifier: MIT */
/* ELF64 files as exec needs them: checked once, then trusted. */
#pragma once
#include <kernel/types.h>

struct elf_phdr {
	u32 type, flags;
	u64 offset, vaddr, paddr, filesz, memsz, align;
};
#define PT_LOAD		1
#define PT_INTERP	3
#define PT_PHDR		6
#define PT_GNU_STACK	0x6474e551u
#define PF_X		1
#define PF_W		2
#define PF_R		4

#define ELF_HEADER_SIZE	64
#define ELF_MAX_PHDRS	(4096 / sizeof(struct elf_phdr))

struct elf_file {
	/* elf_check_header() */
	bool position_independent;	/* ET_DYN */
	u64 entry;
	u64 phoff;
	u32 phnum;
	/* elf_check_segments() */
	const struct elf_phdr *phdrs;
	u64 low, high;			/* page-aligned bounds of all PT_LOAD */
	u64 align;			/* largest alignment asked for; a page at least */
	u64 phdrs_vaddr;		/* where the table is in memory; 0: not mapped */
	const struct elf_phdr *interp;	/* PT_INTERP, or NULL */
	bool exec_stack;
};

/* buf: the file's first len bytes. 0; -ENOEXEC: not a riscv64 executable we can load. */
int elf_check_header(const void *buf, size_t len, struct elf_file *f);
/* phdrs: f->phnum of them, read from f->phoff, kept by reference. 0, -ENOEXEC, -EINVAL, -ENOMEM. */
int elf_check_segments(const struct elf_phdr *phdrs, struct elf_file *f);
