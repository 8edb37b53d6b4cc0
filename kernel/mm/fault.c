/* SPDX-License-Identifier: MIT */
/*
 * Page faults: make the page-table entry that an access needs.
 *
 * Every fault is tried first without mm->lock, in an RCU section: find the VMA,
 * note its sequence, get the page, take the lock of the page table, check the
 * sequence once more, store the entry. No line shared between CPUs is written
 * but that lock. What would sleep (no table, no free page, a page that must be
 * read, a first write to a shared page) or looks wrong is tried again with
 * mm->lock held for reading; only that second try raises signals.
 *
 *   entry      access   memory           becomes
 *   none       write    anonymous        a zeroed page, writable, dirty
 *   none       read     anonymous        the zero page, read-only
 *   none       read     file             the cached page and its cached neighbours, read-only
 *   none       write    file, private    a copy, as below
 *   none, ro   write    file, shared     the cached page, writable, marked dirty
 *   read-only  write    private          the same page if nobody else has it, else a copy
 *   enough     any                       unchanged: another CPU was first, or the TLB was stale
 *
 * Invariants:
 *  (1) A private entry that is writable has D set: it always counts as dirty.
 *  (2) A shared entry is writable only while its page is marked dirty: both are
 *      changed with the page locked (page_clear_dirty_for_io() takes W away).
 *  (3) A cached page is mapped, or copied, only if it belongs to its mapping still and
 *      lies before the end of the file, tested under the lock of the page table. Truncate
 *      first moves the end, then takes pages out of the mapping, then entries out of
 *      tables: no entry to a cut page stays.
 */
#include <kernel/mm/fault.h>
#include <kernel/mm/mm.h>
#include <kernel/mm/rmap.h>
#include <kernel/mm/pagecache.h>
#include <kernel/mm/counts.h>
#include <kernel/task/thread.h>
#include <kernel/lock/rcu.h>
#include <kernel/errno.h>
#include <arch/pgtable.h>
#include <arch/uaccess.h>

enum outcome { DONE, SLOW, BAD_MAP, BAD_ACCESS, BUS_ERROR, NO_MEMORY };

/* Neighbours mapped, or read from disk, along with a page: chosen, one aligned 64 KiB window. */
#define AROUND_PAGES	16

#define FAULT_SEGV_MAPERR	1	/* si_code values of the ABI */
#define FAULT_SEGV_ACCERR	2
#define FAULT_BUS_ADRERR	2

struct fault {
	struct mm *mm;
	struct vma *vma;
	uaddr_t addr;			/* of the page */
	u32 access;
	u32 seq;			/* of vma, when it was found */
	u32 gfp;			/* 0 in the first try: may not sleep */
	pte_t *ptep;
	pte_t old;			/* what ptep was */
};

static struct page *zero_page;

void fault_init(void)
{
	zero_page = page_alloc(GFP_KERNEL | GFP_ZERO);
}

static bool may_sleep(const struct fault *f)
{
	return f->gfp & GFP_WAIT;
}

static bool access_ok(const struct vma *vma, u32 access)
{
	u64 flags = READ_ONCE(vma->flags);

	if (access & FAULT_WRITE)
		return flags & VM_WRITE;
	if (access & FAULT_EXEC)
		return flags & VM_EXEC;
	return flags & (VM_READ | VM_WRITE);
}

/* Lock the table; true if the entry and the VMA are as they were when found. */
static __always_inline bool lock_unchanged(struct fault *f)
{
	spin_lock(pte_lock(f->ptep));
	if (likely(pte_read(f->ptep).bits == f->old.bits && !seq_retry(&f->vma->seq, f->seq)))
		return true;
	spin_unlock(pte_lock(f->ptep));
	return false;
}

static u64 file_pages(const struct mapping *m)
{
	return DIV_ROUND_UP((u64)mapping_size(m), PAGE_SIZE);
}

static __always_inline bool is_uncut(const struct fault *f, const struct page *page)
{
	const struct mapping *m = f->vma->mapping;
	u64 index = vma_page_index(f->vma, f->addr);

	return page_is_at(page, m, index) && index < file_pages(m);
}

/* As lock_unchanged(), for an entry made of this page of the file: invariant (3). */
static __always_inline bool lock_uncut(struct fault *f, const struct page *page)
{
	if (!lock_unchanged(f))
		return false;
	if (likely(is_uncut(f, page)))
		return true;
	spin_unlock(pte_lock(f->ptep));
	return false;
}

/* What changed under us is looked at anew by the next attempt of the same access. */
static enum outcome lost_race(struct fault *f)
{
	return may_sleep(f) ? DONE : SLOW;
}

static enum outcome no_page(struct fault *f)
{
	return may_sleep(f) ? NO_MEMORY : SLOW;
}

static u64 leaf_flags(const struct fault *f, bool writable)
{
	u64 flags = pte_user_flags(f->vma->flags & (VM_READ | VM_WRITE | VM_EXEC));

	return writable ? flags | PTE_D : flags & ~PTE_W;
}

/* Store a new private page. Takes over the caller's reference. */
static __always_inline enum outcome install_anon(struct fault *f, struct page *page)
{
	page_map_anon_new(page, f->vma, f->addr);
	pte_write(f->ptep, pte_make(page_to_phys(page), leaf_flags(f, true)));
	spin_unlock(pte_lock(f->ptep));
	atomic_inc(&f->mm->rss[MM_ANON]);
	return DONE;
}

static __noinline enum outcome map_zero_page(struct fault *f)
{
	if (!lock_unchanged(f))
		return lost_race(f);
	pte_write(f->ptep, pte_make(page_to_phys(zero_page), leaf_flags(f, false) | PTE_SPECIAL));
	spin_unlock(pte_lock(f->ptep));
	return DONE;
}

static __always_inline enum outcome fault_anon(struct fault *f)
{
	struct page *page;

	if (!(f->access & FAULT_WRITE))
		return map_zero_page(f);
	if (unlikely(!f->vma->anon)) {
		if (!may_sleep(f))
			return SLOW;
		if (anon_prepare(f->vma))
			return NO_MEMORY;
	}
	page = page_alloc(f->gfp | GFP_ZERO | GFP_MOVABLE | GFP_NOWARN);
	if (unlikely(!page))
		return no_page(f);
	if (unlikely(!lock_unchanged(f))) {
		page_put(page);
		return lost_race(f);
	}
	return install_anon(f, page);
}

/* Replace what maps from (NULL: nothing, or the zero page) by a private copy of it. */
static enum outcome copy_private(struct fault *f, struct page *from)
{
	struct page *page;
	bool was_mapped = pte_maps_page(f->old);
	bool of_file = from && f->vma->mapping && !page_is_anon(from);

	if (!f->vma->anon) {
		if (!may_sleep(f))
			return SLOW;
		if (anon_prepare(f->vma))
			return NO_MEMORY;
	}
	page = page_alloc(f->gfp | GFP_MOVABLE | GFP_NOWARN | (from ? 0 : GFP_ZERO));
	if (!page)
		return no_page(f);
	if (from)
		copy_page(page_address(page), page_address(from));
	if (f->vma->flags & VM_EXEC)
		icache_flush_mm(f->mm);
	if (of_file ? !lock_uncut(f, from) : !lock_unchanged(f)) {
		page_put(page);
		return lost_race(f);
	}
	if (!pte_none(f->old)) {
		/* No CPU may see the old page after another wrote the new one. */
		pte_write(f->ptep, (pte_t){ 0 });
		tlb_flush_page(f->mm, f->addr);
	}
	if (was_mapped) {
		atomic_dec(&f->mm->rss[page_is_anon(from) ? MM_ANON : MM_FILE]);
		page_unmap(from);
		page_put(from);
	}
	return install_anon(f, page);
}

/*
 * A page of the file, up to date and with a reference; NULL and *out. A page
 * beyond the end of the file is not there: SIGBUS.
 */
static struct page *file_page(struct fault *f, enum outcome *out)
{
	struct mapping *m = f->vma->mapping;
	u64 index = vma_page_index(f->vma, f->addr);
	struct page *page;
	int err;

	if (index >= file_pages(m)) {
		*out = may_sleep(f) ? BUS_ERROR : SLOW;
		return NULL;
	}
	page = pagecache_find(m, index);
	if (page && likely(page_test(page, PG_UPTODATE)))
		return page;
	if (page)
		page_put(page);
	*out = SLOW;
	if (!may_sleep(f))
		return NULL;
	current->maj_flt++;
	if (!(f->vma->flags & VM_RAND_READ))
		mapping_read_ahead(m, ALIGN_DOWN(index, AROUND_PAGES), AROUND_PAGES);
	page = pagecache_read(m, index, &err);
	if (page && (f->vma->flags & VM_EXEC))
		icache_flush_mm(f->mm);
	if (!page)
		*out = err == -ENOMEM ? NO_MEMORY : err == -EINTR ? DONE : BUS_ERROR;
	return page;
}

/* Map one cached page read-only; the table is locked. Takes over the reference. False: dropped. */
static __always_inline bool map_cached(struct fault *f, pte_t *ptep, struct page *page, u64 index, u64 flags)
{
	if (unlikely(!page_is_at(page, f->vma->mapping, index) || !page_test(page, PG_UPTODATE))) {
		page_put(page);
		return false;
	}
	page_map(page);
	pte_write(ptep, pte_make(page_to_phys(page), flags));
	return true;
}

/*
 * The window around addr: inside the VMA, the file, and by its size in one table,
 * which is locked, so that this is an RCU read section.
 */
static s64 map_around(struct fault *f, u64 flags)
{
	const struct vma *vma = f->vma;
	uaddr_t base = ALIGN_DOWN(f->addr, AROUND_PAGES * PAGE_SIZE);
	uaddr_t from = max(base, vma->start), to = min(base + AROUND_PAGES * PAGE_SIZE, vma->end);
	u64 index = vma_page_index(vma, from);
	u64 end = min(index + ((to - from) >> PAGE_SHIFT), file_pages(vma->mapping));
	pte_t *ptep = f->ptep - ((f->addr - from) >> PAGE_SHIFT);
	void *const *slots = xa_slots(&vma->mapping->pages, index);
	s64 mapped = 0;

	for (; index < end; index++, ptep++) {
		struct page *page;

		if (unlikely(index % XA_SLOTS == 0))
			slots = xa_slots(&vma->mapping->pages, index);
		if (!slots || !pte_none(*ptep))
			continue;
		page = rcu_dereference(slots[index % XA_SLOTS]);
		if (page && !xa_is_value(page) && page_get_not_zero(page))
			mapped += map_cached(f, ptep, page, index, flags);
	}
	return mapped;
}

static enum outcome map_file_read(struct fault *f, struct page *page)
{
	u64 flags = leaf_flags(f, false);
	s64 mapped;

	if (!lock_uncut(f, page)) {
		page_put(page);
		return lost_race(f);
	}
	mapped = map_cached(f, f->ptep, page, vma_page_index(f->vma, f->addr), flags);
	if (mapped && !(f->vma->flags & VM_RAND_READ))
		mapped += map_around(f, flags);
	spin_unlock(pte_lock(f->ptep));
	if (mapped)
		atomic_add(&f->mm->rss[MM_FILE], mapped);
	return mapped ? DONE : lost_race(f);
}

/* First write to a shared page: the file system and the dirty count hear of it. Invariant (2). */
static enum outcome make_shared_writable(struct fault *f, struct page *page)
{
	struct mapping *m = f->vma->mapping;
	bool was_mapped = pte_maps_page(f->old);
	enum outcome out = DONE;
	int err = 0;

	page_lock(page);
	if (!is_uncut(f, page))
		goto unlock;
	if (m->ops->page_mkwrite)
		err = m->ops->page_mkwrite(m, page);
	if (err) {
		out = err == -ENOMEM ? NO_MEMORY : BUS_ERROR;
		goto unlock;
	}
	page_set_dirty(page);
	if (!lock_unchanged(f))
		goto unlock;
	if (!was_mapped) {
		page_get(page);
		page_map(page);
		atomic_inc(&f->mm->rss[MM_FILE]);
	}
	pte_write(f->ptep, pte_make(page_to_phys(page), leaf_flags(f, true)));
	spin_unlock(pte_lock(f->ptep));
	if (was_mapped)
		tlb_flush_local_page(f->addr);
unlock:
	page_unlock(page);
	return out;
}

static enum outcome fault_file(struct fault *f)
{
	enum outcome out;
	struct page *page;

	if ((f->access & FAULT_WRITE) && (f->vma->flags & VM_SHARED) && !may_sleep(f))
		return SLOW;
	page = file_page(f, &out);
	if (!page)
		return out;
	if (!(f->access & FAULT_WRITE))
		return map_file_read(f, page);
	if (f->vma->flags & VM_SHARED) {
		out = make_shared_writable(f, page);
		if (out == DONE)
			balance_dirty_pages(f->vma->mapping);
	} else {
		out = copy_private(f, page);
	}
	page_put(page);
	return out;
}

/* vdso, device memory: the owner knows the page. */
static enum outcome fault_special(struct fault *f)
{
	struct page *page;
	int err = 0;

	if (!may_sleep(f))
		return SLOW;
	page = f->vma->ops->fault(f->vma, f->addr, &err);
	if (!page)
		return err == -ENOMEM ? NO_MEMORY : BUS_ERROR;
	if (!lock_unchanged(f)) {
		page_put(page);
		return DONE;
	}
	page_map(page);
	pte_write(f->ptep, pte_make(page_to_phys(page), leaf_flags(f, f->vma->flags & VM_SHARED)));
	spin_unlock(pte_lock(f->ptep));
	atomic_inc(&f->mm->rss[MM_FILE]);
	return DONE;
}

/* Nobody else has the page: neither another entry nor a temporary user. */
static bool reuse_private(struct fault *f, struct page *page)
{
	if (!page_is_anon(page) || __atomic_load_n(&page->refs, __ATOMIC_ACQUIRE) != 1)
		return false;
	pte_write(f->ptep, pte_set(f->old, PTE_W | PTE_D | PTE_A));
	return true;
}

static enum outcome fault_read_only(struct fault *f)
{
	struct page *page;
	enum outcome out;

	if (pte_special(f->old))
		return copy_private(f, NULL);
	if ((f->vma->flags & VM_SHARED) && !may_sleep(f))
		return SLOW;
	if (!lock_unchanged(f))
		return lost_race(f);
	page = pte_page(f->old);
	if (!(f->vma->flags & VM_SHARED) && reuse_private(f, page)) {
		spin_unlock(pte_lock(f->ptep));
		tlb_flush_local_page(f->addr);
		return DONE;
	}
	page_get(page);
	spin_unlock(pte_lock(f->ptep));
	if (f->vma->flags & VM_SHARED)
		out = f->vma->mapping ? make_shared_writable(f, page) : BAD_ACCESS;
	else
		out = copy_private(f, page);
	page_put(page);
	return out;
}

/* The entry allows the access already, but for A, which aging took, or a stale TLB. */
static enum outcome fault_spurious(struct fault *f)
{
	if (!lock_unchanged(f))
		return DONE;
	if (!pte_accessed(f->old))
		pte_write(f->ptep, pte_set(f->old, PTE_A));
	spin_unlock(pte_lock(f->ptep));
	tlb_flush_local_page(f->addr);
	return DONE;
}

static enum outcome resolve(struct fault *f)
{
	f->old = pte_read(f->ptep);
	if (pte_none(f->old)) {
		if (f->vma->mapping)
			return fault_file(f);
		return f->vma->ops ? fault_special(f) : fault_anon(f);
	}
	if (!pte_present(f->old))
		return may_sleep(f) ? BAD_ACCESS : SLOW;
	if ((f->access & FAULT_WRITE) && !pte_writable(f->old))
		return fault_read_only(f);
	return fault_spurious(f);
}

static enum outcome fault_fast(struct fault *f)
{
	enum outcome out = SLOW;

	rcu_read_lock();
	f->vma = vma_find_rcu(f->mm, f->addr);
	if (unlikely(!f->vma))
		goto out;
	f->seq = __atomic_load_n(&f->vma->seq.seq, __ATOMIC_ACQUIRE);
	/* The bounds again: what was found may have shrunk before its sequence was read. */
	if ((f->seq & 1) || f->addr < f->vma->start || f->addr >= f->vma->end ||
	    !access_ok(f->vma, f->access))
		goto out;
	f->ptep = pte_walk(f->mm, f->addr);
	if (likely(f->ptep))
		out = resolve(f);
out:
	rcu_read_unlock();
	return out;
}

/* mm->lock read-held. */
static enum outcome fault_slow(struct fault *f)
{
	f->vma = vma_find(f->mm, f->addr);
	if (!f->vma || f->addr < f->vma->start)
		return BAD_MAP;
	if (!access_ok(f->vma, f->access))
		return BAD_ACCESS;
	f->seq = f->vma->seq.seq;
	f->gfp = GFP_USER;
	f->ptep = pte_alloc(f->mm, f->addr, GFP_KERNEL);
	return f->ptep ? resolve(f) : NO_MEMORY;
}

/* Is addr just below a stack that may grow to it? Then it has grown. */
static bool try_stack_growth(struct mm *mm, uaddr_t addr)
{
	struct vma *vma;
	bool grown = false;

	rwsem_write_lock(&mm->lock);
	vma = vma_find(mm, addr);
	if (vma)
		grown = addr >= vma->start || vma_grow_down(vma, addr) == 0;
	mm_write_unlock(mm);
	return grown;
}

static int signal_of(enum outcome out, int *code)
{
	switch (out) {
	case DONE:
	case SLOW:
		return 0;
	case BUS_ERROR:
		*code = FAULT_BUS_ADRERR;
		return FAULT_SIGBUS;
	case NO_MEMORY:
		*code = 0;
		return FAULT_SIGKILL;
	default:
		*code = out == BAD_MAP ? FAULT_SEGV_MAPERR : FAULT_SEGV_ACCERR;
		return FAULT_SIGSEGV;
	}
}

int mm_fault_in(struct mm *mm, uaddr_t addr, u32 access, int *code)
{
	struct fault f = { .mm = mm, .addr = ALIGN_DOWN(addr, PAGE_SIZE), .access = access };
	enum outcome out = fault_fast(&f);

	if (likely(out == DONE))
		return 0;
	if (rwsem_read_lock_killable(&mm->lock))
		return 0;
	out = fault_slow(&f);
	rwsem_read_unlock(&mm->lock);
	if (out == BAD_MAP && try_stack_growth(mm, f.addr))
		return 0;
	return signal_of(out, code);
}

int mm_handle_fault(uaddr_t addr, u32 access, int *code)
{
	struct mm *mm = current->mm;

	*code = FAULT_SEGV_MAPERR;
	if (unlikely(!mm || addr >= TASK_SIZE || current->pagefault_disabled))
		return FAULT_SIGSEGV;
	/* Its memory is being taken away (kernel/proc/oom.c): zeroes must not look like data. */
	if (unlikely(READ_ONCE(mm->oom_victim)))
		return FAULT_SIGBUS;
	current->min_flt++;
	return mm_fault_in(mm, addr, access, code);
}
