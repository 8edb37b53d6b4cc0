/* SPDX-License-Identifier: MIT */
/*
 * /proc/PID/maps, smaps, smaps_rollup, mem, pagemap, environ, auxv, cmdline: the
 * address space of a process.
 *
 * Whether one may look is asked at open, and the open file keeps the address space
 * it found, by refs: not its memory, which goes when the process exits or execs.
 * Then there is nothing more to read.
 *
 * A piece of maps is made under mm->lock; the cursor is the address behind its last
 * VMA. So what changes between two pieces may be seen half, but what stays is seen
 * once, and a piece costs no search but its first.
 */
#include <fs/proc/proc.h>
#include <kernel/lib/string.h>
#include <kernel/mm/mm.h>
#include <kernel/mm/smaps.h>
#include <kernel/task/cred.h>
#include <kernel/uapi/fcntl.h>

int proc_mm_open(struct pseudo *p, struct pseudo_cursor *c)
{
	struct mm *mm;
	int err = proc_open_mm(p, &mm);

	c->state = mm;
	return err;
}

void proc_mm_close(struct pseudo_cursor *c)
{
	if (c->state)
		mm_drop(c->state);
}

/* Users of the open file's mm, for one read. False: the memory is gone; the text ends here. */
static bool use_mm(struct pseudo_cursor *c)
{
	if (c->state && mm_get_users_not_zero(c->state))
		return true;
	c->pos = PSEUDO_END;
	return false;
}

/* --- one line of maps --- */

#define NAME_COLUMN	73	/* where names begin, as on Linux */

/* A VMA's name beside a file's: NULL: none. */
static const char *special_name(const struct vma *vma)
{
	const struct mm *mm = vma->mm;

	if (vma->ops && vma->ops->name)
		return vma->ops->name(vma);
	if (vma->start < mm->brk && vma->end > mm->start_brk)
		return "[heap]";
	if (vma->start <= mm->start_stack && vma->end >= mm->start_stack)
		return "[stack]";
	return NULL;
}

static void pad_to(struct seq *s, size_t begin, size_t column)
{
	do {
		seq_putc(s, ' ');
	} while (s->len - begin < column);
}

/* buf: PATH_MAX bytes. */
static void put_line(struct seq *s, const struct vma *vma, char *buf)
{
	const struct inode *inode = vma->file ? vma->file->inode : NULL;
	const char *name = vma->file ? path_describe(&vma->file->path, buf, PATH_MAX) : special_name(vma);
	dev_t dev = inode ? inode->sb->dev : 0;
	size_t begin = s->len;

	seq_printf(s, "%08lx-%08lx %c%c%c%c %08lx %02x:%02x %lu", vma->start, vma->end,
		   vma->flags & VM_READ ? 'r' : '-', vma->flags & VM_WRITE ? 'w' : '-',
		   vma->flags & VM_EXEC ? 'x' : '-', vma->flags & VM_MAYSHARE ? 's' : 'p',
		   vma->file ? vma->pgoff << PAGE_SHIFT : 0, MAJOR(dev), MINOR(dev),
		   inode ? inode->ino : 0);
	if (name && !IS_ERR(name)) {
		pad_to(s, begin, NAME_COLUMN);
		seq_escape_only(s, name, "\n");
	} else {
		seq_putc(s, ' ');
	}
	seq_putc(s, '\n');
}

/* Each VMA from c->pos on as put() shows it, as many as fit. */
static int fill_vmas(struct seq *s, struct pseudo_cursor *c,
		     void (*put)(struct seq *s, struct vma *vma, char *buf))
{
	struct mm *mm = c->state;
	struct vma *vma;
	char *buf;
	int err;

	if (!use_mm(c))
		return 0;
	buf = kmalloc(PATH_MAX, GFP_KERNEL);
	err = buf ? rwsem_read_lock_killable(&mm->lock) : -ENOMEM;
	if (err)
		goto out;
	for (vma = vma_find(mm, c->pos); vma; vma = vma_next(vma)) {
		size_t before = s->len;

		put(s, vma, buf);
		if (!seq_record_fits(s, before))
			break;
		c->pos = vma->end;
	}
	if (!vma)
		c->pos = PSEUDO_END;
	rwsem_read_unlock(&mm->lock);
out:
	kfree(buf);
	mm_put(mm);
	return err;
}

static void put_maps(struct seq *s, struct vma *vma, char *buf)
{
	put_line(s, vma, buf);
}

int proc_maps_fill(struct seq *s, struct pseudo *p, struct pseudo_cursor *c)
{
	return fill_vmas(s, c, put_maps);
}

/* --- smaps --- */

static void put_kib(struct seq *s, const char *name, u64 bytes)
{
	seq_printf(s, "%s:%*s%8lu kB\n", name, (int)(15 - strlen(name)), "", bytes >> 10);
}

static void put_usage(struct seq *s, const struct vma_usage *u, bool rollup)
{
	put_kib(s, "Rss", u->rss);
	put_kib(s, "Pss", u->pss >> PSS_SHIFT);
	put_kib(s, "Pss_Dirty", u->pss_dirty >> PSS_SHIFT);
	if (rollup) {
		put_kib(s, "Pss_Anon", u->pss_anon >> PSS_SHIFT);
		put_kib(s, "Pss_File", u->pss_file >> PSS_SHIFT);
		put_kib(s, "Pss_Shmem", u->pss_shmem >> PSS_SHIFT);
	}
	put_kib(s, "Shared_Clean", u->shared_clean);
	put_kib(s, "Shared_Dirty", u->shared_dirty);
	put_kib(s, "Private_Clean", u->private_clean);
	put_kib(s, "Private_Dirty", u->private_dirty);
	put_kib(s, "Referenced", u->referenced);
	put_kib(s, "Anonymous", u->anonymous);
	put_kib(s, "LazyFree", 0);
	put_kib(s, "AnonHugePages", 0);
	put_kib(s, "ShmemPmdMapped", 0);
	put_kib(s, "FilePmdMapped", 0);
	put_kib(s, "Shared_Hugetlb", 0);
	put_kib(s, "Private_Hugetlb", 0);
	put_kib(s, "Swap", u->swap);
	put_kib(s, "SwapPss", u->swap);
	put_kib(s, "Locked", u->pss_locked >> PSS_SHIFT);
}

static void put_flags(struct seq *s, u64 flags)
{
	static const struct {
		u64 flag;
		char name[3];
	} names[] = {
		{ VM_READ, "rd" }, { VM_WRITE, "wr" }, { VM_EXEC, "ex" }, { VM_SHARED, "sh" }, { VM_MAYREAD, "mr" },
		{ VM_MAYWRITE, "mw" }, { VM_MAYEXEC, "me" }, { VM_MAYSHARE, "ms" }, { VM_GROWSDOWN, "gd" },
		{ VM_LOCKED, "lo" }, { VM_IO, "io" }, { VM_SEQ_READ, "sr" }, { VM_RAND_READ, "rr" },
		{ VM_DONTCOPY, "dc" }, { VM_DONTEXPAND, "de" }, { VM_LOCKONFAULT, "lf" }, { VM_ACCOUNT, "ac" },
		{ VM_NORESERVE, "nr" }, { VM_WIPEONFORK, "wf" },
	};

	seq_puts(s, "VmFlags: ");
	for (u32 i = 0; i < ARRAY_SIZE(names); i++)
		if (flags & names[i].flag)
			seq_printf(s, "%s ", names[i].name);
	seq_putc(s, '\n');
}

static void put_smaps(struct seq *s, struct vma *vma, char *buf)
{
	struct vma_usage u = { 0 };

	vma_usage_add(vma, &u);
	put_line(s, vma, buf);
	put_kib(s, "Size", vma->end - vma->start);
	put_kib(s, "KernelPageSize", PAGE_SIZE);
	put_kib(s, "MMUPageSize", PAGE_SIZE);
	put_usage(s, &u, false);
	seq_printf(s, "THPeligible:    %8u\n", 0);
	put_flags(s, vma->flags);
}

int proc_smaps_fill(struct seq *s, struct pseudo *p, struct pseudo_cursor *c)
{
	return fill_vmas(s, c, put_smaps);
}

/*
 * Add the VMAs from *at on under one hold of the lock, up to a bound of pages; false: that was all.
 */
static bool roll_up(struct mm *mm, uaddr_t *at, uaddr_t *first, struct vma_usage *u)
{
	/* chosen: as long as one large smaps record */
	const u64 most = (64ul << 20) >> PAGE_SHIFT;
	struct vma *vma = vma_find(mm, *at);
	u64 pages = 0;

	if (vma && !*at)
		*first = vma->start;
	for (; vma && pages < most; vma = vma_next(vma)) {
		vma_usage_add(vma, u);
		pages += vma_pages(vma);
		*at = vma->end;
	}
	return vma;
}

int proc_smaps_rollup_fill(struct seq *s, struct pseudo *p, struct pseudo_cursor *c)
{
	struct vma_usage u = { 0 };
	struct mm *mm = c->state;
	uaddr_t first = 0, at = 0;
	size_t begin = s->len;
	bool more = true;
	int err = 0;

	if (!use_mm(c))
		return c->state ? -ESRCH : 0;
	while (!err && more) {
		err = rwsem_read_lock_killable(&mm->lock);
		if (err)
			break;
		more = roll_up(mm, &at, &first, &u);
		rwsem_read_unlock(&mm->lock);
	}
	mm_put(mm);
	if (err)
		return err;
	seq_printf(s, "%08lx-%08lx ---p 00000000 00:00 0", first, at);
	pad_to(s, begin, NAME_COLUMN);
	seq_puts(s, "[rollup]\n");
	put_usage(s, &u, true);
	c->pos = PSEUDO_END;
	return 0;
}

/* --- bytes of the address space as text --- */

/* [start + c->pos, end) of mm, as much as the buffer takes. */
static void put_memory(struct seq *s, struct mm *mm, struct pseudo_cursor *c, uaddr_t start,
		       uaddr_t end)
{
	size_t n, want = start + c->pos < end ? min(end - start - c->pos, s->size) : 0;

	n = want ? mm_access(mm, start + c->pos, s->buf, want, false) : 0;
	s->len = n;
	c->pos = n ? c->pos + n : PSEUDO_END;
}

int proc_environ_fill(struct seq *s, struct pseudo *p, struct pseudo_cursor *c)
{
	struct mm *mm = c->state;

	if (!use_mm(c))
		return 0;
	put_memory(s, mm, c, mm->env_start, mm->env_end);
	mm_put(mm);
	return 0;
}

int proc_auxv_fill(struct seq *s, struct pseudo *p, struct pseudo_cursor *c)
{
	struct mm *mm = c->state;

	if (!use_mm(c))
		return 0;
	seq_write(s, mm->auxv, mm->auxv_len);
	c->pos = PSEUDO_END;
	mm_put(mm);
	return 0;
}

/*
 * A program that writes a longer title over its arguments leaves their last byte not
 * NUL; the title goes on into the environment, up to its first NUL.
 */
static uaddr_t title_end(struct mm *mm)
{
	char last, *nul, buf[128];
	uaddr_t at = mm->arg_end;
	size_t n;

	if (mm->arg_end <= mm->arg_start || mm_access(mm, mm->arg_end - 1, &last, 1, false) != 1 ||
	    !last)
		return mm->arg_end;
	while (at < mm->env_end) {
		n = mm_access(mm, at, buf, min(sizeof(buf), mm->env_end - at), false);
		if (!n)
			break;
		nul = memchr(buf, 0, n);
		if (nul)
			return at + (nul - buf) + 1;
		at += n;
	}
	return at;
}

/* Everybody may read it: no check, and the memory is looked for at each piece. */
int proc_cmdline_fill(struct seq *s, struct pseudo *p, struct pseudo_cursor *c)
{
	struct thread *t = proc_thread(p);
	struct mm *mm;

	if (!t)
		return -ESRCH;
	mm = proc_thread_mm(t);
	thread_put(t);
	if (!mm) {
		c->pos = PSEUDO_END;
		return 0;
	}
	put_memory(s, mm, c, mm->arg_start, title_end(mm));
	mm_put(mm);
	return 0;
}

/* --- mem and pagemap: files with the address as position --- */

static int mm_file_open(struct inode *inode, struct file *f)
{
	struct mm *mm;
	int err = proc_open_mm(pseudo_of(inode), &mm);

	f->private = mm;
	return err;
}

static void mm_file_release(struct file *f)
{
	if (f->private)
		mm_drop(f->private);
}

/* Any position is one: addresses of the upper half too. */
static loff_t mm_file_llseek(struct file *f, loff_t off, int whence)
{
	if (whence == SEEK_CUR)
		off += f->pos;
	else if (whence != SEEK_SET)
		return -EINVAL;
	f->pos = off;
	return off;
}

typedef size_t (*mem_step)(struct mm *mm, uaddr_t at, char *buf, size_t n, struct iov_iter *it);

static size_t step_read(struct mm *mm, uaddr_t at, char *buf, size_t n, struct iov_iter *it)
{
	return copy_to_iter(buf, mm_access(mm, at, buf, n, false), it);
}

static size_t step_write(struct mm *mm, uaddr_t at, char *buf, size_t n, struct iov_iter *it)
{
	n = copy_from_iter(buf, n, it);
	return mm_access(mm, at, buf, n, true);
}

static ssize_t mem_transfer(struct kio *kio, struct iov_iter *it, mem_step step)
{
	struct mm *mm = kio->file->private;
	size_t count = iov_iter_count(it), done = 0, n;
	char *buf;

	if (!mm || !mm_get_users_not_zero(mm))
		return 0;
	buf = kmalloc(PAGE_SIZE, GFP_KERNEL);
	while (buf && done < count) {
		n = step(mm, kio->pos, buf, min(count - done, PAGE_SIZE), it);
		if (!n)
			break;
		kio->pos += n;
		done += n;
	}
	mm_put(mm);
	if (!buf)
		return -ENOMEM;
	kfree(buf);
	return done || !count ? (ssize_t)done : -EIO;
}

static ssize_t mem_read(struct kio *kio, struct iov_iter *to)
{
	return mem_transfer(kio, to, step_read);
}

static ssize_t mem_write(struct kio *kio, struct iov_iter *from)
{
	return mem_transfer(kio, from, step_write);
}

const struct file_ops proc_mem_ops = {
	.open = mm_file_open,
	.release = mm_file_release,
	.read = mem_read,
	.write = mem_write,
	.llseek = mm_file_llseek,
};

#define PAGEMAP_BATCH	64u

static ssize_t pagemap_read(struct kio *kio, struct iov_iter *to)
{
	bool show_pfn = kio->file->cred->cap_effective & BIT(CAP_SYS_ADMIN);
	struct mm *mm = kio->file->private;
	u64 words[PAGEMAP_BATCH];
	ssize_t done = 0;
	int err = 0;

	if ((kio->pos | iov_iter_count(to)) % sizeof(u64))
		return -EINVAL;
	if (!mm || !mm_get_users_not_zero(mm))
		return 0;
	while (!err && iov_iter_count(to)) {
		u64 index = kio->pos / sizeof(u64), end = TASK_SIZE >> PAGE_SHIFT;
		u64 n = index < end ? min_t(u64, iov_iter_count(to) / sizeof(u64), PAGEMAP_BATCH) : 0;

		n = min(n, end - min(index, end));
		if (!n)
			break;
		err = mm_pagemap(mm, index << PAGE_SHIFT, words, n, show_pfn);
		if (!err && copy_to_iter(words, n * sizeof(u64), to) != n * sizeof(u64))
			err = -EFAULT;
		if (!err) {
			kio->pos += n * sizeof(u64);
			done += n * sizeof(u64);
		}
	}
	mm_put(mm);
	return done ? done : err;
}

const struct file_ops proc_pagemap_ops = {
	.open = mm_file_open,
	.release = mm_file_release,
	.read = pagemap_read,
	.llseek = mm_file_llseek,
};
