/* SPDX-License-Identifier: MIT */
/*
 * Mapping checked ELF files into a new address space.
 *
 * Each PT_LOAD is a private file mapping of whole pages. Where memory is longer
 * than the file, the tail of the last file page is cleared and the rest is
 * anonymous. A position-independent file is first mapped in one piece, which
 * finds and reserves room for all of it, then cut and overlaid.
 *
 * Programs (ET_DYN) go to two thirds of user space plus a random offset, the
 * interpreter to where mmap puts it, the heap a random distance behind the
 * program.
 */
#include <arch/uaccess.h>
#include <fs/file.h>
#include <kernel/lib/random.h>
#include <kernel/mm/mm.h>
#include <kernel/proc/exec.h>
#include <kernel/task/thread.h>

#define PIE_BASE	ALIGN_DOWN(TASK_SIZE / 3 * 2, PMD_SIZE)
#define PIE_RANDOM_BITS	18		/* pages: 1 GiB */
#define BRK_RANDOM_BITS	13		/* pages: 32 MiB */

u64 exec_random_pages(u32 bits, bool randomize)
{
	return randomize ? (random_u64() & GENMASK(bits - 1, 0)) << PAGE_SHIFT : 0;
}

int exec_file_read(struct exec_file *x, const void *head, size_t head_len)
{
	ssize_t size, got;
	loff_t pos;
	int err = elf_check_header(head, head_len, &x->elf);

	if (err)
		return err;
	size = x->elf.phnum * sizeof(struct elf_phdr);
	x->phdrs = kmalloc(size, GFP_KERNEL);
	if (!x->phdrs)
		return -ENOMEM;
	pos = x->elf.phoff;
	got = kernel_read(x->file, x->phdrs, size, &pos);
	if (got != size)
		return got < 0 ? got : -ENOEXEC;
	return elf_check_segments(x->phdrs, &x->elf);
}

void exec_file_release(struct exec_file *x)
{
	kfree(x->phdrs);
	if (x->file)
		file_put(x->file);
}

static u32 segment_prot(const struct elf_phdr *p)
{
	return ((p->flags & PF_R) ? PROT_READ : 0) | ((p->flags & PF_W) ? PROT_WRITE : 0) |
	       ((p->flags & PF_X) ? PROT_EXEC : 0);
}

/* Memory behind the file's part: clear to the page's end, then whole pages. */
static int map_zero_part(const struct elf_phdr *p, u64 bias)
{
	uaddr_t file_end = p->vaddr + bias + p->filesz, end = p->vaddr + bias + p->memsz;
	uaddr_t page_end = ALIGN_UP(file_end, PAGE_SIZE);
	u64 tail = min(page_end, end) - file_end;

	if (p->memsz == p->filesz)
		return 0;
	if (p->filesz && tail && (p->flags & PF_W) && clear_user(file_end, tail))
		return -EFAULT;
	if (!p->filesz)
		page_end = ALIGN_DOWN(file_end, PAGE_SIZE);
	end = ALIGN_UP(end, PAGE_SIZE);
	if (end <= page_end)
		return 0;
	return vm_brk(page_end, end - page_end, (p->flags & PF_X) ? VM_EXEC : 0);
}

static int map_segment(const struct exec_file *x, const struct elf_phdr *p, u64 bias, u32 flags)
{
	u64 in_page = p->vaddr & (PAGE_SIZE - 1);
	long addr;

	if (p->filesz) {
		addr = vm_mmap(x->file, p->vaddr + bias - in_page, p->filesz + in_page,
			       segment_prot(p), MAP_PRIVATE | flags, p->offset - in_page);
		if (addr < 0)
			return addr;
	}
	return map_zero_part(p, bias);
}

/* Room for all of x at or near hint (0: anywhere); the bias to add to its addresses, or -errno. */
static long reserve(const struct exec_file *x, uaddr_t hint)
{
	const struct elf_file *e = &x->elf;
	u64 size = e->high - e->low, slack = e->align - PAGE_SIZE;
	uaddr_t start;
	long addr;

	addr = vm_mmap(NULL, hint, size + slack, 0, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, 0);
	if (addr < 0)
		return addr;
	start = ALIGN_UP((uaddr_t)addr - e->low, e->align) + e->low;
	vm_munmap(addr, size + slack);
	return start - e->low;
}

static int map_file(const struct exec_file *x, u64 bias)
{
	const struct elf_file *e = &x->elf;
	int err = 0;

	for (u32 i = 0; i < e->phnum && !err; i++)
		if (e->phdrs[i].type == PT_LOAD && e->phdrs[i].memsz)
			err = map_segment(x, &e->phdrs[i], bias, MAP_FIXED_NOREPLACE);
	return err;
}

/* Where mm's code, data and heap are, for /proc and brk. */
static void describe(struct mm *mm, const struct elf_file *e, u64 bias, bool randomize)
{
	uaddr_t heap;

	mm->start_code = ~0ul;
	for (u32 i = 0; i < e->phnum; i++) {
		const struct elf_phdr *p = &e->phdrs[i];
		uaddr_t start = p->vaddr + bias, end = start + p->filesz;

		if (p->type != PT_LOAD)
			continue;
		if (p->flags & PF_X) {
			mm->start_code = min(mm->start_code, start);
			mm->end_code = max(mm->end_code, end);
		}
		mm->start_data = max(mm->start_data, start);
		mm->end_data = max(mm->end_data, end);
	}
	heap = e->high + bias + exec_random_pages(BRK_RANDOM_BITS, randomize);
	mm->start_brk = heap;
	mm->brk = heap;
}

static long place_program(const struct exec_file *x, bool randomize)
{
	if (!x->elf.position_independent)
		return 0;
	return reserve(x, PIE_BASE + exec_random_pages(PIE_RANDOM_BITS, randomize));
}

int exec_load(struct exec_file *program, struct exec_file *interp, bool randomize,
	      struct exec_image *out)
{
	long bias = place_program(program, randomize);
	int err;

	if (bias < 0)
		return bias;
	err = map_file(program, bias);
	if (err)
		return err;
	describe(current->mm, &program->elf, bias, randomize);
	*out = (struct exec_image){
		.phdrs = program->elf.phdrs_vaddr ? program->elf.phdrs_vaddr + bias : 0,
		.phnum = program->elf.phnum,
		.entry = program->elf.entry + bias,
		.start = program->elf.entry + bias,
	};
	if (!interp)
		return 0;
	bias = interp->elf.position_independent ? reserve(interp, 0) : 0;
	if (bias < 0)
		return bias;
	err = map_file(interp, bias);
	out->base = bias + interp->elf.low;
	out->start = interp->elf.entry + bias;
	return err;
}
