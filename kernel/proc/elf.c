/* SPDX-License-Identifier: MIT */
/*
 * Checking ELF files.
 *
 * All numbers in the file are the attacker's. After both checks have passed:
 *  (1) there is at least one PT_LOAD, and each has filesz <= memsz, an end that
 *      does not wrap and lies in user space, and a vaddr congruent to its offset
 *      modulo the page size, so that it can be mapped;
 *  (2) PT_LOADs are in ascending order and share no page with different contents:
 *      the next one starts at or after the end of the one before;
 *  (3) the table of program headers has at most ELF_MAX_PHDRS entries;
 *  (4) an interpreter's name has 2..4096 bytes.
 *
 * Nothing here touches files or memory, so that the host can test and fuzz it.
 * Source: System V ABI, gABI 4.1 chapters 4 and 5; riscv psABI, "ELF Object Files".
 */
#include <kernel/errno.h>
#include <kernel/lib/string.h>
#include <kernel/proc/elf.h>
#include <arch/layout.h>

#define ET_EXEC		2
#define ET_DYN		3
#define EM_RISCV	243
#define PATH_MAX_BYTES	4096

struct elf_ehdr {
	u8 ident[16];
	u16 type, machine;
	u32 version;
	u64 entry, phoff, shoff;
	u32 flags;
	u16 ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};
_Static_assert(sizeof(struct elf_ehdr) == ELF_HEADER_SIZE, "ELF64 header");
_Static_assert(sizeof(struct elf_phdr) == 56, "ELF64 program header");

int elf_check_header(const void *buf, size_t len, struct elf_file *f)
{
	static const u8 magic[6] = { 0x7f, 'E', 'L', 'F', 2 /* 64-bit */, 1 /* little-endian */ };
	struct elf_ehdr h;

	if (len < sizeof(h))
		return -ENOEXEC;
	memcpy(&h, buf, sizeof(h));
	if (memcmp(h.ident, magic, sizeof(magic)) || h.machine != EM_RISCV)
		return -ENOEXEC;
	if (h.type != ET_EXEC && h.type != ET_DYN)
		return -ENOEXEC;
	if (h.phentsize != sizeof(struct elf_phdr) || !h.phnum || h.phnum > ELF_MAX_PHDRS)
		return -ENOEXEC;
	if (h.phoff > S64_MAX - PAGE_SIZE)
		return -ENOEXEC;
	memset(f, 0, sizeof(*f));
	f->position_independent = h.type == ET_DYN;
	f->entry = h.entry;
	f->phoff = h.phoff;
	f->phnum = h.phnum;
	return 0;
}

static int check_load(const struct elf_phdr *p, struct elf_file *f, u64 previous_end)
{
	u64 in_page = PAGE_SIZE - 1;

	if (p->filesz > p->memsz || !user_range_ok(p->vaddr, p->memsz))
		return -EINVAL;
	if (p->offset > S64_MAX - PAGE_SIZE || p->filesz > S64_MAX - PAGE_SIZE - p->offset)
		return -EINVAL;
	if ((p->vaddr ^ p->offset) & in_page)
		return -EINVAL;
	if (p->vaddr < previous_end)
		return -EINVAL;
	/* An alignment that is no power of two says nothing, and is not asked for. */
	if (p->align > f->align && !(p->align & (p->align - 1)))
		f->align = p->align;
	if (f->high == 0)
		f->low = ALIGN_DOWN(p->vaddr, PAGE_SIZE);
	f->high = ALIGN_UP(p->vaddr + p->memsz, PAGE_SIZE);
	if (f->phoff >= p->offset && f->phoff - p->offset < p->filesz)
		f->phdrs_vaddr = p->vaddr + (f->phoff - p->offset);
	return 0;
}

int elf_check_segments(const struct elf_phdr *phdrs, struct elf_file *f)
{
	u64 end = 0;
	int err;

	f->phdrs = phdrs;
	f->align = PAGE_SIZE;
	for (const struct elf_phdr *p = phdrs; p < phdrs + f->phnum; p++) {
		switch (p->type) {
		case PT_LOAD:
			if (!p->memsz)
				break;
			err = check_load(p, f, end);
			if (err)
				return err;
			end = p->vaddr + p->memsz;
			break;
		case PT_INTERP:
			if (p->filesz < 2 || p->filesz > PATH_MAX_BYTES ||
			    p->offset > S64_MAX - PATH_MAX_BYTES)
				return -ENOEXEC;
			if (!f->interp)
				f->interp = p;
			break;
		case PT_GNU_STACK:
			f->exec_stack = p->flags & PF_X;
			break;
		}
	}
	/* Alignments beyond any page size only waste address space. */
	if (f->align > PGD_SIZE)
		return -EINVAL;
	return end ? 0 : -ENOEXEC;
}
