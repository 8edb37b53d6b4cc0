/* SPDX-License-Identifier: MIT */
/* A mount and its use, by the file system's own operations, as the VFS would call them. */
#include <fs/ext2/ext2.h>
#include <kernel/lib/string.h>
#include "world.h"

#define DEPTH		6
#define NAMES		24		/* looked at in one directory */
#define TOTAL		200		/* in one mount */

extern const struct fstype __start_filesystems[];

struct names {
	struct dir_context ctx;
	u32 nr;
	struct { u32 len; char text[EXT2_NAME_MAX + 1]; } name[NAMES];
};

static u64 state;
static u32 looked_at;

static u32 chance(u32 below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (u32)(state >> 20) % below;
}

static bool may_write(const struct inode *inode)
{
	return !(inode->sb->flags & SB_RDONLY);
}

/* The entry for a name: positive, negative, or NULL where the lookup fails. */
static struct dentry *look_up(struct inode *dir, const char *name, u32 len)
{
	struct dentry *d = kzalloc(sizeof(*d), GFP_KERNEL);

	world_next_operation();
	d->name = (struct qstr){ .len = len, .name = name };
	d->sb = dir->sb;
	if (!dir->ops->lookup(dir, d))
		return d;
	dentry_put(d);
	return NULL;
}

/* --- files --- */

static struct page *page_of(struct inode *inode, u64 index)
{
	struct page *p = (struct page *)VMEMMAP_START;

	*p = (struct page){ .flags = BIT(PG_LOCKED), .mapping = inode->mapping, .index = index };
	return p;
}

static void write_part(struct inode *inode, u64 pos, u32 len)
{
	const struct mapping_ops *ops = inode->mapping->ops;
	struct page *p = page_of(inode, pos >> PAGE_SHIFT);
	u32 from = pos & ~PAGE_MASK, to = min_t(u32, PAGE_SIZE, from + len);
	struct writeback_control wbc = { .nr_to_write = 1 };

	if (pos + len > (u64)inode->sb->max_bytes || ops->write_begin(inode->mapping, p, from, to))
		return;
	memset((char *)page_address(p) + from, 'w', to - from);
	ops->write_end(inode->mapping, p, from, to, chance(8) ? to - from : 0);
	inode->size = max(inode->size, (loff_t)(pos & PAGE_MASK) + to);
	(void)ops->write_page(inode->mapping, p, &wbc);
}

static void use_file(struct inode *inode)
{
	u32 block = 1u << inode->blkbits;
	const u64 at[] = { 0, 12ul * block, 268ul * block, (u64)inode->size / 2, (u64)inode->size };
	struct iattr cut = { .valid = ATTR_SIZE, .size = chance(20 * block) };
	struct file f = { .inode = inode, .mapping = inode->mapping };

	for (u32 i = 0; i < ARRAY_SIZE(at); i++) {
		struct page *p = page_of(inode, at[i] >> PAGE_SHIFT);

		(void)!inode->mapping->ops->read_page(inode->mapping, p);
	}
	for (u32 i = 0; i < ARRAY_SIZE(at) && may_write(inode); i++)
		write_part(inode, at[i] + 500, 3000);
	world_next_operation();
	if (may_write(inode) && chance(2))
		(void)ext2_fsync(&f, 0, S64_MAX, chance(2));
	if (may_write(inode) && chance(2))
		(void)inode->ops->setattr(inode, &cut);
}

static void use_symlink(struct inode *inode, struct dentry *d)
{
	void (*put)(const char *) = NULL;
	const char *arg = NULL;

	(void)inode->ops->get_link(inode, d, &put, &arg);
	if (put)
		put(arg);
}

/* --- names --- */

static bool emit(struct dir_context *ctx, const char *name, u32 len, loff_t pos, u64 ino, u32 type)
{
	struct names *n = container_of(ctx, struct names, ctx);

	if (n->nr == NAMES)
		return false;
	if (!memchr(name, 0, len) && !memchr(name, '/', len) && len && len <= EXT2_NAME_MAX &&
	    !(len <= 2 && !memcmp(name, "..", len))) {
		memcpy(n->name[n->nr].text, name, len);
		n->name[n->nr++].len = len;
	}
	return true;
}

static struct names *names_of(struct inode *dir)
{
	struct names *n = kzalloc(sizeof(*n), GFP_KERNEL);
	struct file f = { .inode = dir, .mapping = dir->mapping, .path.dentry = NULL };

	n->ctx.emit = emit;
	(void)dir->fops->iterate(&f, &n->ctx);
	return n;
}

/* What the VFS sees to before it asks for a change in dir. */
static bool may_change(const struct inode *dir)
{
	return may_write(dir) && dir->nlink;
}

enum making { FILE, DIRECTORY, LONG_LINK, DEVICE, MAKINGS };

static void make_one(struct inode *dir, const char *name, enum making what)
{
	struct dentry *d = may_change(dir) ? look_up(dir, name, (u32)strlen(name)) : NULL;
	static char target[200];

	if (!d)
		return;
	memset(target, 't', sizeof(target) - 1);
	if (!d->inode && what == FILE)
		(void)dir->ops->create(dir, d, S_IFREG | 0644);
	else if (!d->inode && what == DIRECTORY)
		(void)dir->ops->mkdir(dir, d, 0755);
	else if (!d->inode && what == LONG_LINK)
		(void)dir->ops->symlink(dir, d, target);
	else if (!d->inode)
		(void)dir->ops->mknod(dir, d, S_IFCHR | 0600, MKDEV(1, 3));
	if (d->inode && S_ISREG(d->inode->mode))
		use_file(d->inode);
	dentry_put(d);
}

/* A second name for a file, or the first one moved over what is there. */
static void link_or_move(struct inode *dir, const char *from, const char *to, bool move)
{
	struct dentry *a = may_change(dir) ? look_up(dir, from, (u32)strlen(from)) : NULL;
	struct dentry *b = a ? look_up(dir, to, (u32)strlen(to)) : NULL;

	if (!a || !b || !a->inode || a->inode == b->inode)
		goto put;
	if (move && !(b->inode && S_ISDIR(a->inode->mode) != S_ISDIR(b->inode->mode)))
		(void)dir->ops->rename(dir, a, dir, b, 0);
	else if (!move && !b->inode && !S_ISDIR(a->inode->mode) && a->inode->nlink)
		(void)dir->ops->link(a->inode, dir, b);
put:
	if (a)
		dentry_put(a);
	if (b)
		dentry_put(b);
}

static void take_away(struct inode *dir, const char *name, u32 len)
{
	struct dentry *d = may_change(dir) ? look_up(dir, name, len) : NULL;

	if (d && d->inode) {
		if (S_ISDIR(d->inode->mode))
			(void)dir->ops->rmdir(dir, d);
		else
			(void)dir->ops->unlink(dir, d);
	}
	if (d)
		dentry_put(d);
}

static void change_names(struct inode *dir, const struct names *n)
{
	make_one(dir, "new", FILE);
	make_one(dir, "directory", DIRECTORY);
	make_one(dir, "link", LONG_LINK);
	make_one(dir, "device", DEVICE);
	link_or_move(dir, "new", "second", false);
	link_or_move(dir, "new", "moved-to-a-name-of-some-length", true);
	link_or_move(dir, "link", "second", true);
	link_or_move(dir, "directory", "new-directory", true);
	for (u32 i = 0; i < n->nr; i++)
		if (chance(2))
			take_away(dir, n->name[i].text, n->name[i].len);
	take_away(dir, "second", 6);
}

static void walk(struct inode *dir, u32 depth)
{
	struct names *n = names_of(dir);

	for (u32 i = 0; i < n->nr && looked_at < TOTAL; i++) {
		struct dentry *d = look_up(dir, n->name[i].text, n->name[i].len);
		struct inode *inode = d ? d->inode : NULL;

		looked_at++;
		if (inode && S_ISREG(inode->mode))
			use_file(inode);
		else if (inode && S_ISLNK(inode->mode))
			use_symlink(inode, d);
		else if (inode && S_ISDIR(inode->mode) && depth < DEPTH)
			walk(inode, depth + 1);
		if (d)
			dentry_put(d);
	}
	change_names(dir, n);
	kfree(n);
}

int use_disk(unsigned long seed, int read_only, const char *options)
{
	const struct fstype *ext2 = __start_filesystems;
	struct superblock *sb;
	char text[40];

	state = seed * 0x9e3779b97f4a7c15 + 1;
	looked_at = 0;
	snprintf(text, sizeof(text), "%s", options);
	if (ext2->mount(ext2, read_only ? SB_RDONLY : 0, "disk", text, &sb))
		return 0;
	walk(sb->root->inode, 0);
	looked_at = 0;
	walk(sb->root->inode, 0);
	superblock_put(sb);
	return 1;
}
