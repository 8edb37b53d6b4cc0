/* SPDX-License-Identifier: MIT */
/*
 * Pseudo file systems: entries of tables become inodes.
 *
 * An inode is made when its name is looked up. Inodes without an object are
 * cached like any other, so that walks to them are lock-free. One with an object
 * (a process) holds a reference to something that outlives it (a struct pid), never
 * the thing itself: each access asks whether it is still there, revalidation drops
 * names of what is gone, and nothing of it is cached once nobody uses it.
 *
 * Inode numbers are computed from object, entry and number, so that stat(2) and
 * readdir agree without a table: 15 bits of the object's number, 21 of the entry's
 * own, 20 of where the entry lies in the kernel image.
 */
#include <fs/pseudo.h>
#include <fs/namei.h>
#include <fs/statfs.h>
#include <kernel/bug.h>
#include <kernel/lib/string.h>
#include <kernel/mm/alloc.h>
#include <kernel/sections.h>
#include <kernel/task/cred.h>
#include <kernel/uapi/fcntl.h>

static struct kmem_cache *inode_cache;
static const struct dentry_ops object_dentry_ops;

static const struct pseudo_tree *tree_of(const struct pseudo *p)
{
	return p->inode.sb->private;
}

static u64 number_of(const struct pseudo_tree *tree, const struct pseudo_entry *e,
		     const void *object, u64 number)
{
	u64 place = ((u64)e - (u64)__image_start) >> 3;

	return (object ? tree->object_number(object) : 0) << 41 | (number & 0x1fffff) << 20 |
	       (place & 0xfffff);
}

/* --- names --- */

bool pseudo_name_is(const struct pseudo_entry *e, const struct qstr *name)
{
	return !strncmp(e->name, name->name, name->len) && !e->name[name->len];
}

const struct pseudo_entry *pseudo_find(const struct pseudo_entry *table, const struct qstr *name)
{
	for (const struct pseudo_entry *e = table; e && e->name; e++)
		if (pseudo_name_is(e, name))
			return e;
	return NULL;
}

s64 pseudo_name_number(const struct qstr *name)
{
	s64 n = 0;

	if (!name->len || name->len > 10 || (name->name[0] == '0' && name->len > 1))
		return -1;
	for (u32 i = 0; i < name->len; i++) {
		if (name->name[i] < '0' || name->name[i] > '9')
			return -1;
		n = n * 10 + (name->name[i] - '0');
	}
	return n <= INT_MAX ? n : -1;
}

/* --- directories --- */

static int dir_lookup(struct inode *inode, struct dentry *dentry)
{
	struct pseudo *dir = pseudo_of(inode);
	const struct pseudo_entry *e = pseudo_find(dir->entry->children, &dentry->name);

	int err;

	if (e)
		return pseudo_instantiate(dir, dentry, e, dir->object, dir->number, dir->flags);
	err = dir->entry->lookup ? dir->entry->lookup(dir, dentry) : -ENOENT;
	if (err == -ENOENT && tree_of(dir)->strict) {
		/*
		 * A name that is free, for this one look: the VFS then says why it cannot be made.
		 */
		dentry->ops = &object_dentry_ops;
		err = 0;
	}
	return err;
}

bool pseudo_emit(struct pseudo *dir, struct dir_context *ctx, const char *name,
		 const struct pseudo_entry *entry, const void *object, u64 number, loff_t next)
{
	if (!ctx->emit(ctx, name, strlen(name), ctx->pos,
		       number_of(tree_of(dir), entry, object, number), DT_OF_MODE(entry->mode)))
		return false;
	ctx->pos = next;
	return true;
}

static bool emit_dots(struct file *f, struct dir_context *ctx)
{
	struct dentry *d = f->path.dentry;

	if (ctx->pos == 0) {
		if (!ctx->emit(ctx, ".", 1, 0, d->inode->ino, DT_DIR))
			return false;
		ctx->pos = 1;
	}
	if (ctx->pos == 1) {
		if (!ctx->emit(ctx, "..", 2, 1, READ_ONCE(d->parent)->inode->ino, DT_DIR))
			return false;
		ctx->pos = 2;
	}
	return true;
}

static int dir_iterate(struct file *f, struct dir_context *ctx)
{
	struct pseudo *dir = pseudo_of(f->inode);
	const struct pseudo_entry *e = dir->entry->children;

	if (!emit_dots(f, ctx))
		return 0;
	for (loff_t at = 2; e && e->name; e++, at++)
		if (at >= ctx->pos &&
		    !pseudo_emit(dir, ctx, e->name, e, dir->object, dir->number, at + 1))
			return 0;
	if (!dir->entry->iterate)
		return 0;
	ctx->pos = max_t(loff_t, ctx->pos, PSEUDO_DYNAMIC);
	return dir->entry->iterate(dir, ctx);
}

static const struct file_ops dir_fops = { .iterate = dir_iterate, .llseek = generic_file_llseek };

/* --- links --- */

static void put_text(const char *text)
{
	kfree(text);
}

const char *path_describe(const struct path *path, char *buf, size_t size)
{
	static const char deleted[] = " (deleted)";
	struct dentry *d = path->dentry;
	char *text = path_to_string(path, buf, size - sizeof(deleted));

	if (IS_ERR(text) || (d->ops && d->ops->dynamic_name) ||
	    (READ_ONCE(d->flags) & DENTRY_HASHED) || READ_ONCE(d->parent) == d)
		return text;
	memcpy(buf + size - sizeof(deleted) - 1, deleted, sizeof(deleted));
	return text;
}

static int link_text(struct pseudo *p, char *buf, const char **text)
{
	struct path path;
	int err;

	*text = buf;
	if (p->entry->text) {
		err = p->entry->text(p, buf, PATH_MAX);
		return err < 0 ? err : 0;
	}
	err = p->entry->jump(p, &path);
	if (err)
		return err;
	*text = path_describe(&path, buf, PATH_MAX);
	path_put(&path);
	return IS_ERR(*text) ? PTR_ERR(*text) : 0;
}

static const char *get_link(struct inode *inode, struct dentry *dentry, void (**put)(const char *),
			    const char **arg)
{
	struct pseudo *p = pseudo_of(inode);
	const char *text;
	char *buf;
	int err;

	if (p->entry->target)
		return p->entry->target;
	buf = kmalloc(PATH_MAX, GFP_KERNEL);
	if (!buf)
		return ERR_PTR(-ENOMEM);
	err = link_text(p, buf, &text);
	if (err) {
		kfree(buf);
		return ERR_PTR(err);
	}
	*put = put_text;
	*arg = buf;
	return text;
}

static int jump_link(struct inode *inode, struct path *path)
{
	struct pseudo *p = pseudo_of(inode);

	return p->entry->jump(p, path);
}

/* --- attributes --- */

static int getattr(struct inode *inode, struct kstat *st, u32 mask)
{
	struct pseudo *p = pseudo_of(inode);

	if (p->object && tree_of(p)->owner)
		tree_of(p)->owner(p);
	st->uid = READ_ONCE(inode->uid);
	st->gid = READ_ONCE(inode->gid);
	st->blksize = 1024;
	if (p->entry->getattr)
		p->entry->getattr(p, st);
	return 0;
}

/* Truncation and times are accepted, as on Linux; the files stay what they are. */
static int setattr(struct inode *inode, const struct iattr *attr)
{
	if (attr->valid & (ATTR_MODE | ATTR_UID | ATTR_GID))
		return -EPERM;
	return inode_setattr_check(inode, attr);
}

static int permission(struct inode *inode, int mask)
{
	struct pseudo *p = pseudo_of(inode);

	return p->entry->permission(p, mask);
}

#define COMMON_OPS	.getattr = getattr, .setattr = setattr
static const struct inode_ops dir_ops = { COMMON_OPS, .lookup = dir_lookup };
static const struct inode_ops guarded_dir_ops = { COMMON_OPS, .lookup = dir_lookup, .permission = permission };
static const struct inode_ops file_ops = { COMMON_OPS };
static const struct inode_ops guarded_file_ops = { COMMON_OPS, .permission = permission };
static const struct inode_ops link_ops = { COMMON_OPS, .get_link = get_link };
static const struct inode_ops jump_ops = { COMMON_OPS, .get_link = get_link, .jump_link = jump_link };

static const struct inode_ops *ops_of(const struct pseudo_entry *e)
{
	if (S_ISDIR(e->mode))
		return e->permission ? &guarded_dir_ops : &dir_ops;
	if (S_ISLNK(e->mode))
		return e->jump ? &jump_ops : &link_ops;
	return e->permission ? &guarded_file_ops : &file_ops;
}

static struct inode *make_inode(struct superblock *sb, const struct pseudo_entry *e, void *object,
				u64 number, u32 flags)
{
	const struct pseudo_tree *tree = sb->private;
	struct inode *inode = inode_new(sb);
	struct pseudo *p;

	if (!inode)
		return NULL;
	p = pseudo_of(inode);
	p->entry = e;
	p->object = object ? tree->object_get(object) : NULL;
	p->number = number;
	p->flags = flags;
	inode->ino = e == tree->root ? 1 : number_of(tree, e, object, number);
	inode->mode = e->mode;
	inode->nlink = S_ISDIR(e->mode) ? 2 : 1;
	inode->ops = ops_of(e);
	inode->fops = e->fops ? e->fops : S_ISDIR(e->mode) ? &dir_fops : &pseudo_text_ops;
	inode->atime = inode->mtime = inode->ctime = inode_now(inode);
	if (object && tree->owner)
		tree->owner(p);
	return inode;
}

/* --- dentries: are they still true? --- */

static int revalidate(struct dentry *dentry, u32 flags)
{
	struct inode *inode = READ_ONCE(dentry->inode);
	struct pseudo *p;

	if (!inode)
		return 0;
	p = pseudo_of(inode);
	if (p->entry->alive)
		return p->entry->alive(p);
	if (!p->object)
		return 1;
	if (!tree_of(p)->alive(p))
		return 0;
	if (tree_of(p)->owner)
		tree_of(p)->owner(p);
	return 1;
}

static bool keep_never(const struct dentry *dentry)
{
	return false;
}

static const struct dentry_ops object_dentry_ops = { .revalidate = revalidate, .keep = keep_never };

int pseudo_instantiate(struct pseudo *dir, struct dentry *dentry, const struct pseudo_entry *entry,
		       void *object, u64 number, u32 flags)
{
	struct inode *inode = make_inode(dir->inode.sb, entry, object, number, flags);

	if (!inode)
		return -ENOMEM;
	dentry->ops = object || entry->alive ? &object_dentry_ops : NULL;
	dentry_instantiate(dentry, inode);
	return 0;
}

/* --- superblock --- */

static struct inode *inode_alloc(struct superblock *sb)
{
	struct pseudo *p = kmem_cache_zalloc(inode_cache, GFP_KERNEL);

	return p ? &p->inode : NULL;
}

static void inode_evict(struct inode *inode)
{
	struct pseudo *p = pseudo_of(inode);

	if (p->object)
		tree_of(p)->object_put(p->object);
}

static void inode_free(struct inode *inode)
{
	kmem_cache_free(inode_cache, pseudo_of(inode));
}

static int statfs(struct superblock *sb, struct kstatfs *st)
{
	*st = (struct kstatfs){ .type = sb->magic, .bsize = PAGE_SIZE, .frsize = PAGE_SIZE, .namelen = NAME_MAX };
	return 0;
}

static const struct super_ops super_ops = {
	.inode_alloc = inode_alloc,
	.inode_evict = inode_evict,
	.inode_free = inode_free,
	.statfs = statfs,
};

static int make_cache(void)
{
	struct kmem_cache *fresh;

	if (inode_cache)
		return 0;
	fresh = kmem_cache_create("pseudo_inode", sizeof(struct pseudo), 64, NULL);
	if (!fresh)
		return -ENOMEM;
	kmem_cache_set_reclaimable(fresh);
	inode_cache = fresh;
	return 0;
}

int pseudo_mount(const struct fstype *type, const struct pseudo_tree *tree, u32 flags,
		 struct superblock **out)
{
	struct superblock *sb;
	struct inode *root;
	int err = make_cache();		/* the first mount is the boot thread's: nobody races */

	if (err)
		return err;
	sb = superblock_alloc(type, flags);
	if (!sb)
		return -ENOMEM;
	sb->ops = &super_ops;
	sb->magic = tree->magic;
	sb->private = (void *)tree;
	root = make_inode(sb, tree->root, NULL, 0, 0);
	sb->root = root ? dentry_alloc_root(root) : NULL;
	if (!sb->root) {
		superblock_put(sb);
		return -ENOMEM;
	}
	*out = sb;
	return 0;
}
