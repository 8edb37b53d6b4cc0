/* SPDX-License-Identifier: MIT */
/*
 * tmpfs: files in the page cache, names in the dentry cache, and nothing else.
 *
 * A name lives because its dentry has one reference more than its users hold,
 * dropped by unlink. So the cache never loses a name, and a name that is not
 * cached does not exist: lookup leaves the dentry negative.
 *
 * Pages are never written back (MAPPING_NO_WRITEBACK), and stay in memory. read(2) makes
 * none of a hole; a mapping does. How many there may be: limits.c.
 *
 * The order of a directory listing is that of the parent's list of children;
 * positions 0 and 1 are "." and "..", then 2 + the name's place, which stays while
 * others come and go.
 */
#include <fs/chrdev.h>
#include <fs/file.h>
#include <fs/namei.h>
#include <fs/pipe.h>
#include <fs/tmpfs/tmpfs.h>
#include <kernel/lib/string.h>
#include <kernel/mm/alloc.h>
#include <kernel/mm/page.h>
#include <kernel/task/signal.h>
#include <kernel/uapi/fcntl.h>

#define TMPFS_MAGIC	0x01021994

static const struct inode_ops dir_ops, file_inode_ops, link_ops;
static const struct file_ops dir_fops, file_fops;
static u64 next_ino = 1;		/* atomic */

/* --- pages --- */

/* A page that gets no place does not stay: it would be there uncounted. */
static int take_place(struct mapping *m, struct page *page)
{
	int err = tmpfs_blocks_take(m->host->sb, 1);

	if (unlikely(err))
		pagecache_remove(m, page);
	return err;
}

static int tmpfs_read_page(struct mapping *m, struct page *page)
{
	int err = take_place(m, page);

	if (!err)
		clear_page(page_address(page));
	page_read_done(page, err);
	return err;
}

static int tmpfs_write_begin(struct mapping *m, struct page *page, u32 from, u32 to)
{
	u32 seals = shmem_seals(m->host);
	int err;

	if (unlikely(seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)))
		return -EPERM;
	if (unlikely((seals & F_SEAL_GROW) &&
		     (loff_t)(page->index << PAGE_SHIFT) + to > m->host->size))
		return -EPERM;
	if (page_test(page, PG_UPTODATE))
		return 0;
	err = take_place(m, page);
	if (err)
		return err;
	memset(page_address(page), 0, from);
	memset((char *)page_address(page) + to, 0, PAGE_SIZE - to);
	return 0;
}

static void tmpfs_write_end(struct mapping *m, struct page *page, u32 from, u32 to, u32 copied)
{
	if (!copied && !page_test(page, PG_UPTODATE))
		tmpfs_blocks_give_back(m->host->sb, 1);
}

/* The whole page goes: parts that are cut off stay zero in it. */
static void tmpfs_invalidate_page(struct page *page, u32 from, u32 to)
{
	if (!from && to == PAGE_SIZE && page_test(page, PG_UPTODATE))
		tmpfs_blocks_give_back(page->mapping->host->sb, 1);
}

static bool tmpfs_release_page(struct page *page)
{
	tmpfs_invalidate_page(page, 0, PAGE_SIZE);
	return true;
}

/* As generic_file_read, but that a hole is not made a page. */
static ssize_t tmpfs_read(struct kio *kio, struct iov_iter *to)
{
	struct mapping *m = kio->file->mapping;
	ssize_t done = 0;

	file_accessed(kio->file);
	while (iov_iter_count(to) && kio->pos < mapping_size(m)) {
		u32 offset = kio->pos & ~PAGE_MASK;
		size_t want = min((u64)(mapping_size(m) - kio->pos), iov_iter_count(to)), got;
		struct page *page = pagecache_find(m, (u64)kio->pos >> PAGE_SHIFT);

		want = min(want, PAGE_SIZE - offset);
		if (page && likely(page_test(page, PG_UPTODATE)))
			got = copy_page_to_iter(page_address(page), offset, want, to);
		else
			got = zero_iter(want, to);
		if (page)
			page_put(page);
		kio->pos += got;
		done += got;
		if (got < want)
			return done ? done : -EFAULT;
		if (!page && signal_fatal_pending(current))
			return done;
		cond_resched();
	}
	return done;
}

static const struct mapping_ops tmpfs_mapping_ops = {
	.read_page = tmpfs_read_page,
	.write_begin = tmpfs_write_begin,
	.write_end = tmpfs_write_end,
	.invalidate_page = tmpfs_invalidate_page,
	.release_page = tmpfs_release_page,
};

/* --- inodes --- */

struct inode *tmpfs_inode(struct superblock *sb, const struct inode *dir, umode_t mode, dev_t dev)
{
	int err = tmpfs_inode_take(sb);
	struct inode *inode;

	if (err)
		return ERR_PTR(err);
	inode = inode_new(sb);
	if (!inode) {
		tmpfs_inode_give_back(sb);
		return ERR_PTR(-ENOMEM);
	}
	inode->ino = __atomic_fetch_add(&next_ino, 1, __ATOMIC_RELAXED);
	inode_init_owner(inode, dir, mode);
	inode->atime = inode->mtime = inode->ctime = inode_now(inode);
	inode->mapping->ops = &tmpfs_mapping_ops;
	inode->mapping->flags |= MAPPING_NO_WRITEBACK;
	inode->ops = &file_inode_ops;
	inode->rdev = dev;
	if (S_ISREG(mode)) {
		shmem_set_seals(inode, F_SEAL_SEAL);
		inode->mapping->blocks = &inode->blocks;
		inode->fops = &file_fops;
	} else if (S_ISDIR(mode)) {
		inode->nlink = 2;
		inode->ops = &dir_ops;
		inode->fops = &dir_fops;
	} else {
		inode_set_node_ops(inode);
	}
	return inode;
}

static void touch_dir(struct inode *dir)
{
	inode_touch(dir, ATTR_MTIME);
}

static int tmpfs_mknod(struct inode *dir, struct dentry *d, umode_t mode, dev_t dev)
{
	struct inode *inode = tmpfs_inode(dir->sb, dir, mode, dev);

	if (IS_ERR(inode))
		return PTR_ERR(inode);
	dentry_instantiate(d, inode);
	dentry_get(d);
	touch_dir(dir);
	return 0;
}

static int tmpfs_create(struct inode *dir, struct dentry *d, umode_t mode)
{
	return tmpfs_mknod(dir, d, mode, 0);
}

static int tmpfs_mkdir(struct inode *dir, struct dentry *d, umode_t mode)
{
	int err = tmpfs_mknod(dir, d, mode, 0);

	if (!err)
		dir->nlink++;
	return err;
}

static int tmpfs_symlink(struct inode *dir, struct dentry *d, const char *target)
{
	char *text = kstrdup(target, GFP_KERNEL);
	struct inode *inode;

	if (!text)
		return -ENOMEM;
	inode = tmpfs_inode(dir->sb, dir, S_IFLNK | S_IRWXUGO, 0);
	if (IS_ERR(inode)) {
		kfree(text);
		return PTR_ERR(inode);
	}
	inode->private = text;
	inode->size = strlen(text);
	inode->ops = &link_ops;
	dentry_instantiate(d, inode);
	dentry_get(d);
	touch_dir(dir);
	return 0;
}

static int tmpfs_link(struct inode *inode, struct inode *dir, struct dentry *d)
{
	/* A first name (O_TMPFILE) comes with the inode. */
	int err = inode->nlink ? tmpfs_inode_take(dir->sb) : 0;

	if (err)
		return err;
	inode->nlink++;
	inode_touch(inode, 0);
	dentry_instantiate(d, inode_get(inode));
	dentry_get(d);
	touch_dir(dir);
	return 0;
}

static int tmpfs_unlink(struct inode *dir, struct dentry *d)
{
	if (d->inode->nlink > 1)
		tmpfs_inode_give_back(dir->sb);
	d->inode->nlink--;
	inode_touch(d->inode, 0);
	touch_dir(dir);
	dentry_put(d);
	return 0;
}

static bool dir_is_empty(struct dentry *dir)
{
	struct dentry *d;
	bool empty = true;

	spin_lock(&dir->lock);
	list_for_each(d, &dir->children, child_node)
		if (READ_ONCE(d->inode) && (d->flags & DENTRY_HASHED)) {
			empty = false;
			break;
		}
	spin_unlock(&dir->lock);
	return empty;
}

static int tmpfs_rmdir(struct inode *dir, struct dentry *d)
{
	if (!dir_is_empty(d))
		return -ENOTEMPTY;
	d->inode->nlink = 0;
	dir->nlink--;
	touch_dir(dir);
	dentry_put(d);
	return 0;
}

static int tmpfs_exchange(struct inode *a_dir, struct dentry *a, struct inode *b_dir,
			  struct dentry *b)
{
	int moved = (int)S_ISDIR(a->inode->mode) - (int)S_ISDIR(b->inode->mode);

	if (a_dir != b_dir) {
		a_dir->nlink -= moved;
		b_dir->nlink += moved;
	}
	touch_dir(a_dir);
	touch_dir(b_dir);
	inode_touch(a->inode, 0);
	inode_touch(b->inode, 0);
	return 0;
}

static int tmpfs_rename(struct inode *old_dir, struct dentry *old, struct inode *new_dir,
			struct dentry *new, u32 flags)
{
	bool is_dir = S_ISDIR(old->inode->mode);

	if (flags & RENAME_EXCHANGE)
		return tmpfs_exchange(old_dir, old, new_dir, new);
	if (new->inode) {
		int err = is_dir ? tmpfs_rmdir(new_dir, new) : tmpfs_unlink(new_dir, new);

		if (err)
			return err;
	}
	if (is_dir && old_dir != new_dir) {
		old_dir->nlink--;
		new_dir->nlink++;
	}
	touch_dir(old_dir);
	touch_dir(new_dir);
	inode_touch(old->inode, 0);
	return 0;
}

static int tmpfs_lookup(struct inode *dir, struct dentry *d)
{
	dentry_add(d);
	return 0;
}

static int tmpfs_setattr(struct inode *inode, const struct iattr *attr)
{
	int err = inode_setattr_check(inode, attr);

	if (err)
		return err;
	if (attr->valid & ATTR_SIZE) {
		loff_t old = inode->size;
		u32 seals = S_ISREG(inode->mode) ? shmem_seals(inode) : 0;

		if ((attr->size < old && (seals & F_SEAL_SHRINK)) ||
		    (attr->size > old && (seals & F_SEAL_GROW)))
			return -EPERM;
		WRITE_ONCE(inode->size, attr->size);
		if (attr->size < old)
			mapping_truncate(inode->mapping, attr->size);
	}
	inode_setattr_copy(inode, attr);
	return 0;
}

static const char *tmpfs_get_link(struct inode *inode, struct dentry *d, void (**put)(const char *),
				  const char **arg)
{
	return inode->private;
}

static void tmpfs_evict(struct inode *inode)
{
	if (S_ISLNK(inode->mode))
		kfree(inode->private);
	else if (S_ISREG(inode->mode))
		shmem_evict(inode);
	tmpfs_inode_give_back(inode->sb);
}

static int tmpfs_fsync(struct file *f, loff_t start, loff_t end, bool datasync)
{
	return 0;		/* memory is as stable as it gets */
}

/*
 * Emits under the inode's read lock: names cannot
 * change, so the list's lock is needed only to step.
 */
static int tmpfs_iterate(struct file *f, struct dir_context *ctx)
{
	struct dentry *dir = f->path.dentry, *d;

	if (ctx->pos == 0) {
		if (!ctx->emit(ctx, ".", 1, 0, dir->inode->ino, DT_DIR))
			return 0;
		ctx->pos = 1;
	}
	if (ctx->pos == 1) {
		if (!ctx->emit(ctx, "..", 2, 1, dir->parent->inode->ino, DT_DIR))
			return 0;
		ctx->pos = 2;
	}
	spin_lock(&dir->lock);
	list_for_each(d, &dir->children, child_node) {
		struct inode *inode = READ_ONCE(d->inode);

		loff_t pos = (loff_t)d->place + 2;

		if (!inode || !(d->flags & DENTRY_HASHED) || pos < ctx->pos)
			continue;
		ctx->pos = pos;
		if (!ctx->emit(ctx, d->name.name, d->name.len, pos, inode->ino,
			       DT_OF_MODE(inode->mode)))
			break;
		ctx->pos = pos + 1;
	}
	spin_unlock(&dir->lock);
	return 0;
}

/* A name that no directory lists: "#" and the inode's number. */
static int tmpfs_tmpfile(struct inode *dir, struct dentry *d, umode_t mode)
{
	struct inode *inode = tmpfs_inode(dir->sb, dir, mode, 0);

	if (IS_ERR(inode))
		return PTR_ERR(inode);
	inode->nlink = 0;
	dentry_instantiate(d, inode);
	return 0;
}

/* Data is what was written: pages that are marked dirty, for ever. */
static loff_t seek_data_hole(const struct inode *inode, loff_t off, bool data)
{
	const struct mapping *m = inode->mapping;
	loff_t size = inode->size;
	u64 index = (u64)off >> PAGE_SHIFT;

	if (off < 0 || off >= size)
		return -ENXIO;
	rcu_read_lock();
	if (!data)
		while (xa_get_mark(&m->pages, index, XA_DIRTY))
			index++;
	else if (!xa_find_marked(&m->pages, &index, U64_MAX, XA_DIRTY))
		index = U64_MAX >> PAGE_SHIFT;
	rcu_read_unlock();
	off = (loff_t)max((u64)off, index << PAGE_SHIFT);
	if (off >= size)
		return data ? -ENXIO : size;
	return off;
}

static loff_t tmpfs_llseek(struct file *f, loff_t off, int whence)
{
	if (whence != SEEK_DATA && whence != SEEK_HOLE)
		return generic_file_llseek(f, off, whence);
	rwsem_read_lock(&f->inode->rwsem);
	off = seek_data_hole(f->inode, off, whence == SEEK_DATA);
	rwsem_read_unlock(&f->inode->rwsem);
	if (off >= 0)
		f->pos = off;
	return off;
}

static const struct inode_ops dir_ops = {
	.lookup = tmpfs_lookup, .create = tmpfs_create, .link = tmpfs_link, .unlink = tmpfs_unlink,
	.symlink = tmpfs_symlink, .mkdir = tmpfs_mkdir, .rmdir = tmpfs_rmdir, .mknod = tmpfs_mknod,
	.rename = tmpfs_rename, .tmpfile = tmpfs_tmpfile, .setattr = tmpfs_setattr,
};
static const struct inode_ops file_inode_ops = { .setattr = tmpfs_setattr };
static const struct inode_ops link_ops = { .setattr = tmpfs_setattr, .get_link = tmpfs_get_link };
static const struct file_ops dir_fops = {
	.iterate = tmpfs_iterate, .llseek = generic_file_llseek, .fsync = tmpfs_fsync,
};
static const struct file_ops file_fops = {
	.read = tmpfs_read, .write = generic_file_write, .pages = generic_file_pages,
	.llseek = tmpfs_llseek,
	.mmap = shmem_mmap, .fsync = tmpfs_fsync, .fallocate = shmem_fallocate,
};

const struct super_ops tmpfs_super_ops = {
	.inode_alloc = data_inode_alloc,
	.inode_free = data_inode_free,
	.inode_evict = tmpfs_evict,
	.statfs = tmpfs_statfs,
	.remount = tmpfs_remount,
	.show_options = tmpfs_show_options,
	.put_super = tmpfs_limits_destroy,
};

int tmpfs_mount(const struct fstype *type, u32 flags, const char *source, char *options,
		struct superblock **out)
{
	struct superblock *sb = superblock_alloc(type, flags);
	struct tmpfs_attributes a;
	struct inode *root;
	int err;

	if (!sb)
		return -ENOMEM;
	sb->ops = &tmpfs_super_ops;
	sb->magic = TMPFS_MAGIC;
	err = tmpfs_limits_create(sb, options, &a);
	if (err)
		goto put;
	root = tmpfs_inode(sb, NULL, S_IFDIR | a.mode, 0);
	if (IS_ERR(root)) {
		err = PTR_ERR(root);
		goto put;
	}
	root->uid = a.uid;
	root->gid = a.gid;
	sb->root = dentry_alloc_root(root);
	if (!sb->root) {
		err = -ENOMEM;
		goto put;
	}
	*out = sb;
	return 0;
put:
	superblock_put(sb);
	return err;
}

FILESYSTEM(tmpfs) = { .name = "tmpfs", .flags = FSTYPE_PINS_NAMES, .mount = tmpfs_mount };
