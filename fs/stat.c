/* SPDX-License-Identifier: MIT */
/*
 * stat, statx and readlink: attributes of inodes in the ABI's layouts. statx always
 * answers with all that there is, whatever it was asked for, as it may.
 *
 * Limit: statx knows no time of birth and no alignment of direct I/O: their bits stay
 * clear in stx_mask.
 */
#include <fs/file.h>
#include <fs/namei.h>
#include <kernel/lib/string.h>
#include <kernel/uapi/syscall.h>
#include <kernel/uapi/fcntl.h>
#include <arch/uaccess.h>

/* struct stat of the generic 64-bit ABI (asm-generic/stat.h). */
struct user_stat {
	u64 dev, ino;
	u32 mode, nlink, uid, gid;
	u64 rdev, pad1;
	s64 size;
	s32 blksize, pad2;
	s64 blocks;
	s64 atime, atime_nsec, mtime, mtime_nsec, ctime, ctime_nsec;
	u32 unused[2];
};
_Static_assert(sizeof(struct user_stat) == 128, "riscv64 struct stat");

struct statx_timestamp {
	s64 sec;
	u32 nsec;
	s32 pad;
};
struct user_statx {
	u32 mask, blksize;
	u64 attributes;
	u32 nlink, uid, gid;
	u16 mode, pad1;
	u64 ino, size, blocks, attributes_mask;
	struct statx_timestamp atime, btime, ctime, mtime;
	u32 rdev_major, rdev_minor, dev_major, dev_minor;
	u64 mnt_id;
	u64 spare[13];
};
_Static_assert(sizeof(struct user_statx) == 256, "struct statx");

#define STATX_BASIC_STATS	0x7ffu
#define STATX_MNT_ID		0x1000u
#define STATX_ATTR_MOUNT_ROOT	0x2000u
#define STATX_RESERVED		0x80000000u

/* 8 bits of minor, 12 of major, the rest of minor. */
static u64 dev_encode(dev_t dev)
{
	u32 minor = MINOR(dev);

	return (minor & 0xff) | (u64)MAJOR(dev) << 8 | (u64)(minor & ~0xffu) << 12;
}

int inode_stat(struct inode *i, struct kstat *st)
{
	spin_lock(&i->lock);
	*st = (struct kstat){
		.ino = i->ino, .blocks = i->blocks, .size = READ_ONCE(i->size),
		.dev = i->sb->dev, .rdev = i->rdev, .mode = i->mode, .nlink = i->nlink,
		.blksize = 1u << i->blkbits, .uid = i->uid, .gid = i->gid,
		.atime = i->atime, .mtime = i->mtime, .ctime = i->ctime,
	};
	spin_unlock(&i->lock);
	return i->ops && i->ops->getattr ? i->ops->getattr(i, st, STATX_BASIC_STATS) : 0;
}

static long stat_to_user(uaddr_t to, const struct kstat *st)
{
	struct user_stat u = {
		.dev = dev_encode(st->dev), .ino = st->ino, .mode = st->mode, .nlink = st->nlink,
		.uid = st->uid, .gid = st->gid, .rdev = dev_encode(st->rdev), .size = st->size,
		.blksize = st->blksize, .blocks = st->blocks,
		.atime = st->atime.sec, .atime_nsec = st->atime.nsec,
		.mtime = st->mtime.sec, .mtime_nsec = st->mtime.nsec,
		.ctime = st->ctime.sec, .ctime_nsec = st->ctime.nsec,
	};

	return copy_to_user(to, &u, sizeof(u));
}

/* where: NULL, nobody asks. So below. */
static int path_stat(const struct path *path, struct kstat *st, struct mount_facts *where)
{
	if (where)
		mount_facts_fill(where, path);
	return inode_stat(path->dentry->inode, st);
}

static int stat_fd(int fd, struct kstat *st, struct mount_facts *where)
{
	struct fd f = fd_get_raw(fd);
	int err;

	if (!f.file)
		return -EBADF;
	err = path_stat(&f.file->path, st, where);
	fd_put(f);
	return err;
}

static int stat_name(int dfd, const char *name, u32 flags, struct kstat *st,
		     struct mount_facts *where)
{
	struct path path;
	int err;

	if (!*name && dfd != AT_FDCWD)
		return stat_fd(dfd, st, where);
	if (*name) {
		err = filename_stat_rcu(dfd, name, flags, st, where);
		if (err != -ECHILD)
			return err;
	}
	err = filename_lookup(dfd, name, flags, &path);
	if (err)
		return err;
	err = path_stat(&path, st, where);
	path_put(&path);
	return err;
}

static int stat_at(int dfd, uaddr_t name, int at_flags, struct kstat *st, struct mount_facts *where)
{
	u32 flags = (at_flags & AT_SYMLINK_NOFOLLOW ? 0 : LOOKUP_FOLLOW) |
		    (at_flags & AT_EMPTY_PATH ? LOOKUP_EMPTY : 0);
	struct filename fn;
	int err;

	/* No name is as good as an empty one. */
	if (!name && (at_flags & AT_EMPTY_PATH) && dfd >= 0)
		return stat_fd(dfd, st, where);
	err = filename_get(&fn, name, flags);
	if (err)
		return err;
	err = stat_name(dfd, fn.name, flags, st, where);
	filename_put(&fn);
	return err;
}

long sys_newfstatat(int dfd, uaddr_t name, uaddr_t to, int flags)
{
	struct kstat st;
	int err;

	/* How fresh it has to be: here all is. Both bits at once are taken, unlike by statx. */
	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | AT_STATX_SYNC_TYPE))
		return -EINVAL;
	err = stat_at(dfd, name, flags, &st, NULL);
	return err ? err : stat_to_user(to, &st);
}

long sys_newfstat(u32 fd, uaddr_t to)
{
	struct kstat st;
	int err = stat_fd(fd, &st, NULL);

	return err ? err : stat_to_user(to, &st);
}

static struct statx_timestamp statx_time(struct timespec64 t)
{
	return (struct statx_timestamp){ .sec = t.sec, .nsec = t.nsec };
}

long sys_statx(int dfd, uaddr_t name, u32 flags, u32 mask, uaddr_t to)
{
	struct mount_facts where;
	struct user_statx u;
	struct kstat st;
	int err;

	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | AT_STATX_SYNC_TYPE))
		return -EINVAL;
	if ((mask & STATX_RESERVED) || (flags & AT_STATX_SYNC_TYPE) == AT_STATX_SYNC_TYPE)
		return -EINVAL;
	err = stat_at(dfd, name, flags, &st, &where);
	if (err)
		return err;
	u = (struct user_statx){
		.mask = STATX_BASIC_STATS | STATX_MNT_ID, .mnt_id = where.id,
		.attributes_mask = STATX_ATTR_MOUNT_ROOT,
		.attributes = where.is_root ? STATX_ATTR_MOUNT_ROOT : 0, .blksize = st.blksize, .nlink = st.nlink,
		.uid = st.uid, .gid = st.gid, .mode = st.mode, .ino = st.ino, .size = st.size, .blocks = st.blocks,
		.atime = statx_time(st.atime), .mtime = statx_time(st.mtime), .ctime = statx_time(st.ctime),
		.rdev_major = MAJOR(st.rdev), .rdev_minor = MINOR(st.rdev),
		.dev_major = MAJOR(st.dev), .dev_minor = MINOR(st.dev),
	};
	return copy_to_user(to, &u, sizeof(u));
}

long sys_readlinkat(int dfd, uaddr_t name, uaddr_t buf, int size)
{
	void (*put)(const char *) = NULL;
	const char *text, *arg = NULL;
	struct inode *inode;
	struct path path;
	long n;

	if (size <= 0)
		return -EINVAL;
	n = path_lookup_user(dfd, name, LOOKUP_EMPTY, &path);
	if (n)
		return n;
	inode = path.dentry->inode;
	if (!S_ISLNK(inode->mode) || !inode->ops->get_link) {
		path_put(&path);
		return -EINVAL;
	}
	path_accessed(&path);
	text = inode->ops->get_link(inode, path.dentry, &put, &arg);
	if (IS_ERR(text)) {
		n = PTR_ERR(text);
	} else {
		n = min_t(size_t, strlen(text), size);
		if (copy_to_user(buf, text, n))
			n = -EFAULT;
		if (put)
			put(arg);
	}
	path_put(&path);
	return n;
}
