/* SPDX-License-Identifier: MIT */
/*
 * mprotect: change what may be done with mapped memory.
 *
 * VMA by VMA: check, cut, promise memory for what becomes private and writable,
 * then set the flags and rewrite the entries with the sequence odd, so that a
 * fault sees the old state whole or the new one. As in Linux, an error leaves
 * what lies before it changed.
 *
 * An entry never gains W here: the first write faults and finds out whether the
 * page must be copied (private) or marked dirty (shared). It keeps W where it had
 * it, also through PROT_NONE, whose entries keep all but V (pte_protnone()).
 * Only where an entry lost a permission do CPUs have to forget it.
 */
#include <kernel/mm/mm.h>
#include <kernel/mm/rmap.h>
#include <kernel/mm/vma.h>
#include <kernel/task/thread.h>
#include <kernel/uapi/syscall.h>
#include <arch/pgtable.h>

#define PROT_SEM	0x8
#define PROT_GROWSDOWN	0x01000000
#define PROT_GROWSUP	0x02000000

/* What of an entry is the page's own: its number, its history, its kind. */
#define PTE_KEEP	(PTE_PPN_MASK | PTE_A | PTE_D | PTE_SPECIAL)

static pte_t entry_with(pte_t e, u64 prot)
{
	u64 may = pte_user_flags(prot);

	if (!(prot & VM_ACCESS))
		return (pte_t){ (e.bits & ~(u64)PTE_V) | PTE_SOFT };
	/* A page that was unreachable has W as it had before. */
	may &= ~PTE_W | (e.bits & PTE_W);
	return (pte_t){ (e.bits & PTE_KEEP) | may };
}

/* The table is locked; the hardware may still set A or D in a valid entry. */
static void change_entry(struct tlb_gather *g, pte_t *ptep, uaddr_t addr, u64 prot)
{
	pte_t old = pte_read(ptep), new;

	if (!(old.bits & (PTE_V | PTE_SOFT)))
		return;
	do {
		new = entry_with(old, prot);
	} while (!__atomic_compare_exchange_n(&ptep->bits, &old.bits, new.bits, false,
					      __ATOMIC_RELEASE, __ATOMIC_RELAXED));
	if (old.bits & ~new.bits & (PTE_V | PTE_R | PTE_W | PTE_X))
		tlb_gather_entry(g, addr);
}

static void change_entries(struct vma *vma, u64 prot)
{
	uaddr_t at = vma->start;
	struct tlb_gather g;
	struct pte_range r;

	tlb_gather_begin(&g, vma->mm);
	while (pte_range_next(vma->mm, &at, vma->end, &r)) {
		struct spinlock *lock = pte_lock(r.ptes);

		spin_lock(lock);
		for (u64 i = 0; i < r.count; i++)
			if (!pte_none(r.ptes[i]))
				change_entry(&g, &r.ptes[i], r.addr + (i << PAGE_SHIFT), prot);
		spin_unlock(lock);
	}
	tlb_gather_end(&g);
}

/* May vma have prot? What it costs is charged: the new flags in *flags. */
static int check_vma(const struct vma *vma, u64 pages, u64 prot, u64 *flags)
{
	*flags = (vma->flags & ~VM_ACCESS) | prot;
	/* VM_MAY* stand four bits above what they allow. */
	if (*flags & ~(*flags >> 4) & VM_ACCESS)
		return -EACCES;
	if (!(prot & VM_WRITE) || (vma->flags & VM_WRITE))
		return 0;
	if (!(vma->flags & VM_SHARED) && mm_may_grow(vma->mm, pages, *flags))
		return -ENOMEM;
	if (!vm_needs_commit(*flags))
		return 0;
	if (commit_charge(pages))
		return -ENOMEM;
	*flags |= VM_ACCOUNT;
	return 0;
}

/* The part of vma in [start, end); *next is what follows it. */
static int protect_vma(struct vma *vma, uaddr_t start, uaddr_t end, u64 prot, struct vma **next)
{
	struct mm *mm = vma->mm;
	u64 pages, flags, old;
	int err;

	start = max(start, vma->start);
	end = min(end, vma->end);
	pages = (end - start) >> PAGE_SHIFT;
	*next = vma_next(vma);
	old = vma->flags;
	err = check_vma(vma, pages, prot, &flags);
	if (err || flags == old)
		return err;
	err = vma_cut_out(vma, start, end, &vma);
	if (err) {
		if (flags & ~old & VM_ACCOUNT)
			commit_uncharge(pages);
		return err;
	}
	vma_change_begin(vma);
	mm_account(mm, -(s64)pages, old);
	WRITE_ONCE(vma->flags, flags);
	mm_account(mm, pages, flags);
	change_entries(vma, prot);
	vma_change_end(vma);
	if (flags & ~old & VM_EXEC)
		icache_flush_mm(mm);
	vma = vma_merge(vma);
	*next = vma_next(vma);
	return 0;
}

static int protect_range(struct mm *mm, uaddr_t start, uaddr_t end, u64 prot, u64 grows)
{
	struct vma *vma = vma_find(mm, start), *next;
	int err;

	if (!vma)
		return -ENOMEM;
	if (grows & PROT_GROWSDOWN) {
		if (vma->start >= end)
			return -ENOMEM;
		if (!(vma->flags & VM_GROWSDOWN))
			return -EINVAL;
		start = vma->start;
	} else if (vma->start > start) {
		return -ENOMEM;
	} else if (grows) {
		return -EINVAL;		/* nothing grows up here */
	}
	for (; start < end; start = vma->end, vma = next) {
		if (!vma || vma->start > start)
			return -ENOMEM;
		err = protect_vma(vma, start, end, prot, &next);
		if (err)
			return err;
		vma = next ? vma_prev(next) : vma_last(mm);
	}
	return 0;
}

long sys_mprotect(uaddr_t start, size_t len, u64 prot)
{
	u64 grows = prot & (PROT_GROWSDOWN | PROT_GROWSUP);
	struct mm *mm = current->mm;
	int err;

	prot &= ~grows;
	if (grows == (PROT_GROWSDOWN | PROT_GROWSUP) || (start & ~PAGE_MASK))
		return -EINVAL;
	if (!len)
		return 0;
	len = ALIGN_UP(len, PAGE_SIZE);
	if (start + len <= start)
		return -ENOMEM;
	if (prot & ~(u64)(PROT_READ | PROT_WRITE | PROT_EXEC | PROT_SEM))
		return -EINVAL;
	err = rwsem_write_lock_killable(&mm->lock);
	if (err)
		return err;
	err = protect_range(mm, start, start + len, prot & VM_ACCESS, grows);
	mm_write_unlock(mm);
	return err;
}
