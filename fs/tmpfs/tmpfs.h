/* SPDX-License-Identifier: MIT */
/* tmpfs as the base of devtmpfs, of the root, and of memory that is shared without a name (shmem.c). */
#pragma once
#include <fs/vfs.h>

struct file;
struct vma;

int tmpfs_mount(const struct fstype *type, u32 flags, const char *source, char *options, struct superblock **out);
struct inode *tmpfs_inode(struct superblock *sb, const struct inode *dir, umode_t mode, dev_t dev);
extern const struct super_ops tmpfs_super_ops;

/* Seals of a regular file, F_SEAL_*; changed with the inode's rwsem write-held. Kept in inode->private. */
#define F_SEAL_SEAL		BIT(0)
#define F_SEAL_SHRINK		BIT(1)
#define F_SEAL_GROW		BIT(2)
#define F_SEAL_WRITE		BIT(3)
#define F_SEAL_FUTURE_WRITE	BIT(4)
#define F_SEAL_EXEC		BIT(5)
#define SHMEM_CHARGED		BIT(31)		/* its size is promised memory: given back with the inode */

static inline u32 shmem_seals(const struct inode *inode)
{
	return (u64)READ_ONCE(inode->private);
}
static inline void shmem_set_seals(struct inode *inode, u32 seals)
{
	WRITE_ONCE(inode->private, (void *)(u64)seals);
}
int shmem_mmap(struct file *f, struct vma *vma);
int shmem_fallocate(struct file *f, int mode, loff_t off, loff_t len);
void shmem_evict(struct inode *inode);
/* fcntl: -EINVAL where f is no file of tmpfs. */
int shmem_get_seals(struct file *f);
int shmem_add_seals(struct file *f, u64 seals);
/* /dev/zero's mmap: anonymous memory, or where it is shared a file of its own. */
int shmem_mmap_zero(struct vma *vma);
void shmem_init(void);			/* boot, after inode and dentry caches */
