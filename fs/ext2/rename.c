/* SPDX-License-Identifier: MIT */
/*
 * Rename, so that at any cut both files have a name (order.c, rules 2 and 5).
 *
 *   to a new name           the new record, then the old one is hidden until a barrier
 *   over an inode that was never in use on disk, or that has other names
 *                           the record of the new name is set to the inode
 *   over the last name      both records in one block: exchanged in one write; the old one, for
 *                           the disk alone, names the replaced inode until that has died. Else a
 *                           held record "#INODE" is made for it first, and a barrier waits for it
 *   a directory             in one block in one write; else what order.c says is not done
 *
 * What replaces another inode is in use on disk first (ext2_attach): the name always leads
 * to the one or the other. So do names of inodes in use in directories that are.
 */
#include <fs/ext2/ext2.h>
#include <kernel/printk.h>

struct move {
	struct inode *inode, *from, *to;	/* what moves; directories */
	struct inode *replaced;			/* NULL: none */
	struct ext2_name old;
	const struct qstr *name;		/* the new one */
	bool is_dir;
};

/* An inode in use must not follow a directory that is not. */
static int attach_target(struct move *m)
{
	return ext2_is_new(m->inode) ? 0 : ext2_attach(m->to);
}

/* The record of the new name is there: the old one goes. */
static int leave_old(struct move *m)
{
	bool was_new = ext2_slot_named(m->inode, m->to);
	int err = 0;

	/* It may have come into use meanwhile. */
	if (!was_new)
		err = ext2_attach(m->to);
	if (was_new || m->is_dir)
		ext2_name_remove(m->from, &m->old);
	else
		ext2_name_hide(m->from, &m->old, ext2_seq_of_name(m->to), false);
	if (!m->is_dir)
		return err;
	if (m->from != m->to) {
		ext2_set_nlink(m->to, m->to->nlink + 1);
		ext2_drop_link(m->from);
	}
	/* The states between are over soon. */
	return was_new ? 0 : ext2_barrier(EXT2_SB(m->from->sb));
}

/* Not there yet, or not any more. Consumes m->old. */
static int to_new_name(struct move *m)
{
	int err = 0;

	if (m->is_dir && m->from == m->to && ext2_name_change(m->from, &m->old, m->name))
		return 0;
	err = attach_target(m);
	if (!err)
		err = ext2_dir_add(m->to, m->name, (u32)m->inode->ino, m->inode->mode);
	if (!err && m->is_dir && m->from != m->to)
		err = ext2_dir_set_parent(m->inode, (u32)m->to->ino);
	if (err) {
		ext2_name_put(&m->old);
		return err;
	}
	return leave_old(m);
}

static void lose_links(struct inode *inode, struct inode *dir)
{
	if (S_ISDIR(inode->mode)) {
		ext2_set_nlink(inode, 0);
		ext2_drop_link(dir);
	} else {
		ext2_drop_link(inode);
	}
}

/* A held record for the replaced inode, on disk before its name is not its own. */
static int name_apart(struct move *m, struct ext2_dep **dep, struct ext2_place *at)
{
	char text[24];
	struct qstr name = { .name = text };
	u32 ino;
	int err = 0;

	for (u32 i = 0; !err; i++) {
		name.len = (u32)snprintf(text, sizeof(text), i ? "#%lu.%u" : "#%lu",
					 m->replaced->ino, i);
		err = ext2_dir_find(m->to, &name, &ino);
	}
	if (err != -ENOENT)
		return err;
	*dep = ext2_dep_alloc();
	if (!*dep)
		return -ENOMEM;
	err = ext2_dir_add_held(m->to, &name, (u32)m->replaced->ino, m->replaced->mode, *dep, at);
	if (err) {
		ext2_dep_free(*dep);
		return err;
	}
	/* A device that fails is no reason to leave it half done. */
	(void)ext2_wait(EXT2_SB(m->to->sb), ext2_seq_of_name(m->to));
	return 0;
}

/* Consumes m->old and n, the record of the new name. */
static int replace_apart(struct move *m, struct ext2_name *n, struct ext2_dying *d)
{
	struct ext2_place at;
	struct ext2_dep *dep;
	int err = name_apart(m, &dep, &at);

	if (err) {
		ext2_dying_free(d);
		ext2_name_put(n);
		ext2_name_put(&m->old);
		return err;
	}
	ext2_name_set(m->to, n, (u32)m->inode->ino, m->inode->mode);
	lose_links(m->replaced, m->to);
	ext2_dying_add(d, dep, m->replaced, m->to, &at);
	return leave_old(m);
}

/* An empty directory in another block, or below another: it goes entirely, then the name is new. */
static int replace_directory(struct move *m, struct ext2_name *n, struct ext2_dying *d)
{
	u32 barriers;
	int err;

	lose_links(m->replaced, m->to);
	ext2_name_hold(m->to, n, d, m->replaced);
	err = ext2_name_again(m->to, m->name, true, &barriers);
	if (err) {
		ext2_name_put(&m->old);
		return err;
	}
	return to_new_name(m);
}

/* The inode replaced is on disk, by this name alone. */
static int replace_last(struct move *m, struct ext2_name *n)
{
	struct ext2_dying *d = ext2_dying_alloc();
	int err = d ? ext2_attach(m->inode) : -ENOMEM;

	if (!err)
		err = ext2_attach(m->to);
	if (err) {
		if (d)
			ext2_dying_free(d);
		ext2_name_put(n);
		ext2_name_put(&m->old);
		return err;
	}
	if (m->from == m->to && m->old.at.block == n->at.block) {
		lose_links(m->replaced, m->to);
		ext2_name_exchange(m->to, n, &m->old, m->inode, m->replaced, d);
		return 0;
	}
	return m->is_dir ? replace_directory(m, n, d) : replace_apart(m, n, d);
}

/* The record of the new name is set at once. Consumes m->old and n. */
static int replace_at_once(struct move *m, struct ext2_name *n)
{
	int err = attach_target(m);

	if (!err && m->is_dir && m->from != m->to)
		err = ext2_dir_set_parent(m->inode, (u32)m->to->ino);
	if (err) {
		ext2_name_put(n);
		ext2_name_put(&m->old);
		return err;
	}
	ext2_name_set(m->to, n, (u32)m->inode->ino, m->inode->mode);
	return leave_old(m);
}

static int replace(struct move *m)
{
	struct ext2_name n;
	int err = S_ISDIR(m->replaced->mode) ? ext2_dir_is_empty(m->replaced) : 1;

	if (err <= 0)
		err = err ? err : -ENOTEMPTY;
	else
		err = ext2_name_find_ready(m->to, m->name, &n);
	if (err) {
		ext2_name_put(&m->old);
		return err;
	}
	if (m->replaced->nlink > 1 && !S_ISDIR(m->replaced->mode)) {
		/* Its other names are on disk first. */
		err = ext2_attach(m->replaced);
		if (!err)
			err = ext2_barrier(EXT2_SB(m->to->sb));
		if (err) {
			ext2_name_put(&n);
			ext2_name_put(&m->old);
			return err;
		}
		lose_links(m->replaced, m->to);
		return replace_at_once(m, &n);
	}
	if (ext2_slot_retract(m->replaced)) {
		lose_links(m->replaced, m->to);
		return replace_at_once(m, &n);
	}
	return replace_last(m, &n);
}

int ext2_rename(struct inode *old_dir, struct dentry *old, struct inode *new_dir,
		struct dentry *new, u32 flags)
{
	struct move m = {
		.inode = old->inode, .from = old_dir, .to = new_dir, .replaced = new->inode,
		.name = &new->name, .is_dir = S_ISDIR(old->inode->mode),
	};
	u32 barriers;
	int err;

	if (flags & ~1u)		/* RENAME_NOREPLACE is the VFS's */
		return -EINVAL;
	if (m.is_dir && old_dir != new_dir && !new->inode && new_dir->nlink >= EXT2_LINK_MAX)
		return -EMLINK;
	err = ext2_name_again(new_dir, m.name, true, &barriers);
	if (!err)
		err = ext2_name_find_ready(old_dir, &old->name, &m.old);
	if (err)
		return err;
	err = m.replaced ? replace(&m) : to_new_name(&m);
	inode_touch(old->inode, 0);
	return err;
}
