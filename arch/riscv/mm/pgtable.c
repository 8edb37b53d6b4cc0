/* SPDX-License-Identifier: MIT */
/*
 * User page tables (rules: <arch/pgtable.h>).
 *
 * A table page is PG_TABLE; its struct page holds the lock of its entries and,
 * once it is unlinked, the RCU head or the link to the next one of a batch.
 *
 * Tables come back empty: whoever frees one has cleared its entries, since that
 * is what unmapping means. So freed tables go, after their grace period, to a
 * small stock per CPU and are handed out again without being zeroed. The same
 * holds for top-level tables, whose kernel half never changes.
 */
#include <arch/pgtable.h>
#include <arch/paging.h>
#include <arch/layout.h>
#include <kernel/mm/counts.h>
#include <kernel/lib/string.h>
#include <kernel/lock/rcu.h>
#include <kernel/percpu.h>
#include <kernel/bug.h>

#define STOCK_TABLES	14	/* per CPU; chosen: what a small process uses, twice */
#define STOCK_PGDS	2
#define KERNEL_FIRST	(PTRS_PER_TABLE / 2)

struct table_stock {
	u32 tables, pgds;
	struct page *table[STOCK_TABLES];
	struct page *pgd[STOCK_PGDS];
};
static DEFINE_PERCPU(struct table_stock, table_stock);

static struct page *stock_pop(struct page **stock, u32 *count)
{
	return *count ? stock[--*count] : NULL;
}

static struct page *take_table(void)
{
	u64 flags = local_irq_save();
	struct table_stock *s = &this_cpu(table_stock);
	struct page *p = stock_pop(s->table, &s->tables);

	local_irq_restore(flags);
	return p;
}

/* False: the stock is full. */
static bool keep_table(struct page *p)
{
	u64 flags = local_irq_save();
	struct table_stock *s = &this_cpu(table_stock);
	bool room = s->tables < STOCK_TABLES;

	if (room)
		s->table[s->tables++] = p;
	local_irq_restore(flags);
	return room;
}

static bool lock_create(struct page *p, u32 gfp)
{
#ifdef CONFIG_LOCK_DEBUG
	struct spinlock *l = kmalloc(sizeof(*l), gfp);

	if (!l)
		return false;
	p->private = (u64)l;
#else
	(void)gfp;
#endif
	spin_lock_init(page_pte_lock(p), RANK_PTE);
	return true;
}

static void lock_destroy(struct page *p)
{
#ifdef CONFIG_LOCK_DEBUG
	kfree((void *)p->private);
#else
	(void)p;
#endif
}

static struct page *table_create(u32 gfp)
{
	struct page *p = take_table();

	if (p)
		return p;
	p = page_alloc((gfp | GFP_ZERO) & ~GFP_MOVABLE);
	if (!p)
		return NULL;
	p->flags = BIT(PG_TABLE);
	if (!lock_create(p, gfp & ~GFP_MOVABLE)) {
		page_put(p);
		return NULL;
	}
	mem_count_add(MEM_PAGE_TABLES, 1);
	return p;
}

static bool is_empty(const pte_t *table)
{
	for (unsigned i = 0; i < PTRS_PER_TABLE; i++)
		if (table[i].bits)
			return false;
	return true;
}

static void table_destroy(struct page *p)
{
	ASSERT(is_empty(page_address(p)));
	if (keep_table(p))
		return;
	lock_destroy(p);
	mem_count_add(MEM_PAGE_TABLES, -1);
	page_free_order(p, 0);
}

/* The table entry points to, made if there is none. */
static pte_t *table_below(struct mm *mm, pte_t *entry, u32 gfp)
{
	pte_t e = pte_read(entry);
	struct page *p;
	u64 none = 0;

	if (likely(pte_present(e)))
		return pte_table(e);
	p = table_create(gfp);
	if (!p)
		return NULL;
	e = pte_make(page_to_phys(p), PTE_V);
	/* Release: who finds the table, hardware too, finds it empty. */
	if (!__atomic_compare_exchange_n(&entry->bits, &none, e.bits, false,
					 __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
		table_destroy(p);
		return pte_table((pte_t){ none });
	}
	atomic_inc(&mm->table_pages);
	return page_address(p);
}

pte_t *pte_alloc(struct mm *mm, uaddr_t addr, u32 gfp)
{
	pte_t *table = table_below(mm, &mm->pgd[pgd_index(addr)], gfp);

	if (table)
		table = table_below(mm, &table[pmd_index(addr)], gfp);
	return table ? &table[pte_index(addr)] : NULL;
}

bool pte_range_next(const struct mm *mm, uaddr_t *addr, uaddr_t end, struct pte_range *r)
{
	uaddr_t a = *addr;

	while (a < end) {
		pte_t e = pte_read(&mm->pgd[pgd_index(a)]);

		if (!pte_present(e)) {
			a = ALIGN_DOWN(a, PGD_SIZE) + PGD_SIZE;
			continue;
		}
		e = pte_read(&pte_table(e)[pmd_index(a)]);
		*addr = ALIGN_DOWN(a, PMD_SIZE) + PMD_SIZE;
		if (pte_present(e)) {
			r->addr = a;
			r->ptes = &pte_table(e)[pte_index(a)];
			r->count = (min(*addr, end) - a) >> PAGE_SHIFT;
			return true;
		}
		a = *addr;
	}
	*addr = end;
	return false;
}

static void gather_table(struct tlb_gather *g, pte_t *entry)
{
	struct page *p = virt_to_page(pte_table(*entry));

	pte_write(entry, (pte_t){ 0 });
	p->lru.next = (struct list_head *)g->tables;
	g->tables = p;
	atomic_dec(&g->mm->table_pages);
}

/* The lowest-level tables of one GiB. */
static void free_pte_tables(struct tlb_gather *g, pte_t *pmds, uaddr_t start, uaddr_t end)
{
	for (uaddr_t a = start; a < end; a += PMD_SIZE)
		if (pte_present(pmds[pmd_index(a)]))
			gather_table(g, &pmds[pmd_index(a)]);
}

void pgtable_free_range(struct tlb_gather *g, uaddr_t start, uaddr_t end, uaddr_t floor,
			uaddr_t ceiling)
{
	uaddr_t at = max(ALIGN_DOWN(start, PMD_SIZE), ALIGN_UP(floor, PMD_SIZE));
	uaddr_t after = min(ALIGN_UP(end, PMD_SIZE), ALIGN_DOWN(ceiling, PMD_SIZE));

	while (at < after) {
		uaddr_t base = ALIGN_DOWN(at, PGD_SIZE);
		uaddr_t stop = min(base + PGD_SIZE, after);
		pte_t *entry = &g->mm->pgd[pgd_index(at)];

		if (pte_present(*entry)) {
			free_pte_tables(g, pte_table(*entry), at, stop);
			if (floor <= base && base + PGD_SIZE <= ceiling)
				gather_table(g, entry);
		}
		at = stop;
	}
}

static void tables_free_rcu(struct rcu_head *head);

/*
 * A batch under RCU: the first table's lru is the rcu_head, the others hang on
 * its index, linked by theirs.
 */
static void tables_free_later(struct page *list)
{
	struct page *p = list;

	while (p) {
		struct page *next = (struct page *)p->lru.next;

		p->index = (u64)next;
		p = next;
	}
	_Static_assert(sizeof(struct rcu_head) <= sizeof(struct list_head), "fits in lru");
	call_rcu((struct rcu_head *)&list->lru, tables_free_rcu);
}

static void tables_free_rcu(struct rcu_head *head)
{
	struct page *p = container_of((struct list_head *)head, struct page, lru);

	while (p) {
		struct page *next = (struct page *)p->index;

		table_destroy(p);
		p = next;
	}
}

void tlb_gather_flush(struct tlb_gather *g)
{
	bool dead = g->dead;

	if (g->tables)
		tlb_flush_tables(g->mm);
	else if (!dead && g->start < g->end)
		tlb_flush_range(g->mm, g->start, g->end);
	for (struct page **p = g->pages, **end = p + g->count; p < end; p++)
		page_put(*p);
	if (g->tables)
		tables_free_later(g->tables);
	tlb_gather_begin(g, g->mm);
	g->dead = dead;
}

pte_t *pgd_alloc(void)
{
	u64 flags = local_irq_save();
	struct table_stock *s = &this_cpu(table_stock);
	struct page *p = stock_pop(s->pgd, &s->pgds);
	pte_t *pgd;

	local_irq_restore(flags);
	if (p)
		return page_address(p);
	p = page_alloc(GFP_KERNEL | GFP_ZERO);
	if (!p)
		return NULL;
	p->flags = BIT(PG_TABLE);
	pgd = page_address(p);
	memcpy(&pgd[KERNEL_FIRST], &kernel_pgd[KERNEL_FIRST],
	       (PTRS_PER_TABLE - KERNEL_FIRST) * sizeof(pte_t));
	mem_count_add(MEM_PAGE_TABLES, 1);
	return pgd;
}

void pgd_free(pte_t *pgd)
{
	struct page *p = virt_to_page(pgd);
	u64 flags = local_irq_save();
	struct table_stock *s = &this_cpu(table_stock);
	bool keep = s->pgds < STOCK_PGDS;

	if (keep)
		s->pgd[s->pgds++] = p;
	local_irq_restore(flags);
	if (keep)
		return;
	mem_count_add(MEM_PAGE_TABLES, -1);
	page_free_order(p, 0);
}

u64 pgtable_shrink(void)
{
	struct page *p;
	u64 freed = 0;

	for (; (p = take_table()); freed++) {
		lock_destroy(p);
		mem_count_add(MEM_PAGE_TABLES, -1);
		page_free_order(p, 0);
	}
	return freed;
}
