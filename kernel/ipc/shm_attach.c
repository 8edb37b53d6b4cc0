/* SPDX-License-Identifier: MIT */
/*
 * System V shared memory: shmat and shmdt.
 *
 * Each shmat opens the segment's file anew, for reading or for both, so that what mprotect may
 * make of the mapping follows from that as with any file; the file has no descriptor, and lives
 * while VMAs have it. Its mmap method gives the VMA operations that count it: vma->file->private
 * is the segment, which cannot go while it is counted.
 *
 * As on Linux the count is of VMAs: a mapping that munmap or mprotect cut in two is two. Parts
 * that were cut are not joined again.
 */
#include <kernel/ipc/shm.h>
#include <fs/file.h>
#include <fs/tmpfs/tmpfs.h>
#include <kernel/mm/mm.h>
#include <kernel/task/pid.h>
#include <kernel/task/thread.h>
#include <kernel/uapi/fcntl.h>
#include <kernel/uapi/syscall.h>

#define SHM_RDONLY	010000
#define SHM_RND		020000
#define SHM_REMAP	040000
#define SHM_EXEC	0100000

#define SHMLBA		PAGE_SIZE	/* what an address is a multiple of */

/* --- counting --- */

/* One attachment less, of a VMA or of a call. Context: may sleep, under mm->lock too. */
static void detach(struct shm_segment *seg, bool was_mapped)
{
	struct ipc_namespace *ns = seg->ns;
	bool gone;

	mutex_lock(&ns->shm_lock);
	if (was_mapped) {
		seg->lpid = process_tgid(current_process());
		seg->dtime = shm_now();
	}
	seg->attached--;
	gone = !seg->attached && (seg->mode & SHM_DEST);
	if (gone)
		shm_unlink(seg);
	mutex_unlock(&ns->shm_lock);
	/* A VMA still has its file, and by that the inode: the memory goes later, without locks. */
	if (gone)
		shm_free(seg);
}

static void attachment_open(struct vma *vma)
{
	struct shm_segment *seg = vma->file->private;

	mutex_lock(&seg->ns->shm_lock);
	seg->lpid = process_tgid(current_process());
	seg->atime = shm_now();
	seg->attached++;
	mutex_unlock(&seg->ns->shm_lock);
}

static void attachment_close(struct vma *vma)
{
	detach(vma->file->private, true);
}

static const struct vm_ops attachment_vm_ops = {
	.open = attachment_open,
	.close = attachment_close,
};

static int attachment_mmap(struct file *f, struct vma *vma)
{
	int err = shmem_mmap(f, vma);

	if (err)
		return err;
	vma->ops = &attachment_vm_ops;
	attachment_open(vma);
	return 0;
}

static int attachment_fsync(struct file *f, loff_t start, loff_t end, bool datasync)
{
	return 0;		/* for msync: it is memory */
}

static const struct file_ops attachment_fops = {
	.mmap = attachment_mmap,
	.fsync = attachment_fsync,
	.fallocate = shmem_fallocate,
};

/* --- shmat --- */

/* The segment, counted as attached, which the caller may access so. 0 or -errno. */
static int segment_get(int id, int access, struct shm_segment **out)
{
	struct ipc_namespace *ns = current->nsproxy->ipc;
	struct shm_segment *seg;
	int err = -EINVAL;

	mutex_lock(&ns->shm_lock);
	seg = shm_find(ns, id);
	if (seg)
		err = shm_permission(seg, access);
	if (!err)
		seg->attached++;
	mutex_unlock(&ns->shm_lock);
	*out = seg;
	return err;
}

/* Where it is to be: 0 and *addr (0: anywhere), or -EINVAL. */
static int check_address(uaddr_t *addr, int flags)
{
	bool given = *addr;

	if (flags & SHM_RND)
		*addr = ALIGN_DOWN(*addr, SHMLBA);
	if (*addr & (SHMLBA - 1))
		return -EINVAL;
	/* What was rounded down to 0 is an address too: for those who may map there. */
	return (flags & SHM_REMAP) && (!given || !*addr) ? -EINVAL : 0;
}

static long map(struct shm_segment *seg, uaddr_t addr, bool fixed, int flags)
{
	u32 prot = PROT_READ | (flags & SHM_RDONLY ? 0 : PROT_WRITE) |
		   (flags & SHM_EXEC ? PROT_EXEC : 0);
	u32 map_flags = MAP_SHARED;
	struct file *f;
	long ret;
	int err;

	if (fixed)
		map_flags |= !addr || (flags & SHM_REMAP) ? MAP_FIXED : MAP_FIXED_NOREPLACE;
	if (addr && !(flags & SHM_REMAP) && addr + seg->size < addr)
		return -EINVAL;
	f = file_open_path(&seg->path, flags & SHM_RDONLY ? O_RDONLY : O_RDWR, &err);
	if (!f)
		return err;
	f->ops = &attachment_fops;
	f->private = seg;
	ret = vm_mmap(f, addr, seg->size, prot, map_flags, 0);
	file_put(f);
	return ret == -EEXIST ? -EINVAL : ret;
}

long sys_shmat(int id, uaddr_t addr, int flags)
{
	int access = MAY_READ | (flags & SHM_RDONLY ? 0 : MAY_WRITE) |
		     (flags & SHM_EXEC ? MAY_EXEC : 0);
	bool fixed = addr;
	struct shm_segment *seg;
	long ret = check_address(&addr, flags);

	if (!ret)
		ret = segment_get(id, access, &seg);
	if (ret)
		return ret;
	ret = map(seg, addr, fixed, flags);
	detach(seg, false);
	return ret;
}

/* --- shmdt --- */

/* Is vma what is left of an attachment at addr? */
static bool is_attached_at(const struct vma *vma, uaddr_t addr)
{
	return vma->ops == &attachment_vm_ops && vma->start - addr == vma->pgoff << PAGE_SHIFT;
}

/* What is left of the attachment at addr, which may have holes. mm->lock write-held. */
static int detach_at(struct mm *mm, uaddr_t addr)
{
	struct vma *vma = vma_find(mm, addr), *next;
	const struct file *f;
	uaddr_t end;
	int err = 0;

	while (vma && !is_attached_at(vma, addr))
		vma = vma_next(vma);
	if (!vma)
		return -EINVAL;
	f = vma->file;
	end = max(vma->end, addr + ALIGN_UP((u64)f->inode->size, PAGE_SIZE));
	for (; !err && vma && vma->end <= end; vma = next) {
		next = vma_next(vma);
		if (vma->file == f && is_attached_at(vma, addr))
			err = mm_unmap_locked(mm, vma->start, vma->end);
	}
	return err;
}

long sys_shmdt(uaddr_t addr)
{
	struct mm *mm = current->mm;
	int err;

	if (addr & ~PAGE_MASK)
		return -EINVAL;
	err = rwsem_write_lock_killable(&mm->lock);
	if (err)
		return err;
	err = detach_at(mm, addr);
	mm_write_unlock(mm);
	return err;
}
