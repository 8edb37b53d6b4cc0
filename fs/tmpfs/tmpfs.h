/* SPDX-License-Identifier: MIT */
/*
 * tmpfs as the base of devtmpfs, of the root, and of
 * memory that is shared without a name (shmem.c).
 */
#pragma once
#include <fs/vfs.h>

struct file;
struct vma;

int tmpfs_mount(const struct fstype *type, u32 flags, const char *source, char *options,
		struct superblock **out);
/* A new inode, or an ERR_PTR: -ENOMEM, -ENOSPC. */
struct inode *tmpfs_inode(struct superblock *sb, const struct inode *dir, umode_t mode, dev_t dev);
extern const struct super_ops tmpfs_super_ops;

/* --- limits.c --- */

struct tmpfs_attributes {		/* of the root */
	umode_t mode;
	uid_t uid;
	gid_t gid;
};
/* Options, changed in place, as sb->private and *root: 0, -EINVAL, -ENOMEM. */
int __must_check tmpfs_limits_create(struct superblock *sb, char *options,
				     struct tmpfs_attributes *root);
void tmpfs_limits_destroy(struct superblock *sb);
/* Pages of contents, an inode or one more name for it: 0 or -ENOSPC. Any context. */
int __must_check tmpfs_blocks_take(struct superblock *sb, u64 n);
void tmpfs_blocks_give_back(struct superblock *sb, u64 n);
int __must_check tmpfs_inode_take(struct superblock *sb);
void tmpfs_inode_give_back(struct superblock *sb);
int tmpfs_statfs(struct superblock *sb, struct kstatfs *st);
int tmpfs_remount(struct superblock *sb, u32 *flags, char *options);
void tmpfs_show_options(struct superblock *sb, char *buf, size_t len);

/* --- shmem.c --- */

/*
 * Seals of a regular file, F_SEAL_*; changed with the
 * inode's rwsem write-held. Kept in inode->private.
 */
#define F_SEAL_SEAL		BIT(0)
#define F_SEAL_SHRINK		BIT(1)
#define F_SEAL_GROW		BIT(2)
#define F_SEAL_WRITE		BIT(3)
#define F_SEAL_FUTURE_WRITE	BIT(4)
#define F_SEAL_EXEC		BIT(5)
/* its size is promised memory: given back with the inode */
#define SHMEM_CHARGED		BIT(31)

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
