/* SPDX-License-Identifier: MIT */
/*
 * The ELF checker: what it accepts satisfies the
 * invariants at the head of elf.c, whatever the bytes.
 */
#include "unit.h"
#include <kernel/errno.h>
#include <kernel/lib/string.h>
#include <kernel/proc/elf.h>
#include <arch/layout.h>

static u8 header[ELF_HEADER_SIZE];
static struct elf_phdr phdrs[4];
static struct elf_file file;

static void put16(unsigned at, u16 v)
{
	memcpy(header + at, &v, sizeof(v));
}

static void put64(unsigned at, u64 v)
{
	memcpy(header + at, &v, sizeof(v));
}

/* A small position-dependent program: text, and data with bss. */
static void make_good(void)
{
	static const u8 ident[7] = { 0x7f, 'E', 'L', 'F', 2, 1, 1 };

	memset(header, 0, sizeof(header));
	memcpy(header, ident, sizeof(ident));
	put16(16, 2);
	put16(18, 243);
	put64(24, 0x10100);
	put64(32, 64);
	put16(54, sizeof(struct elf_phdr));
	put16(56, 2);
	memset(phdrs, 0, sizeof(phdrs));
	phdrs[0] = (struct elf_phdr){ .type = PT_LOAD, .flags = PF_R | PF_X, .offset = 0, .vaddr = 0x10000,
				      .filesz = 0x800, .memsz = 0x800, .align = 0x1000 };
	phdrs[1] = (struct elf_phdr){ .type = PT_LOAD, .flags = PF_R | PF_W, .offset = 0x1e00, .vaddr = 0x12e00,
				      .filesz = 0x200, .memsz = 0x2000, .align = 0x1000 };
}

static int check(void)
{
	int err = elf_check_header(header, sizeof(header), &file);

	return err ? err : elf_check_segments(phdrs, &file);
}

TEST(good_file_is_described)
{
	make_good();
	EXPECT_EQ(check(), 0);
	EXPECT_EQ(file.low, 0x10000);
	EXPECT_EQ(file.high, 0x15000);
	EXPECT_EQ(file.entry, 0x10100);
	EXPECT_EQ(file.phdrs_vaddr, 0x10040);
	EXPECT_EQ(file.position_independent, false);
	EXPECT_TRUE(!file.interp);
}

TEST(header_of_another_machine_is_refused)
{
	make_good();
	put16(18, 62);
	EXPECT_EQ(check(), -ENOEXEC);
	make_good();
	header[4] = 1;
	EXPECT_EQ(check(), -ENOEXEC);
	make_good();
	EXPECT_EQ(elf_check_header(header, sizeof(header) - 1, &file), -ENOEXEC);
}

TEST(header_with_odd_tables_is_refused)
{
	make_good();
	put16(56, 0);
	EXPECT_EQ(check(), -ENOEXEC);
	make_good();
	put16(56, 1000);
	EXPECT_EQ(check(), -ENOEXEC);
	make_good();
	put16(54, 32);
	EXPECT_EQ(check(), -ENOEXEC);
	make_good();
	put64(32, ~0ul - 8);
	EXPECT_EQ(check(), -ENOEXEC);
}

TEST(segments_that_cannot_be_mapped_are_refused)
{
	make_good();
	phdrs[0].filesz = phdrs[0].memsz + 1;
	EXPECT_EQ(check(), -EINVAL);
	make_good();
	phdrs[1].vaddr = TASK_SIZE - 0x200;
	EXPECT_EQ(check(), -EINVAL);
	make_good();
	phdrs[1].memsz = ~0ul;
	EXPECT_EQ(check(), -EINVAL);
	make_good();
	phdrs[1].offset += 8;
	EXPECT_EQ(check(), -EINVAL);
	make_good();
	phdrs[1].vaddr = 0x10e00 - 0x1000;
	EXPECT_EQ(check(), -EINVAL);
	make_good();
	phdrs[0].type = phdrs[1].type = 0;
	EXPECT_EQ(check(), -ENOEXEC);
}

TEST(interpreter_name_has_a_sane_length)
{
	make_good();
	put16(56, 3);
	phdrs[2] = (struct elf_phdr){ .type = PT_INTERP, .offset = 0x100, .filesz = 1 };
	EXPECT_EQ(check(), -ENOEXEC);
	phdrs[2].filesz = 5000;
	EXPECT_EQ(check(), -ENOEXEC);
	phdrs[2].filesz = 30;
	EXPECT_EQ(check(), 0);
	EXPECT_TRUE(file.interp == &phdrs[2]);
}

static u64 random_state = 88172645463325252ul;

static u64 random_next(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

static void damage(void)
{
	u8 *bytes = (u8 *)phdrs;

	for (u64 n = random_next() % 6; n; n--) {
		if (random_next() & 1)
			header[random_next() % sizeof(header)] = random_next();
		else
			bytes[random_next() % (2 * sizeof(phdrs[0]))] = random_next();
	}
}

TEST(whatever_is_accepted_can_be_mapped)
{
	for (int i = 0; i < 200000; i++) {
		make_good();
		damage();
		if (elf_check_header(header, sizeof(header), &file) || file.phnum > 4)
			continue;
		if (elf_check_segments(phdrs, &file))
			continue;
		EXPECT_TRUE(file.low < file.high && file.high <= TASK_SIZE);
		for (u32 k = 0; k < file.phnum; k++) {
			const struct elf_phdr *p = &phdrs[k];

			if (p->type != PT_LOAD || !p->memsz)
				continue;
			EXPECT_TRUE(p->filesz <= p->memsz);
			EXPECT_TRUE(p->vaddr >= file.low && p->vaddr + p->memsz <= file.high);
			EXPECT_EQ((p->vaddr ^ p->offset) & (PAGE_SIZE - 1), 0);
		}
	}
}
