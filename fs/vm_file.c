/* SPDX-License-Identifier: MIT */
/* What memory management asks of open files: kernel/mm/vm_file.h. */
#include <fs/file.h>
#include <kernel/mm/mm.h>
#include <kernel/mm/vm_file.h>
#include <kernel/task/cred.h>

_Static_assert(INODE_PAGES_DIRTY == INODE_STATE_DIRTY_PAGES, "one bit, two floors");
#define MNT_NOEXEC	8	/* = SB_NOEXEC, in mount->flags */
#define FALLOC_PUNCH	3	/* the ABI's FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE */

struct mapping *vm_file_mapping(const struct file *f)
{
	return f->mapping;
}

static bool is_noexec(const struct file *f)
{
	const struct mount *mnt = f->path.mnt;

	return mnt && ((mnt->flags & MNT_NOEXEC) || (mnt->sb->flags & SB_NOEXEC));
}

int vm_file_check(const struct file *f, u32 prot, bool shared, u64 *vm_flags)
{
	if (!(f->mode & FMODE_READ))
		return -EACCES;
	if (shared && (prot & PROT_WRITE) && !(f->mode & FMODE_WRITE))
		return -EACCES;
	if (is_noexec(f)) {
		if (prot & PROT_EXEC)
			return -EPERM;
		*vm_flags &= ~VM_MAYEXEC;
	}
	if (!f->ops->mmap)
		return -ENODEV;
	if (shared && !(f->mode & FMODE_WRITE))
		*vm_flags &= ~(VM_MAYWRITE | VM_SHARED);
	return 0;
}

int vm_file_mmap(struct file *f, struct vma *vma)
{
	return f->ops->mmap(f, vma);
}

int vm_file_sync(struct file *f, loff_t start, loff_t end)
{
	return file_sync(f, start, end, true);
}

int vm_file_punch(struct file *f, loff_t start, loff_t len)
{
	return f->ops->fallocate ? f->ops->fallocate(f, FALLOC_PUNCH, start, len) : -EOPNOTSUPP;
}

bool vm_file_may_tell_cached(const struct file *f)
{
	struct inode *inode = f->mapping->host;

	return !inode || current_cred()->fsuid == inode->uid || capable(CAP_FOWNER) ||
	       !inode_permission(inode, MAY_WRITE);
}
