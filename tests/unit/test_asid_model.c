/* SPDX-License-Identifier: MIT */
/*
 * The real asid.c and tlb.c against the worst TLB that the specification allows.
 *
 * The model: each hart remembers every translation it could have made, valid or
 * not, by ASID or as global, and forgets only what a fence's operands name. Before
 * and after each step every hart fills its TLB with all that its satp can reach,
 * as speculation may. With erratum CIP-1200 only the bare fence has an effect.
 *
 * Steps, drawn at random: switch to an address space or to the kernel's own,
 * go on as a thread without address space on the tables that are loaded, access, map,
 * unmap one or many pages, free page tables, create (fork, exec) and destroy address
 * spaces, write code, remap kernel memory. Every value ever mapped is a new number, so
 * that an access through a stale entry shows, and so is every page table: no hart may
 * remember a freed one while its satp leads there.
 *
 * mutate_tlb.py deletes the fences one by one and expects a failure each time.
 */
#include "unit.h"
#include <arch/tlb.h>
#include <arch/tlb_hw.h>
#include <arch/sv39.h>
#include <kernel/mm/mm.h>
#include <kernel/percpu.h>
#include <kernel/lib/string.h>
#include "arch/riscv/mm/asid.h"

#define HARTS		4
#define SPACES		12
#define PAGES		24		/* user pages of a space, more than are fenced singly */
#define KPAGES		12		/* kernel pages */
#define KBASE		0xffffffca00000000ul
#define ASIDS		(1u << 16)
#define UNKNOWN		(-1)		/* not in the TLB; 0: remembered as invalid */

struct thread_info host_thread_info;
u32 nr_cpus = HARTS;
u64 cpus_online = BIT(HARTS) - 1;
u64 kernel_satp = 8ul << 60 | 0xfffff;
u64 direct_map_offset, kernel_offset;
struct mm kernel_mm;

void spin_lock_slow(struct spinlock *l)	{ (void)l; EXPECT_TRUE(false); }
void preempt_schedule(void)		{ }

/* --- the machine --- */

static struct hart {
	u64 satp;
	struct mm *running;		/* what the kernel says it runs */
	bool lazy;			/* a thread without address space, on running's tables */
	int walk[ASIDS];		/* the page table remembered for each ASID; 0: none */
	int *tlb[ASIDS];		/* PAGES entries, made when first filled */
	int ktlb[KPAGES];
	u64 icache_time;
} harts[HARTS];

static struct space {
	struct mm mm;
	bool live;
	int table[PAGES], root;
	u64 code_time;
} spaces[SPACES];

static int ktable[KPAGES];
static int next_value = 1;
static u64 now = 1;
static u32 self;
static bool erratum;

static int *entries_of(struct hart *h, u64 asid)
{
	if (!h->tlb[asid]) {
		h->tlb[asid] = __builtin_malloc(PAGES * sizeof(int));
		for (int i = 0; i < PAGES; i++)
			h->tlb[asid][i] = UNKNOWN;
	}
	return h->tlb[asid];
}

static struct space *space_of_satp(u64 satp)
{
	u64 ppn = satp & SATP_PPN_MASK;

	return ppn >= 1 && ppn <= SPACES ? &spaces[ppn - 1] : NULL;
}

static u64 asid_of_satp(u64 satp)
{
	return (satp & SATP_ASID_MASK) >> SATP_ASID_SHIFT;
}

/* Remember whatever can be walked to. */
static void speculate(struct hart *h)
{
	struct space *s = space_of_satp(h->satp);

	for (int i = 0; i < KPAGES; i++)
		if (h->ktlb[i] == UNKNOWN)
			h->ktlb[i] = ktable[i];
	if (!s)
		return;
	if (!h->walk[asid_of_satp(h->satp)])
		h->walk[asid_of_satp(h->satp)] = s->root;
	for (int i = 0; i < PAGES; i++)
		if (entries_of(h, asid_of_satp(h->satp))[i] == UNKNOWN)
			entries_of(h, asid_of_satp(h->satp))[i] = s->table[i];
}

static void forget(struct hart *h, u64 start, u64 size, bool all_asids, u64 asid)
{
	u64 end = size == ~0ul ? ~0ul : start + size;

	for (u64 a = all_asids ? 0 : asid; size == ~0ul && a < (all_asids ? ASIDS : asid + 1); a++)
		h->walk[a] = 0;
	for (u64 a = all_asids ? 0 : asid; a < (all_asids ? ASIDS : asid + 1); a++)
		for (u64 i = 0; h->tlb[a] && i < PAGES; i++)
			if (i * PAGE_SIZE >= start && i * PAGE_SIZE < end)
				h->tlb[a][i] = UNKNOWN;
	for (u64 i = 0; all_asids && i < KPAGES; i++)
		if (KBASE + i * PAGE_SIZE >= start && KBASE + i * PAGE_SIZE < end)
			h->ktlb[i] = UNKNOWN;
}

void hw_sfence_all(void)
{
	forget(&harts[self], 0, ~0ul, true, 0);
}

void hw_sfence_asid(u64 asid)
{
	if (!erratum)
		forget(&harts[self], 0, ~0ul, false, asid);
}

void hw_sfence_page(u64 va)
{
	if (!erratum)
		forget(&harts[self], va, PAGE_SIZE, true, 0);
}

void hw_sfence_page_asid(u64 va, u64 asid)
{
	if (!erratum)
		forget(&harts[self], va, PAGE_SIZE, false, asid);
}

void hw_fence_i(void)
{
	harts[self].icache_time = now;
}

void hw_satp_write(u64 satp)
{
	EXPECT_TRUE(asid_of_satp(satp) >> tlb_policy.asid_bits == 0);
	harts[self].satp = satp;
	speculate(&harts[self]);
}

void hw_remote_sfence(u64 cpus, u64 start, u64 size)
{
	for (u32 h = 0; h < HARTS; h++)
		if ((cpus & BIT(h)) && (!erratum || size == ~0ul))
			forget(&harts[h], start, size, true, 0);
}

void hw_remote_sfence_asid(u64 cpus, u64 start, u64 size, u64 asid)
{
	for (u32 h = 0; h < HARTS; h++)
		if ((cpus & BIT(h)) && !erratum)
			forget(&harts[h], start, size, false, asid);
}

void hw_remote_fence_i(u64 cpus)
{
	for (u32 h = 0; h < HARTS; h++)
		if (cpus & BIT(h))
			harts[h].icache_time = now;
}

/* --- the steps --- */

static u64 seed;

static u64 random(u64 n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed % n;
}

static void be(u32 h)
{
	self = h;
	host_thread_info.cpu = h;
}

static void switch_to(u32 h, struct mm *mm)
{
	be(h);
	mm_switch(harts[h].running, mm);
	harts[h].running = mm;
	harts[h].lazy = false;
}

static void go_lazy(u32 h)
{
	be(h);
	mm_switch_lazy();
	harts[h].lazy = true;
}

/* Whose pages hart h may use. */
static struct space *running_on(u32 h)
{
	struct mm *mm = harts[h].running;

	return mm == &kernel_mm || harts[h].lazy ? NULL : container_of(mm, struct space, mm);
}

static void create(struct space *s)
{
	mm_context_init(&s->mm.context);
	s->mm.pgd = (pte_t *)((u64)(s - spaces + 1) << PAGE_SHIFT);
	s->live = true;
	s->code_time = ++now;
	s->root = next_value++;
	for (int i = 0; i < PAGES; i++)
		s->table[i] = next_value++;
}

/* munmap of all that a table maps: the table goes, too. */
static void free_tables(struct space *s)
{
	for (int i = 0; i < PAGES; i++)
		s->table[i] = 0;
	s->root = next_value++;
	tlb_flush_tables(&s->mm);
}

/* Exit: no hart uses it any more. The pages go without a flush, the tables with one. */
static void destroy(struct space *s)
{
	for (u32 h = 0; h < HARTS; h++)
		if (harts[h].running == &s->mm)
			go_lazy(h);
	be(random(HARTS));
	free_tables(s);
	for (u32 h = 0; h < HARTS; h++)
		if (harts[h].running == &s->mm)
			switch_to(h, &kernel_mm);
	s->live = false;
}

static void change(struct space *s, u64 first, u64 n)
{
	for (u64 i = first; i < first + n; i++)
		s->table[i] = random(4) ? next_value++ : 0;
	if (n == 1)
		tlb_flush_page(&s->mm, first * PAGE_SIZE);
	else
		tlb_flush_range(&s->mm, first * PAGE_SIZE, (first + n) * PAGE_SIZE);
}

static void map(struct space *s, u64 page)
{
	if (!s->table[page])
		s->table[page] = next_value++;	/* invalid -> valid: no flush */
}

static void access(u32 h, struct space *s, u64 page)
{
	int *e = &entries_of(&harts[h], asid_of_satp(harts[h].satp))[page];

	be(h);
	speculate(&harts[h]);
	EXPECT_TRUE(harts[h].icache_time >= s->code_time);
	if (!*e && s->table[page]) {
		tlb_flush_local_page(page * PAGE_SIZE);
		speculate(&harts[h]);
	}
	EXPECT_EQ(*e, s->table[page]);
}

static void change_kernel(void)
{
	u64 first = random(KPAGES), n = 1 + random(KPAGES - first);

	for (u64 i = first; i < first + n; i++)
		ktable[i] = next_value++;
	tlb_flush_kernel_range(KBASE + first * PAGE_SIZE, KBASE + (first + n) * PAGE_SIZE);
	for (u32 h = 0; h < HARTS; h++) {
		speculate(&harts[h]);
		for (u64 i = 0; i < KPAGES; i++)
			EXPECT_EQ(harts[h].ktlb[i], ktable[i]);
	}
}

static void write_code(struct space *s)
{
	s->code_time = ++now;
	icache_flush_mm(&s->mm);
}

static void write_all_code(void)
{
	now++;
	icache_flush_all();
	for (u32 h = 0; h < HARTS; h++)
		EXPECT_EQ(harts[h].icache_time, now);
}

/* Back to what is loaded, if that is still there. */
static void come_back(u32 h)
{
	if (harts[h].lazy && harts[h].running != &kernel_mm &&
	    container_of(harts[h].running, struct space, mm)->live)
		switch_to(h, harts[h].running);
}

/* What the kernel of hart h does next. */
static void act(u32 h)
{
	struct space *s = running_on(h), *any = &spaces[random(SPACES)];
	u64 first = random(PAGES);

	be(h);
	switch (random(15)) {
	case 0: case 1: case 2:
		if (any->live)
			switch_to(h, &any->mm);
		break;
	case 3:
		if (!random(4))
			switch_to(h, &kernel_mm);
		break;
	case 4:
		if (!any->live)
			create(any);
		else if (!random(4))
			destroy(any);
		break;
	case 5:
		if (any->live)
			change(any, first, 1 + random(PAGES - first));
		break;
	case 6:
		if (s)
			change(s, first, 1);
		break;
	case 7:
		if (any->live)
			map(any, first);
		break;
	case 8:
		change_kernel();
		break;
	case 9:
		if (any->live)
			write_code(any);
		break;
	case 10:
		if (!random(8))
			write_all_code();
		break;
	case 11:
		go_lazy(h);
		break;
	case 12:
		come_back(h);
		break;
	case 13:
		if (any->live && !random(3))
			free_tables(any);
		break;
	default:
		if (s)
			change(s, 0, PAGES);
	}
}

/* What its hart may do at any moment, and every access to what runs on it. */
static void check(u32 h)
{
	struct space *s;

	speculate(&harts[h]);
	s = space_of_satp(harts[h].satp);
	if (s)
		EXPECT_EQ(harts[h].walk[asid_of_satp(harts[h].satp)], s->root);
	s = running_on(h);
	for (u64 i = 0; s && i < PAGES; i++)
		access(h, s, i);
}

static void step(void)
{
	act(random(HARTS));
	for (u32 h = 0; h < HARTS; h++)
		check(h);
}

static void run(u32 bits, u32 cpus, bool with_erratum)
{
	erratum = with_erratum;
	tlb_policy = (struct tlb_policy){
		.asid_bits = bits,
		.use_asids = (1ul << bits) >= cpus + 2,
		.global_only = with_erratum,
	};
	if (tlb_policy.use_asids)
		asid_init(bits);
	seed = 88172645463325252ul + bits;
	for (u32 h = 0; h < HARTS; h++) {
		harts[h].satp = kernel_satp;
		harts[h].running = &kernel_mm;
		harts[h].lazy = false;
		for (u64 i = 0; i < KPAGES; i++)
			harts[h].ktlb[i] = UNKNOWN;
	}
	for (int i = 0; i < 30000; i++)
		step();
}

/* asid.c and tlb.c keep static state: each configuration is a program run of its own. */
TEST(asid_bits_0)		{ run(0, HARTS, false); }
TEST(asid_bits_0_erratum)	{ run(0, HARTS, true); }
TEST(asid_bits_1)		{ run(1, HARTS, false); }
TEST(asid_bits_2)		{ run(2, HARTS, false); }
TEST(asid_bits_3)		{ run(3, HARTS, false); }
TEST(asid_bits_3_erratum)	{ run(3, HARTS, true); }
TEST(asid_bits_4)		{ run(4, HARTS, false); }
TEST(asid_bits_4_erratum)	{ run(4, HARTS, true); }
TEST(asid_bits_16)		{ run(16, HARTS, false); }
TEST(asid_bits_16_erratum)	{ run(16, HARTS, true); }
