/* SPDX-License-Identifier: MIT */
/*
 * Giving user mode our code and clock data: two special mappings in every address
 * space, [vvar] with the data page and above it [vdso] with a shared object that
 * the program finds through AT_SYSINFO_EHDR. All processes share both pages.
 *
 * The object (vdso.ld.S, user/) comes with the image as boot-time data and is
 * copied into a page of its own. Its symbols carry the version LINUX_4.15, which
 * C libraries ask for on riscv.
 */
#include <arch/vdso.h>
#include <kernel/bug.h>
#include <kernel/lib/string.h>
#include <kernel/mm/mm.h>
#include <kernel/mm/page.h>
#include <kernel/time/timekeeping.h>

extern const char vdso_image[], vdso_image_end[];	/* image.S */

static struct page *code_page __ro_after_init, *data_page __ro_after_init;

static struct page *code_fault(struct vma *vma, uaddr_t addr, int *err)
{
	page_get(code_page);
	return code_page;
}

static struct page *data_fault(struct vma *vma, uaddr_t addr, int *err)
{
	page_get(data_page);
	return data_page;
}

static const char *code_name(const struct vma *vma)
{
	return "[vdso]";
}

static const char *data_name(const struct vma *vma)
{
	return "[vvar]";
}

static const struct vm_ops code_ops = { .fault = code_fault, .name = code_name };
static const struct vm_ops data_ops = { .fault = data_fault, .name = data_name };

int vdso_map(struct mm *mm)
{
	/* MAYWRITE: a debugger's breakpoints go to a private copy. */
	u64 code_flags = VM_READ | VM_EXEC | VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC | VM_DONTEXPAND |
			 VM_VDSO;
	u64 data_flags = VM_READ | VM_MAYREAD | VM_DONTEXPAND;
	uaddr_t base = vm_unmapped_area(mm, 2 * PAGE_SIZE, 0, NULL, 0, 0);
	int err;

	if (!base)
		return -ENOMEM;
	err = vm_install_special(mm, base, PAGE_SIZE, data_flags, &data_ops, NULL);
	if (!err)
		err = vm_install_special(mm, base + PAGE_SIZE, PAGE_SIZE, code_flags, &code_ops,
					 NULL);
	if (!err)
		mm->vdso = base + PAGE_SIZE;
	return err;
}

void __init vdso_init(void)
{
	code_page = page_alloc(GFP_KERNEL | GFP_ZERO);
	data_page = page_alloc(GFP_KERNEL | GFP_ZERO);
	if (!code_page || !data_page)
		panic("no memory for the vDSO");
	memcpy(page_address(code_page), vdso_image, vdso_image_end - vdso_image);
	time_publish(page_address(data_page));
}
