/* SPDX-License-Identifier: MIT */
/*
 * libFuzzer target of the ELF checker: the input is a file; the table of program
 * headers is read from where the header says, as exec does.
 */
#include <kernel/lib/string.h>
#include <kernel/proc/elf.h>

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	static struct elf_phdr phdrs[ELF_MAX_PHDRS];
	struct elf_file file;
	size_t bytes;

	if (elf_check_header(data, size, &file))
		return 0;
	bytes = file.phnum * sizeof(struct elf_phdr);
	if (file.phoff > size || bytes > size - file.phoff)
		return 0;
	memcpy(phdrs, data + file.phoff, bytes);
	if (elf_check_segments(phdrs, &file))
		return 0;
	if (file.low >= file.high || (file.align & (file.align - 1)))
		__builtin_trap();
	return 0;
}
