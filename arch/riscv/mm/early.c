/* SPDX-License-Identifier: MIT */
/*
 * The kernel's page tables (the map itself: <arch/layout.h>).
 *
 * early_map() runs at physical addresses and fills three static tables: just
 * enough to fetch the kernel's code and read the device tree. paging_init()
 * then knows the RAM. It hangs 1 GiB leaves over it into those tables, so that
 * phys_to_virt() works while the final tables are made, and switches over.
 *
 * The final map:
 *  (1) Nothing is writable and executable. The image is mapped by 4 KiB pages
 *      with each section's permissions; its text and constants are read-only in
 *      the direct map too, where they appear a second time.
 *  (2) Memory marked no-map in the device tree has no translation at all.
 *  (3) Every top-level entry of the kernel half that can ever be used points to
 *      a table now and never changes, so an address space copies the entries
 *      once, when it is made (pgd_alloc()). Only vmalloc's grow below that: it
 *      gets as many as the machine's memory can need, vmalloc_end says where
 *      they end.
 *  (4) The direct map and the struct page array start at the same physical
 *      address, a multiple of 1 GiB: page <-> address needs no table and no load.
 *  (5) The array is backed where RAM is, in units of the largest buddy block, so
 *      the struct page of a block's buddy can always be read.
 *
 * Leaves have A and D set: hardware may fault where they are clear. Kernel
 * leaves are global: they are the same in every address space.
 */
#include <arch/paging.h>
#include <arch/layout.h>
#include <arch/sv39.h>
#include <arch/csr.h>
#include <arch/tlb.h>
#include <arch/tlb_hw.h>
#include <kernel/mm/bootmem.h>
#include <kernel/mm/page.h>
#include <kernel/lib/string.h>
#include <kernel/sections.h>
#include <kernel/printk.h>
#include <kernel/bug.h>
#include <libfdt.h>

#define PROT_RX		(PTE_V | PTE_R | PTE_X | PTE_A | PTE_D | PTE_G)
#define PROT_RO		(PTE_V | PTE_R | PTE_A | PTE_D | PTE_G)
#define PROT_RW		(PROT_RO | PTE_W)

u64 direct_map_offset __ro_after_init;
u64 kernel_offset __ro_after_init;
u64 kernel_satp __ro_after_init;
u64 vmalloc_end __ro_after_init;
const void *boot_fdt __ro_after_init;
pfn_t ram_first_pfn __ro_after_init, ram_end_pfn __ro_after_init;
pte_t *kernel_pgd __ro_after_init;

static paddr_t fdt_phys __initdata = 0;

/* First tables; in __initdata, and so given back with it. */
static pte_t early_pgd[PTRS_PER_TABLE] __aligned(PAGE_SIZE) __initdata = { { 0 } };
static pte_t early_image[PTRS_PER_TABLE] __aligned(PAGE_SIZE) __initdata = { { 0 } };
static pte_t early_fixmap[PTRS_PER_TABLE] __aligned(PAGE_SIZE) __initdata = { { 0 } };

static inline u64 table_index(u64 va, unsigned shift)
{
	return (va >> shift) % PTRS_PER_TABLE;
}

static inline u64 make_satp(paddr_t pgd)
{
	return SATP_MODE_SV39 | pgd >> PAGE_SHIFT;
}

/*
 * Runs with translation off: the addresses of statics are relative to the
 * program counter (medany), hence physical here.
 */
u64 __init early_map(paddr_t kernel_pa, paddr_t fdt_pa)
{
	u64 image_size = __image_end - __image_start;
	paddr_t fdt_base = ALIGN_DOWN(fdt_pa, PMD_SIZE);

	kernel_offset = KERNEL_VADDR - kernel_pa;
	fdt_phys = fdt_pa;
	boot_fdt = (const void *)(FDT_VADDR + (fdt_pa - fdt_base));

	early_pgd[table_index(KERNEL_VADDR, PGD_SHIFT)] = pte_make((paddr_t)early_image, PTE_V);
	early_pgd[table_index(FDT_VADDR, PGD_SHIFT)] = pte_make((paddr_t)early_fixmap, PTE_V);
	for (u64 i = 0; i * PMD_SIZE < image_size; i++)
		early_image[i] = pte_make(kernel_pa + i * PMD_SIZE, PROT_RW | PTE_X);
	for (u64 i = 0; i * PMD_SIZE < FDT_MAX_SIZE; i++)
		early_fixmap[i] = pte_make(fdt_base + i * PMD_SIZE, PROT_RO);
	return make_satp((paddr_t)early_pgd);
}

/* Invariant (4), and writable 1 GiB leaves over all RAM in the early tables. */
static void __init open_direct_map(void)
{
	unsigned count;
	const struct phys_range *ram = bootmem_ram(&count);
	paddr_t base = ALIGN_DOWN(ram[0].start, PGD_SIZE);

	if (ram[count - 1].end - base > DIRECT_MAP_SIZE) {
		bootmem_remove(base + DIRECT_MAP_SIZE, ~0ul << PAGE_SHIFT);
		ram = bootmem_ram(&count);
	}
	direct_map_offset = DIRECT_MAP_START - base;
	ram_first_pfn = base >> PAGE_SHIFT;
	ram_end_pfn = ram[count - 1].end >> PAGE_SHIFT;
	for (unsigned i = 0; i < count; i++) {
		paddr_t pa = ALIGN_DOWN(ram[i].start, PGD_SIZE);

		for (; pa < ram[i].end; pa += PGD_SIZE)
			early_pgd[table_index((u64)phys_to_virt(pa), PGD_SHIFT)] =
				pte_make(pa, PROT_RW);
	}
	hw_sfence_all();
}

/* The table entry points to; made if there is none. */
static pte_t *__init table_of(pte_t *entry)
{
	if (pte_none(*entry))
		*entry = pte_make(virt_to_phys(early_alloc(PAGE_SIZE, PAGE_SIZE)), PTE_V);
	BUG_ON(pte_is_leaf(*entry));
	return phys_to_virt(pte_addr(*entry));
}

static bool __init fits_leaf(u64 va, paddr_t pa, u64 size, u64 leaf)
{
	return IS_ALIGNED(va, leaf) && IS_ALIGNED(pa, leaf) && size >= leaf;
}

/* One leaf at va, the largest that alignment allows; returns its size. */
static u64 __init map_leaf(u64 va, paddr_t pa, u64 size, u64 prot)
{
	pte_t *e = &kernel_pgd[table_index(va, PGD_SHIFT)];
	u64 leaf = PGD_SIZE;

	if (!fits_leaf(va, pa, size, PGD_SIZE)) {
		e = table_of(e) + table_index(va, PMD_SHIFT);
		leaf = PMD_SIZE;
		if (!fits_leaf(va, pa, size, PMD_SIZE)) {
			e = table_of(e) + table_index(va, PAGE_SHIFT);
			leaf = PAGE_SIZE;
		}
	}
	*e = pte_make(pa, prot);
	return leaf;
}

static void __init map_range(u64 va, paddr_t pa, u64 size, u64 prot)
{
	while (size) {
		u64 done = map_leaf(va, pa, size, prot);

		va += done;
		pa += done;
		size -= done;
	}
}

/* Sections share 2 MiB pages: the whole image goes by 4 KiB ones. */
static void __init map_section(const char *start, const char *end, u64 prot)
{
	for (u64 va = (u64)start; va < (u64)end; va += PAGE_SIZE)
		map_range(va, va - kernel_offset, PAGE_SIZE, prot);
}

static void __init map_image(void)
{
	map_section(__image_start, __rodata_start, PROT_RX);
	map_section(__rodata_start, __init_start, PROT_RO);
	map_section(__init_start, __init_data_start, PROT_RX);
	map_section(__init_data_start, __image_end, PROT_RW);
}

static void __init map_direct_part(paddr_t start, paddr_t end, u64 prot)
{
	if (start < end)
		map_range((u64)phys_to_virt(start), start, end - start, prot);
}

/* Each range in three parts: below, inside and above the image's read-only sections. */
static void __init map_direct(void)
{
	paddr_t ro_start = virt_to_phys(__image_start);
	paddr_t ro_end = virt_to_phys(__init_start);
	unsigned count;
	const struct phys_range *ram = bootmem_ram(&count);

	for (unsigned i = 0; i < count; i++) {
		paddr_t s = ram[i].start, e = ram[i].end;

		map_direct_part(s, min(e, ro_start), PROT_RW);
		map_direct_part(max(s, ro_start), min(e, ro_end), PROT_RO);
		map_direct_part(max(s, ro_end), e, PROT_RW);
	}
}

static void __init map_fdt(void)
{
	paddr_t first = ALIGN_DOWN(fdt_phys, PAGE_SIZE);
	paddr_t last = ALIGN_UP(fdt_phys + fdt_totalsize(boot_fdt), PAGE_SIZE);

	/* Where early_map() put it, so that pointers into the tree stay right. */
	map_range(ALIGN_DOWN((u64)boot_fdt, PAGE_SIZE), first, last - first, PROT_RO);
}

/* Back the struct pages of [start, end) with fresh memory where nothing does yet. */
static void __init map_vmemmap(paddr_t start, paddr_t end)
{
	const u64 block = PAGE_SIZE << MAX_ORDER;
	u64 va = (u64)phys_to_page(ALIGN_DOWN(start, block));
	u64 stop = (u64)phys_to_page(ALIGN_UP(end, block));
	static u64 backed __initdata = 0;

	va = max(ALIGN_DOWN(va, PAGE_SIZE), backed);
	while (va < stop) {
		paddr_t pa = 0;
		u64 size = PMD_SIZE;

		if (fits_leaf(va, 0, stop - va, PMD_SIZE))
			pa = bootmem_take(PMD_SIZE, PMD_SIZE);
		if (!pa) {
			size = PAGE_SIZE;
			pa = bootmem_take(PAGE_SIZE, PAGE_SIZE);
			if (!pa)
				panic("no memory for the struct page array");
		}
		map_range(va, pa, size, PROT_RW);
		va += size;
	}
	backed = va;
}

static void __init map_page_array(void)
{
	unsigned count;
	const struct phys_range *ram = bootmem_ram(&count);

	for (unsigned i = 0; i < count; i++)
		map_vmemmap(ram[i].start, ram[i].end);
}

/* One GiB of addresses for each 256 MiB of RAM, at least two. */
static void __init make_vmalloc_tables(void)
{
	u64 gib = (ram_end_pfn - ram_first_pfn) >> (28 - PAGE_SHIFT);

	gib = clamp(gib, 2ul, (VMALLOC_END - VMALLOC_START) / PGD_SIZE);
	vmalloc_end = VMALLOC_START + gib * PGD_SIZE;
	for (u64 va = VMALLOC_START; va < vmalloc_end; va += PGD_SIZE)
		table_of(&kernel_pgd[table_index(va, PGD_SHIFT)]);
}

void __init paging_init(void)
{
	memmap_read(fdt_phys);
	open_direct_map();
	kernel_pgd = early_alloc(PAGE_SIZE, PAGE_SIZE);
	map_image();
	map_direct();
	map_fdt();
	map_page_array();
	make_vmalloc_tables();
	kernel_satp = make_satp(virt_to_phys(kernel_pgd));
	csr_write(satp, kernel_satp);
	hw_sfence_all();
}

/* The leaf of a page of the image. */
static pte_t *image_pte(const char *p)
{
	pte_t *table = kernel_pgd;
	u64 va = (u64)p;

	table = phys_to_virt(pte_addr(table[table_index(va, PGD_SHIFT)]));
	table = phys_to_virt(pte_addr(table[table_index(va, PMD_SHIFT)]));
	return &table[table_index(va, PAGE_SHIFT)];
}

void paging_free_init(void)
{
	for (char *p = __init_start; p < __init_end; p += PAGE_SIZE)
		pte_write(image_pte(p), (pte_t){ 0 });
	for (char *p = __ro_after_init_start; p < __ro_after_init_end; p += PAGE_SIZE) {
		pte_t *pte = image_pte(p);

		pte_write(pte, (pte_t){ pte_read(pte).bits & ~PTE_W });
	}
	tlb_flush_kernel_range((u64)__init_start, (u64)__ro_after_init_end);
	for (char *p = __init_start; p < __init_end; p += PAGE_SIZE)
		page_release_reserved(phys_to_page(virt_to_phys(p)));
	pr_info("memory: %lu KiB of set-up code given back\n", (u64)(__init_end - __init_start) >> 10);
}
