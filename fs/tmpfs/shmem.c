/* SPDX-License-Identifier: MIT */
/*
 * Shared memory without a name: files of a tmpfs that is mounted nowhere.
 *
 * MAP_SHARED | MAP_ANONYMOUS, shared /dev/zero and memfd_create() are the same
 * thing, a regular file whose dentry is not hashed. All that holds for mapped
 * files (fork, mremap, futex keys, /proc/PID/maps) thus holds for them.
 *
 * A mapping promises all of its memory at once (commit.c); a memfd grows.
 *
 * Seals take rights away from a file for ever. Who changes the file tests them
 * with its rwsem write-held, under which they are set, so a seal that is set has
 * no writer before it that is still at work; writable mappings are counted.
 */
#include <arch/uaccess.h>
#include <fs/file.h>
#include <fs/mount.h>
#include <fs/namei.h>
#include <fs/tmpfs/tmpfs.h>
#include <kernel/bug.h>
#include <kernel/lib/string.h>
#include <kernel/lock/wait.h>
#include <kernel/mm/mm.h>
#include <kernel/mm/vm_file.h>
#include <kernel/task/signal.h>
#include <kernel/uapi/fcntl.h>
#include <kernel/uapi/syscall.h>

#define MFD_CLOEXEC		1u
#define MFD_ALLOW_SEALING	2u
#define MFD_HUGETLB		4u
#define MFD_NOEXEC_SEAL		8u
#define MFD_EXEC		16u
#define MFD_NAME_MAX		249

#define FALLOC_FL_KEEP_SIZE	1
#define FALLOC_FL_PUNCH_HOLE	2

#define ALL_SEALS	(F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE | \
			 F_SEAL_EXEC)
#define TMPFS_MAGIC	0x01021994

static struct mount *shm_mount;		/* constant after boot */

static u64 pages_of(loff_t size)
{
	return DIV_ROUND_UP((u64)size, PAGE_SIZE);
}

/* A new unhashed file; its inode's size and seals are the caller's to set. NULL and *err. */
static struct file *file_create(const char *name, umode_t mode, int *err)
{
	struct dentry *root = shm_mount->root, *d;
	struct inode *inode;
	struct file *f;
	struct qstr q;

	*err = -ENOMEM;
	qstr_init(&q, name, strlen(name));
	d = dentry_alloc(root, &q);
	if (!d)
		return NULL;
	inode = tmpfs_inode(root->sb, NULL, S_IFREG | mode, 0);
	if (IS_ERR(inode)) {
		dentry_put(d);
		*err = PTR_ERR(inode);
		return NULL;
	}
	inode->nlink = 0;
	dentry_instantiate(d, inode);
	f = file_open_path(&(struct path){ shm_mount, d }, O_RDWR, err);
	dentry_put(d);
	return f;
}

struct file *shmem_file_create(const char *name, size_t size, u64 vm_flags, int *err)
{
	bool charge = !(vm_flags & VM_NORESERVE);
	struct file *f;

	*err = -ENOMEM;
	if (charge && commit_charge(pages_of(size)))
		return NULL;
	f = file_create(name, 0777, err);
	if (!f) {
		if (charge)
			commit_uncharge(pages_of(size));
		return NULL;
	}
	f->inode->size = size;
	shmem_set_seals(f->inode, F_SEAL_SEAL | (charge ? SHMEM_CHARGED : 0));
	return f;
}

void shmem_evict(struct inode *inode)
{
	if (shmem_seals(inode) & SHMEM_CHARGED)
		commit_uncharge(pages_of(inode->size));
}

int shmem_mmap(struct file *f, struct vma *vma)
{
	u32 seals = shmem_seals(f->inode);

	file_accessed(f);
	if (unlikely(seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)) && (vma->flags & VM_SHARED)) {
		if (vma->flags & VM_WRITE)
			return -EPERM;
		vma->flags &= ~VM_MAYWRITE;
	}
	return 0;
}

int shmem_mmap_zero(struct vma *vma)
{
	struct file *f, *old = vma->file;
	int err;

	if (!(vma->flags & VM_SHARED)) {
		vma->file = NULL;
		vma->mapping = NULL;
		vma->pgoff = vma->start >> PAGE_SHIFT;
		file_put(old);
		return 0;
	}
	f = shmem_file_create("dev/zero", vma->end - vma->start, vma->flags, &err);
	if (!f)
		return err;
	vma->file = f;
	vma->mapping = f->mapping;
	vma->pgoff = 0;
	file_put(old);
	return 0;
}

/* Inode write-locked: only mappings add pages meanwhile. */
static u64 count_missing(struct mapping *m, u64 first, u64 end)
{
	u64 missing = 0;

	for (u64 i = first; i < end && !signal_fatal_pending(current); i++) {
		struct page *page = pagecache_find(m, i);

		missing += !page || !page_test(page, PG_UPTODATE);
		if (page)
			page_put(page);
		cond_resched();
	}
	return missing;
}

/* Zeroed pages for what is not there yet: room for all of them, or none. */
static int fill_range(struct mapping *m, loff_t off, loff_t len)
{
	u64 first = (u64)off >> PAGE_SHIFT, end = pages_of(off + len),
	    missing = count_missing(m, first, end);
	struct superblock *sb = m->host->sb;
	int err = tmpfs_blocks_take(sb, missing);

	if (err)
		return err;
	for (u64 i = first; i < end && !err; i++) {
		struct page *page = pagecache_get_locked(m, i, m->gfp);

		if (!page) {
			err = -ENOMEM;
			break;
		}
		if (!page_test(page, PG_UPTODATE)) {
			clear_page(page_address(page));
			page_test_and_set(page, PG_UPTODATE);
			missing--;
		}
		page_set_dirty(page);
		page_unlock(page);
		page_put(page);
		if (wait_signal_check(TASK_KILLABLE))
			err = -EINTR;
	}
	tmpfs_blocks_give_back(sb, missing);
	return err;
}

static int fallocate_locked(struct inode *inode, int mode, loff_t off, loff_t len)
{
	u32 seals = shmem_seals(inode);
	int err;

	if (mode & FALLOC_FL_PUNCH_HOLE) {
		if (seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE))
			return -EPERM;
		mapping_truncate_range(inode->mapping, off, off + len);
		return 0;
	}
	if ((seals & F_SEAL_GROW) && off + len > inode->size)
		return -EPERM;
	err = inode_check_growth(inode, off + len);
	if (!err)
		err = fill_range(inode->mapping, off, len);
	if (!err && !(mode & FALLOC_FL_KEEP_SIZE) && off + len > inode->size)
		WRITE_ONCE(inode->size, off + len);
	return err;
}

int shmem_fallocate(struct file *f, int mode, loff_t off, loff_t len)
{
	struct inode *inode = f->inode;
	int err;

	if (mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE))
		return -EOPNOTSUPP;
	rwsem_write_lock(&inode->rwsem);
	err = fallocate_locked(inode, mode, off, len);
	if (!err)
		inode_touch(inode, ATTR_MTIME);
	rwsem_write_unlock(&inode->rwsem);
	return err;
}

/* --- seals --- */

static bool has_seals(const struct file *f)
{
	return S_ISREG(f->inode->mode) && f->inode->sb->ops == &tmpfs_super_ops;
}

int shmem_get_seals(struct file *f)
{
	return has_seals(f) ? (int)(shmem_seals(f->inode) & ALL_SEALS) : -EINVAL;
}

static int add_seals_locked(struct inode *inode, u32 seals)
{
	u32 old = shmem_seals(inode);

	if (old & F_SEAL_SEAL)
		return -EPERM;
	if ((seals & ~old & F_SEAL_WRITE) && atomic_read(&inode->mapping->nr_writable_maps) > 0)
		return -EBUSY;
	if ((seals & F_SEAL_EXEC) && (inode->mode & 0111))
		seals |= F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE;
	shmem_set_seals(inode, old | seals);
	return 0;
}

int shmem_add_seals(struct file *f, u64 seals)
{
	struct inode *inode = f->inode;
	int err;

	if (!(f->mode & FMODE_WRITE))
		return -EPERM;
	if (seals & ~(u64)ALL_SEALS)
		return -EINVAL;
	if (!has_seals(f))
		return -EINVAL;
	rwsem_write_lock(&inode->rwsem);
	err = add_seals_locked(inode, seals);
	rwsem_write_unlock(&inode->rwsem);
	return err;
}

/* --- memfd_create --- */

/* "memfd:" and the user's name, kmalloc'ed. */
static int name_from_user(uaddr_t uname, char **out)
{
	static const char prefix[] = "memfd:";
	char *name = kmalloc(sizeof(prefix) + MFD_NAME_MAX + 1, GFP_KERNEL);
	ssize_t n;

	if (!name)
		return -ENOMEM;
	memcpy(name, prefix, sizeof(prefix));
	n = strncpy_from_user(name + sizeof(prefix) - 1, uname, MFD_NAME_MAX + 1);
	if (n < 0 || n > MFD_NAME_MAX) {
		kfree(name);
		return n < 0 ? (int)n : -EINVAL;
	}
	name[sizeof(prefix) - 1 + n] = '\0';
	*out = name;
	return 0;
}

static u32 first_seals(u32 flags)
{
	if (flags & MFD_NOEXEC_SEAL)
		return F_SEAL_EXEC;
	return flags & MFD_ALLOW_SEALING ? 0 : F_SEAL_SEAL;
}

long sys_memfd_create(uaddr_t uname, u32 flags)
{
	struct file *f;
	char *name = NULL;
	int fd, err;

	if (flags & ~(MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_HUGETLB | MFD_NOEXEC_SEAL | MFD_EXEC))
		return -EINVAL;
	if ((flags & (MFD_EXEC | MFD_NOEXEC_SEAL)) == (MFD_EXEC | MFD_NOEXEC_SEAL))
		return -EINVAL;
	if (flags & MFD_HUGETLB)
		return -ENOSYS;
	err = name_from_user(uname, &name);
	if (err)
		return err;
	fd = fd_reserve(flags & MFD_CLOEXEC ? O_CLOEXEC : 0);
	if (fd < 0)
		goto free_name;
	f = file_create(name, flags & MFD_NOEXEC_SEAL ? 0666 : 0777, &err);
	if (!f) {
		fd_release(fd);
		fd = err;
		goto free_name;
	}
	shmem_set_seals(f->inode, first_seals(flags));
	fd_install(fd, f);
free_name:
	kfree(name);
	return fd;
}

void __init shmem_init(void)
{
	static const struct fstype type = { .name = "tmpfs" };

	shm_mount = mount_internal(&type, TMPFS_MAGIC, S_IFDIR | 0777);
	BUG_ON(!shm_mount);
	shm_mount->sb->ops = &tmpfs_super_ops;
	shm_mount->sb->max_bytes = S64_MAX;
	shm_mount->flags = 0;
}
