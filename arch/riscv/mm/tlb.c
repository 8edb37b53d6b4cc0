/* SPDX-License-Identifier: MIT */
/*
 * Address-space switch and TLB shootdown.
 *
 * What hardware may do (Privileged Architecture 20211203, 4.2.1): keep any
 * translation, of any ASID, until a fence names it. So the rules are:
 *
 *  (1) context->cpus has a CPU's bit from before it loads the tables until it has
 *      forgotten all it learnt from them. Who changes an entry flushes on those
 *      CPUs and no others.
 *  (2) The entry is written before cpus is read, and a CPU sets its bit before
 *      its first access through the tables: either it is seen and fenced, or it
 *      sees the new entry. The barriers in flush() and mm_switch() pair.
 *  (3) A page is freed after the flush. tlb_gather keeps that order. Only the pages
 *      of an address space without users go without one: nobody will use their
 *      translations, and its ASID is not given out again before all is flushed.
 *  (4) Invalid -> valid is not fenced. A CPU may remember "invalid" and fault:
 *      the fault finds a sufficient entry, fences that page locally, retries.
 *  (5) A freed page table may live on in a cache of its non-leaf entries, which
 *      only a fence without an address covers, and a hart may walk it, and write A
 *      bits to it, as long as satp leads there: tables are followed by
 *      tlb_flush_tables().
 *
 * Fences that can wait. A CPU that runs something else, or a thread without address
 * space on borrowed tables, does not use what it remembers of this address space.
 * Nobody waits for it: its bit in context->stale makes it flush before it uses it
 * again. Most processes have one thread, which has been on many CPUs: a fence of
 * theirs disturbs nobody. Who flushes sets the bit and then reads loaded[].user; a
 * CPU sets user and then reads the bit: one of them sees the other's. What a CPU
 * stored through an old translation is done before it says, by a release, that it
 * left. Where tables are freed, the CPUs whose satp leads to them count as well.
 *
 * Policies (struct tlb_policy). With ASIDs, translations outlive a switch, and
 * asid.c decides when a number means something new. Without (JH7110 has no ASID
 * bits), each switch forgets everything but global entries, and takes the CPU
 * out of cpus. Cores with SiFive erratum CIP-1200 may keep entries that a fence
 * with an address names: there only the bare fence is used, once per operation.
 *
 * Other CPUs are fenced by the firmware (SBI RFENCE), which needs no interrupt
 * of theirs enabled: the callers may hold spinlocks.
 *
 * Instruction caches: who writes code makes this hart and all that may hold
 * translations execute FENCE.I, and marks the context stale for the rest: they
 * do it when they switch to it.
 */
#include "asid.h"
#include <arch/tlb.h>
#include <arch/tlb_hw.h>
#include <arch/tlb_gather.h>
#include <arch/paging.h>
#include <arch/layout.h>
#include <kernel/mm/mm.h>
#include <kernel/percpu.h>
#include <kernel/lock/preempt.h>

/*
 * Pages. Above it one fence for the whole address space: chosen; a U74 refills its
 * 40-entry first level in about the time of so many fences.
 */
#define FLUSH_SINGLY_MAX	8

struct tlb_policy tlb_policy __ro_after_init;

/* Written only by its CPU, interrupts off. */
static struct {
	/* whose translations it uses or is about to; NULL: nobody's. Atomic */
	struct mm *user;
	struct mm *mm;		/* whose tables satp has; changed after user */
} __cacheline_aligned loaded[NR_CPUS];

void mm_context_init(struct mm_context *c)
{
	/* Memory that it will execute may have held other code: fence.i once on each CPU. */
	*c = (struct mm_context){ .icache_stale = ~0ul };
}

static inline u64 satp_of(const struct mm *mm, u64 asid)
{
	return SATP_MODE_SV39 | asid << SATP_ASID_SHIFT | virt_to_phys(mm->pgd) >> PAGE_SHIFT;
}

static inline void set_cpu(struct mm_context *c, u64 self)
{
	if (!(__atomic_load_n(&c->cpus, __ATOMIC_RELAXED) & self))
		__atomic_fetch_or(&c->cpus, self, __ATOMIC_SEQ_CST);
	smp_mb();	/* rule (2); pairs with flush() and icache_flush_mm() */
}

/* Every entry but global ones, on this CPU. */
static inline void forget_user(void)
{
	if (tlb_policy.global_only)
		hw_sfence_all();
	else
		hw_sfence_asid(0);
}

/* This CPU has user set: must it flush first? */
static inline bool take_stale(struct mm_context *c, u64 self)
{
	if (likely(!(__atomic_load_n(&c->stale, __ATOMIC_RELAXED) & self)))
		return false;
	__atomic_fetch_and(&c->stale, ~self, __ATOMIC_SEQ_CST);
	return true;
}

static __noinline void switch_without_asids(struct mm *prev, struct mm *next, u64 self)
{
	if (next != &kernel_mm) {
		set_cpu(&next->context, self);
		(void)take_stale(&next->context, self);	/* all is flushed below */
	}
	hw_satp_write(next == &kernel_mm ? kernel_satp : satp_of(next, 0));
	forget_user();
	if (prev && prev != &kernel_mm)
		__atomic_fetch_and(&prev->context.cpus, ~self, __ATOMIC_SEQ_CST);
}

/* Every entry of an ASID, on this CPU. */
static inline void forget_asid(u64 asid)
{
	if (tlb_policy.global_only)
		hw_sfence_all();
	else
		hw_sfence_asid(asid);
}

static void switch_with_asids(struct mm *next, u32 cpu)
{
	u64 asid;

	if (next == &kernel_mm) {
		hw_satp_write(kernel_satp);
		return;
	}
	asid = asid_get(&next->context, cpu);
	set_cpu(&next->context, BIT(cpu));
	if (take_stale(&next->context, BIT(cpu)))
		forget_asid(asid);
	hw_satp_write(satp_of(next, asid));
}

static inline void fence_stale_icache(struct mm_context *c, u64 self)
{
	if (unlikely(__atomic_load_n(&c->icache_stale, __ATOMIC_RELAXED) & self)) {
		__atomic_fetch_and(&c->icache_stale, ~self, __ATOMIC_SEQ_CST);
		hw_fence_i();
	}
}

/* Back from a thread without address space, to the one whose tables are loaded. */
static void use_loaded(struct mm *mm, u32 cpu)
{
	smp_store_release(&loaded[cpu].user, mm);
	smp_mb();	/* user, then stale; pairs with must_fence() */
	if (take_stale(&mm->context, BIT(cpu)))
		forget_asid(__atomic_load_n(&mm->context.asid, __ATOMIC_RELAXED) & ASID_MASK);
}

void mm_switch(struct mm *prev, struct mm *next)
{
	u32 cpu = cpu_id();

	if (loaded[cpu].mm == next) {
		if (loaded[cpu].user != next && next != &kernel_mm)
			use_loaded(next, cpu);
		return;
	}
	smp_store_release(&loaded[cpu].user, next);	/* set_cpu() has the barrier after it */
	if (tlb_policy.use_asids)
		switch_with_asids(next, cpu);
	else
		switch_without_asids(loaded[cpu].mm, next, BIT(cpu));
	WRITE_ONCE(loaded[cpu].mm, next);
	fence_stale_icache(&next->context, BIT(cpu));
}

void mm_switch_lazy(void)
{
	smp_store_release(&loaded[cpu_id()].user, NULL);
}

static inline bool few_pages(u64 start, u64 end)
{
	return end - start <= FLUSH_SINGLY_MAX * PAGE_SIZE && !tlb_policy.global_only;
}

static void flush_local(u64 start, u64 end, u64 asid)
{
	if (tlb_policy.global_only) {
		hw_sfence_all();
		return;
	}
	if (!few_pages(start, end)) {
		hw_sfence_asid(asid);
		return;
	}
	for (u64 va = start; va < end; va += PAGE_SIZE)
		hw_sfence_page_asid(va, asid);
}

static void flush_remote(u64 cpus, u64 start, u64 end, u64 asid)
{
	if (tlb_policy.global_only)
		hw_remote_sfence(cpus, 0, ~0ul);
	else if (few_pages(start, end))
		hw_remote_sfence_asid(cpus, start, end - start, asid);
	else
		hw_remote_sfence_asid(cpus, 0, ~0ul, asid);
}

/* Those of cpus that use translations of mm, or whose satp leads to its tables. */
static u64 users_among(const struct mm *mm, u64 cpus, bool tables)
{
	u64 users = 0;

	for (u64 left = cpus; left; left &= left - 1) {
		u32 cpu = __builtin_ctzl(left);

		/* In this order: a CPU changes mm after user. */
		if (smp_load_acquire(&loaded[cpu].user) == mm ||
		    (tables && READ_ONCE(loaded[cpu].mm) == mm))
			users |= BIT(cpu);
	}
	return users;
}

/* The CPUs to be fenced now; the rest of others flush before they run mm again. */
static u64 must_fence(struct mm *mm, u64 others, bool tables)
{
	u64 users = users_among(mm, others, tables), rest = others & ~users;

	if (!rest)
		return users;
	__atomic_fetch_or(&mm->context.stale, rest, __ATOMIC_SEQ_CST);
	smp_mb();	/* stale, then user; pairs with mm_switch() */
	return users | users_among(mm, rest, tables);
}

static void flush(struct mm *mm, u64 start, u64 end, bool tables)
{
	struct mm_context *c = &mm->context;
	u64 cpus, self, asid;

	preempt_disable();
	smp_mb();	/* rule (2): entries written, then cpus read; pairs with set_cpu() */
	self = BIT(cpu_id());
	cpus = __atomic_load_n(&c->cpus, __ATOMIC_RELAXED);
	asid = __atomic_load_n(&c->asid, __ATOMIC_RELAXED) & ASID_MASK;
	if (cpus & self)
		flush_local(start, end, asid);
	cpus &= ~self;
	if (cpus)
		cpus = must_fence(mm, cpus, tables);
	if (cpus)
		flush_remote(cpus, start, end, asid);
	preempt_enable();
}

void tlb_flush_range(struct mm *mm, uaddr_t start, uaddr_t end)
{
	flush(mm, ALIGN_DOWN(start, PAGE_SIZE), ALIGN_UP(end, PAGE_SIZE), false);
}

void tlb_flush_page(struct mm *mm, uaddr_t addr)
{
	addr = ALIGN_DOWN(addr, PAGE_SIZE);
	flush(mm, addr, addr + PAGE_SIZE, false);
}

void tlb_flush_mm(struct mm *mm)
{
	flush(mm, 0, ~0ul, false);
}

void tlb_flush_tables(struct mm *mm)
{
	flush(mm, 0, ~0ul, true);
}

/* Kernel entries are global: a fence that names an ASID would leave them. */
void tlb_flush_kernel_range(u64 start, u64 end)
{
	u64 others;

	preempt_disable();
	smp_mb();
	if (few_pages(start, end))
		for (u64 va = ALIGN_DOWN(start, PAGE_SIZE); va < end; va += PAGE_SIZE)
			hw_sfence_page(va);
	else
		hw_sfence_all();
	others = cpus_online & ~BIT(cpu_id());
	if (others && few_pages(start, end))
		hw_remote_sfence(others, start, end - start);
	else if (others)
		hw_remote_sfence(others, 0, ~0ul);
	preempt_enable();
}

void tlb_flush_local_page(uaddr_t addr)
{
	if (tlb_policy.global_only)
		hw_sfence_all();
	else
		hw_sfence_page(ALIGN_DOWN(addr, PAGE_SIZE));
}

void icache_flush_mm(struct mm *mm)
{
	struct mm_context *c = &mm->context;
	u64 others, self;

	preempt_disable();
	self = BIT(cpu_id());
	if ((__atomic_load_n(&c->icache_stale, __ATOMIC_RELAXED) | self) != ~0ul)
		__atomic_fetch_or(&c->icache_stale, ~self, __ATOMIC_SEQ_CST);
	smp_mb();	/* marked, then cpus read; pairs with set_cpu() */
	hw_fence_i();
	others = __atomic_load_n(&c->cpus, __ATOMIC_RELAXED) & ~self;
	if (others)
		hw_remote_fence_i(others);
	preempt_enable();
}

void icache_flush_all(void)
{
	u64 others;

	preempt_disable();
	smp_mb();
	hw_fence_i();
	others = cpus_online & ~BIT(cpu_id());
	if (others)
		hw_remote_fence_i(others);
	preempt_enable();
}
