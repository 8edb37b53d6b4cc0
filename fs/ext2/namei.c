/* SPDX-License-Identifier: MIT */
/*
 * Operations on names, but rename. Each allocates the inode first, then adds its name, so
 * that what fails midway leaves at most an inode without a name, which is
 * dropped again. What may be on disk before what: order.c; here, that is which of
 * three ways a name goes: at once, hidden until a barrier, held until its inode has died.
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

void ext2_set_nlink(struct inode *inode, u32 n)
{
	WRITE_ONCE(inode->nlink, n);
	inode_touch(inode, 0);
	inode_mark_dirty(inode, INODE_STATE_DIRTY);
}

static void drop_new(struct inode *inode)
{
	inode->nlink = 0;
	(void)ext2_slot_retract(inode);
	inode_put(inode);
}

/* Take back a name that was just added. */
static void remove_name(struct inode *dir, const struct qstr *name)
{
	struct ext2_name n;

	if (!ext2_name_find(dir, name, &n))
		ext2_name_remove(dir, &n);
}

/* Name the new inode, or drop it. */
static int add_new(struct inode *dir, struct dentry *dentry, struct inode *inode)
{
	u32 barriers;
	int err = ext2_name_again(dir, &dentry->name, false, &barriers);

	if (!err)
		err = ext2_dir_add(dir, &dentry->name, (u32)inode->ino, inode->mode);
	if (!err) {
		err = ext2_inode_first_write(inode, dir, barriers);
		if (err)
			remove_name(dir, &dentry->name);
	}
	if (err) {
		/* The number may be another's: it is not ours to free. */
		if (err == -EUCLEAN)
			inode->ino = 0;
		drop_new(inode);
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
	err = ext2_map_create(ei, 0, &phys, &is_new);
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
	drop_new(inode);
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

/*
 * The name of an inode that is in use on disk must not
 * go into a directory that is not: barriers, then.
 */
static int ext2_link(struct inode *inode, struct inode *dir, struct dentry *dentry)
{
	u32 barriers;
	int err;

	if (inode->nlink >= EXT2_LINK_MAX)
		return -EMLINK;
	err = ext2_attach(dir);
	if (!err)
		err = ext2_name_again(dir, &dentry->name, true, &barriers);
	if (err)
		return err;
	ext2_set_nlink(inode, inode->nlink + 1);
	err = ext2_dir_add(dir, &dentry->name, (u32)inode->ino, inode->mode);
	if (err) {
		ext2_set_nlink(inode, inode->nlink - 1);
		return err;
	}
	(void)ext2_slot_named(inode, dir);
	dentry_instantiate(dentry, inode_get(inode));
	return 0;
}

void ext2_drop_link(struct inode *inode)
{
	if (inode->nlink)
		ext2_set_nlink(inode, inode->nlink - 1);
	else
		ext2_error(EXT2_SB(inode->sb), "inode %lu has more names than links", inode->ino);
}

/*
 * The last name of an inode in use stays on disk until its slot has no links there. An
 * inode that was not in use on disk may lose any name at once: it waits for the last one
 * it got, and of those before, each was there by then.
 */
static int ext2_unlink(struct inode *dir, struct dentry *dentry)
{
	struct inode *inode = dentry->inode;
	struct ext2_name n;
	int err = ext2_name_find(dir, &dentry->name, &n);

	if (err)
		return err;
	ext2_drop_link(inode);
	if (!inode->nlink && ext2_slot_retract(inode)) {
		ext2_name_remove(dir, &n);
		return 0;
	}
	err = ext2_name_ready(&n);
	if (!err)
		err = ext2_inode_write(inode, false);
	if (err) {
		ext2_set_nlink(inode, inode->nlink + 1);
		ext2_name_put(&n);
		return err;
	}
	ext2_name_hide(dir, &n, ext2_seq(EXT2_SB(dir->sb)), !inode->nlink);
	return 0;
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
	ext2_set_nlink(inode, 2);
	err = ext2_dir_make_empty(inode, (u32)dir->ino);
	if (err) {
		drop_new(inode);
		return err;
	}
	err = add_new(dir, dentry, inode);
	if (!err)
		ext2_set_nlink(dir, dir->nlink + 1);
	return err;
}

static int ext2_rmdir(struct inode *dir, struct dentry *dentry)
{
	struct inode *inode = dentry->inode;
	int r = ext2_dir_is_empty(inode);
	struct ext2_dying *d;
	struct ext2_name n;

	if (r <= 0)
		return r ? r : -ENOTEMPTY;
	d = ext2_dying_alloc();
	if (!d)
		return -ENOMEM;
	r = ext2_name_find_ready(dir, &dentry->name, &n);
	if (r) {
		ext2_dying_free(d);
		return r;
	}
	ext2_set_nlink(inode, 0);
	if (ext2_slot_retract(inode)) {
		ext2_dying_free(d);
		ext2_name_remove(dir, &n);
	} else {
		ext2_name_hold(dir, &n, d, inode);
	}
	ext2_drop_link(dir);
	return 0;
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
