/* SPDX-License-Identifier: MIT */
/*
 * Reading and writing another address space: /proc/PID/mem, cmdline, environ. Pages of one's own,
 * for who sends them as they are.
 *
 * A page at a time: find its entry, and if that allows the access, copy under the
 * table's lock, which keeps page and permission. Otherwise fault it in as its owner
 * would, and look again.
 *
 * Limit: the owner's own permissions count. A read of what it may not read, or a
 * write to what it may not write, ends the transfer there (Linux lets a debugger
 * through); device mappings too.
 */
#include <kernel/mm/mm.h>
#include <kernel/mm/fault.h>
#include <kernel/mm/iov_iter.h>
#include <kernel/mm/page.h>
#include <kernel/mm/rmap.h>
#include <kernel/lib/string.h>
#include <kernel/task/signal.h>
#include <kernel/task/thread.h>
#include <arch/pgtable.h>

/* The bits that an entry must have for the access. */
static bool allows(pte_t e, bool write)
{
	return pte_present(e) && (write ? pte_writable(e) && pte_maps_page(e) : e.bits & PTE_R);
}

/* Copy within one page. True if it was there. Context: mm->lock held. */
static bool copy_present(struct mm *mm, uaddr_t addr, void *buf, size_t len, bool write)
{
	pte_t *ptep = pte_walk(mm, addr), e;
	bool done = false;
	char *at;

	if (!ptep)
		return false;
	spin_lock(pte_lock(ptep));
	e = pte_read(ptep);
	if (allows(e, write)) {
		at = (char *)phys_to_virt(pte_addr(e)) + addr % PAGE_SIZE;
		if (write) {
			memcpy(at, buf, len);
			/* As a store by the owner would have left it. */
			if (!pte_dirty(e))
				__atomic_fetch_or(&ptep->bits, PTE_D | PTE_A, __ATOMIC_RELAXED);
		} else {
			memcpy(buf, at, len);
		}
		done = true;
	}
	spin_unlock(pte_lock(ptep));
	return done;
}

/* Is addr in a VMA that allows the access, with pages behind it? *exec: its code may be cached. */
static bool vma_allows(struct mm *mm, uaddr_t addr, bool write, bool *exec)
{
	struct vma *vma = vma_find(mm, addr);

	if (!vma || addr < vma->start || (vma->flags & VM_IO))
		return false;
	*exec = vma->flags & VM_EXEC;
	return vma->flags & (write ? VM_WRITE : VM_READ);
}

/* One page's part: 1 done, 0 not allowed, -EAGAIN to be faulted in, -EINTR. */
static int access_page(struct mm *mm, uaddr_t addr, void *buf, size_t len, bool write)
{
	bool exec = false;
	int ret = rwsem_read_lock_killable(&mm->lock);

	if (ret)
		return ret;
	if (vma_allows(mm, addr, write, &exec))
		ret = copy_present(mm, addr, buf, len, write) ? 1 : -EAGAIN;
	rwsem_read_unlock(&mm->lock);
	if (ret == 1 && write && exec)
		icache_flush_mm(mm);
	return ret;
}

size_t mm_access(struct mm *mm, uaddr_t addr, void *buf, size_t len, bool write)
{
	size_t done = 0;

	while (done < len && addr + done < TASK_SIZE) {
		uaddr_t at = addr + done;
		size_t n = min(len - done, PAGE_SIZE - at % PAGE_SIZE);
		int code, ret = access_page(mm, at, (char *)buf + done, n, write);

		if (ret == -EAGAIN) {
			if (mm_fault_in(mm, at, write ? FAULT_WRITE : FAULT_READ, &code))
				break;
			if (signal_fatal_pending(current))
				break;
			continue;
		}
		if (ret <= 0)
			break;
		done += n;
	}
	return done;
}

/* The page at addr with a reference; NULL: none, or none of its own. Context: mm->lock held. */
static struct page *present_page(struct mm *mm, uaddr_t addr)
{
	pte_t *ptep = pte_walk(mm, addr), e;
	struct page *page = NULL;

	if (!ptep)
		return NULL;
	spin_lock(pte_lock(ptep));
	e = pte_read(ptep);
	if (allows(e, false) && pte_maps_page(e)) {
		page = pte_page(e);
		page_get(page);
	}
	spin_unlock(pte_lock(ptep));
	return page;
}

/* As mm_get_pages(), what is there of one VMA. */
static size_t present_pages(struct mm *mm, uaddr_t addr, size_t len, struct bvec *vec, u32 *nr)
{
	u32 most = *nr;
	size_t done = 0;
	struct vma *vma;

	*nr = 0;
	if (rwsem_read_lock_killable(&mm->lock))
		return 0;
	vma = vma_find(mm, addr);
	if (!vma || addr < vma->start || (vma->flags & (VM_IO | VM_READ)) != VM_READ)
		len = 0;
	else
		len = min(len, vma->end - addr);
	while (done < len && *nr < most) {
		u32 offset = (addr + done) % PAGE_SIZE, n = min(len - done, PAGE_SIZE - offset);
		struct page *page = present_page(mm, addr + done);

		if (!page)
			break;
		vec[(*nr)++] = (struct bvec){ page, n, offset };
		done += n;
	}
	rwsem_read_unlock(&mm->lock);
	return done;
}

size_t mm_get_pages(uaddr_t addr, size_t len, struct bvec *vec, u32 *nr)
{
	struct mm *mm = current->mm;
	u32 most = *nr;
	size_t done;
	int code;

	done = addr < TASK_SIZE ? present_pages(mm, addr, len, vec, nr) : 0;
	if (done || addr >= TASK_SIZE || mm_fault_in(mm, addr, FAULT_READ, &code))
		return done;
	*nr = most;
	return present_pages(mm, addr, len, vec, nr);
}
