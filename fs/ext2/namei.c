/* SPDX-License-Identifier: MIT */
/*
 * Operations on names. Each allocates the inode first, then adds its name, so
 * that what fails midway leaves at most an inode without a name, which is
 * dropped again; link counts go up before a name appears and down after it went.
 */
#include <fs/ext2/ext2.h>
#include <kernel/lib/string.h>

static int ext2_lookup(struct inode *dir, struct dentry *dentry)
{
	struct inode *inode = NULL;
	u32 ino;
	int err;

	if (dentry->name.len > EXT2_NAME_MAX)
		return -ENAMETOOLONG;
	err = ext2_dir_find(dir, &dentry->name, &ino);
	if (!err)
		err = ext2_iget(dir->sb, ino, &inode);
	if (err && err != -ENOENT)
		return err;
	if (inode && !dentry_instantiate_found(dentry, inode)) {
		inode_put(inode);
		return ext2_error(EXT2_SB(dir->sb), "directory %u has two names", ino);
	}
	if (!inode)
		dentry_instantiate(dentry, NULL);
	return 0;
}

static void set_nlink(struct inode *inode, u32 n)
{
	inode->nlink = n;
	inode_touch(inode, 0);
	inode_mark_dirty(inode, INODE_STATE_DIRTY);
}

/* Name the new inode, or drop it. */
static int add_new(struct inode *dir, struct dentry *dentry, struct inode *inode)
{
	int err = ext2_dir_add(dir, &dentry->name, inode->ino, inode->mode);

	if (err) {
		set_nlink(inode, 0);
		inode_put(inode);
		return err;
	}
	dentry_instantiate(dentry, inode);
	return 0;
}

static int ext2_create(struct inode *dir, struct dentry *dentry, umode_t mode)
{
	struct inode *inode;
	int err = ext2_inode_new(dir, mode, &inode);

	return err ? err : add_new(dir, dentry, inode);
}

static int ext2_mknod(struct inode *dir, struct dentry *dentry, umode_t mode, dev_t dev)
{
	struct inode *inode;
	int err = ext2_inode_new(dir, mode, &inode);

	if (err)
		return err;
	inode->rdev = dev;
	return add_new(dir, dentry, inode);
}

static int symlink_store(struct inode *inode, const char *target, u32 len)
{
	struct ext2_inode *ei = EXT2_I(inode);
	struct ext2_sb *s = EXT2_SB(inode->sb);
	struct block_ref ref;
	bool is_new;
	u32 phys;
	int err;

	inode->size = len;
	if (len < sizeof(ei->block)) {
		memcpy(ei->block, target, len);
		return 0;
	}
	err = ext2_map(ei, 0, true, &phys, &is_new);
	if (!err)
		err = block_new(s->bdev, phys, s->bits, &ref);
	if (err)
		return err;
	memcpy(ref.data, target, len);
	block_dirty(&ref);
	block_put(&ref);
	return 0;
}

static int ext2_symlink(struct inode *dir, struct dentry *dentry, const char *target)
{
	size_t len = strlen(target);
	struct inode *inode;
	int err;

	if (len >= EXT2_SB(dir->sb)->block_bytes)
		return -ENAMETOOLONG;
	err = ext2_inode_new(dir, S_IFLNK | S_IRWXUGO, &inode);
	if (err)
		return err;
	err = symlink_store(inode, target, len);
	if (!err)
		return add_new(dir, dentry, inode);
	set_nlink(inode, 0);
	inode_put(inode);
	return err;
}

static void free_text(const char *text)
{
	kfree(text);
}

static const char *ext2_get_link(struct inode *inode, struct dentry *dentry,
				 void (**put)(const char *), const char **arg)
{
	struct ext2_inode *ei = EXT2_I(inode);
	struct ext2_sb *s = EXT2_SB(inode->sb);
	bool fast = ext2_is_fast_symlink(ei), is_new;
	u64 len = inode->size, room = fast ? sizeof(ei->block) : s->block_bytes;
	struct block_ref ref = { 0 };
	char *text;
	u32 phys;
	int err = 0;

	if (len >= room || !len)
		return ERR_PTR(ext2_error(s, "symlink %lu is damaged", inode->ino));
	text = kmalloc(len + 1, GFP_NOFS);
	if (!text)
		return ERR_PTR(-ENOMEM);
	if (!fast) {
		err = ext2_map(ei, 0, false, &phys, &is_new);
		if (!err)
			err = phys ? block_read(s->bdev, phys, s->bits, &ref) :
			      ext2_error(s, "symlink %lu is a hole", inode->ino);
	}
	if (err) {
		kfree(text);
		return ERR_PTR(err);
	}
	memcpy(text, fast ? (void *)ei->block : ref.data, len);
	text[len] = 0;
	block_put(&ref);
	*put = free_text;
	*arg = text;
	return text;
}

static int ext2_link(struct inode *inode, struct inode *dir, struct dentry *dentry)
{
	int err;

	if (inode->nlink >= EXT2_LINK_MAX)
		return -EMLINK;
	set_nlink(inode, inode->nlink + 1);
	err = ext2_dir_add(dir, &dentry->name, inode->ino, inode->mode);
	if (err) {
		set_nlink(inode, inode->nlink - 1);
		return err;
	}
	dentry_instantiate(dentry, inode_get(inode));
	return 0;
}

static void drop_link(struct inode *inode)
{
	if (inode->nlink)
		set_nlink(inode, inode->nlink - 1);
	else
		ext2_error(EXT2_SB(inode->sb), "inode %lu has more names than links", inode->ino);
}

static int ext2_unlink(struct inode *dir, struct dentry *dentry)
{
	int err = ext2_dir_remove(dir, &dentry->name);

	if (!err)
		drop_link(dentry->inode);
	return err;
}

static int ext2_mkdir(struct inode *dir, struct dentry *dentry, umode_t mode)
{
	struct inode *inode;
	int err;

	if (dir->nlink >= EXT2_LINK_MAX)
		return -EMLINK;
	err = ext2_inode_new(dir, S_IFDIR | (mode & S_IALLUGO), &inode);
	if (err)
		return err;
	set_nlink(inode, 2);
	err = ext2_dir_make_empty(inode, dir->ino);
	if (err) {
		set_nlink(inode, 0);
		inode_put(inode);
		return err;
	}
	err = add_new(dir, dentry, inode);
	if (!err)
		set_nlink(dir, dir->nlink + 1);
	return err;
}

static int ext2_rmdir(struct inode *dir, struct dentry *dentry)
{
	int r = ext2_dir_is_empty(dentry->inode);

	if (r <= 0)
		return r ? r : -ENOTEMPTY;
	r = ext2_dir_remove(dir, &dentry->name);
	if (r)
		return r;
	set_nlink(dentry->inode, 0);
	drop_link(dir);
	return 0;
}

/* Point the new name at the inode: over its target, or as a new record. */
static int rename_into(struct inode *inode, struct inode *dir, struct dentry *new)
{
	struct inode *target = new->inode;
	int r;

	if (!target)
		return ext2_dir_add(dir, &new->name, inode->ino, inode->mode);
	if (S_ISDIR(target->mode)) {
		r = ext2_dir_is_empty(target);
		if (r <= 0)
			return r ? r : -ENOTEMPTY;
	}
	r = ext2_dir_set(dir, &new->name, inode->ino, inode->mode);
	if (r)
		return r;
	if (S_ISDIR(target->mode)) {
		set_nlink(target, 0);
		drop_link(dir);
	} else {
		drop_link(target);
	}
	return 0;
}

static int ext2_rename(struct inode *old_dir, struct dentry *old, struct inode *new_dir,
		       struct dentry *new, u32 flags)
{
	const struct qstr dotdot = { .len = 2, .name = ".." };
	struct inode *inode = old->inode;
	bool moves_dir = S_ISDIR(inode->mode) && old_dir != new_dir;
	int err;

	if (flags & ~1u)		/* RENAME_NOREPLACE is the VFS's */
		return -EINVAL;
	if (moves_dir && !new->inode && new_dir->nlink >= EXT2_LINK_MAX)
		return -EMLINK;
	err = rename_into(inode, new_dir, new);
	if (!err)
		err = ext2_dir_remove(old_dir, &old->name);
	if (!err && moves_dir) {
		err = ext2_dir_set(inode, &dotdot, new_dir->ino, S_IFDIR);
		set_nlink(new_dir, new_dir->nlink + 1);
		drop_link(old_dir);
	}
	inode_touch(inode, 0);
	return err;
}

const struct inode_ops ext2_dir_ops = {
	.lookup = ext2_lookup,
	.create = ext2_create,
	.link = ext2_link,
	.unlink = ext2_unlink,
	.symlink = ext2_symlink,
	.mkdir = ext2_mkdir,
	.rmdir = ext2_rmdir,
	.mknod = ext2_mknod,
	.rename = ext2_rename,
	.setattr = ext2_setattr,
};

const struct inode_ops ext2_file_inode_ops = {
	.setattr = ext2_setattr,
};

const struct inode_ops ext2_symlink_ops = {
	.get_link = ext2_get_link,
	.setattr = ext2_setattr,
};
