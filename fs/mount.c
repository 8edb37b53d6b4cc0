/* SPDX-License-Identifier: MIT */
/*
 * Superblocks and the tree of mounts.
 *
 * A mount shows the tree of a superblock at a dentry of another mount. Walks
 * cross it by a hash lookup of (mount, dentry), under RCU; they first look at
 * DENTRY_MOUNTED, so that ordinary directories cost one test.
 *
 * Invariants:
 *  (1) parent, mountpoint, the hash and the lists change only under mount_lock
 *      inside mount_seq. RCU walks check mount_seq when they end.
 *  (2) An attached mount holds references to its parent, its mountpoint, its
 *      root and its superblock. It is one reference itself.
 *  (3) A mount is umounted only when nobody but the tree refers to it
 *      (or with MNT_DETACH: it leaves the tree, and ends with its last user).
 *
 * There is one mount namespace; struct mnt_namespace exists so that users name it.
 */
#include <fs/epoll.h>
#include <fs/file.h>
#include <fs/mount.h>
#include <fs/namei.h>
#include <fs/tmpfs/tmpfs.h>
#include <fs/pipe.h>
#include <kernel/bug.h>
#include <kernel/lib/string.h>
#include <kernel/mm/alloc.h>
#include <kernel/task/nsproxy.h>
#include <kernel/task/thread.h>
#include <kernel/task/cred.h>
#include <kernel/uapi/fcntl.h>

#define MOUNT_BUCKETS	64
/* What a mount, not its superblock, keeps. */
#define MOUNT_FLAGS	(MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME | MS_NODIRATIME | MS_RELATIME)

extern const struct fstype __filesystems_start[], __filesystems_end[];

struct mnt_namespace init_mnt_ns = { .mounts = LIST_HEAD_INIT(init_mnt_ns.mounts) };
struct spinlock mount_lock = SPINLOCK_INIT(RANK_MOUNT);
seqcount_t mount_seq;
static struct hlist_head buckets[MOUNT_BUCKETS];	/* mount_lock; RCU */
static u32 next_mount_id = 1;				/* mount_lock */
static u32 next_anon_minor = 1;				/* atomic */

static DEFINE_SPINLOCK(sb_list_lock, RANK_SB_LISTS);
static LIST_HEAD(superblocks);

/* --- superblocks --- */

struct superblock *superblock_alloc(const struct fstype *type, u32 flags)
{
	struct superblock *sb = kzalloc(sizeof(*sb), GFP_KERNEL);

	if (!sb)
		return NULL;
	refcount_set(&sb->refs, 1);
	sb->type = type;
	sb->flags = flags;
	sb->blocksize = 4096;
	sb->blkbits = 12;
	sb->max_bytes = S64_MAX;
	sb->time_granularity_ns = 1;
	sb->dev = MKDEV(0, __atomic_fetch_add(&next_anon_minor, 1, __ATOMIC_RELAXED));
	strscpy(sb->id, type->name, sizeof(sb->id));
	spin_lock_init(&sb->lock, RANK_SB_LISTS);
	list_init(&sb->inodes);
	list_init(&sb->dirty_inodes);
	mutex_init(&sb->rename_mutex, RANK_FS_RENAME);
	rwsem_init(&sb->umount, RANK_SB);
	spin_lock(&sb_list_lock);
	list_add_tail(&sb->all_node, &superblocks);
	spin_unlock(&sb_list_lock);
	return sb;
}

void superblock_put(struct superblock *sb)
{
	if (!refcount_dec(&sb->refs))
		return;
	spin_lock(&sb_list_lock);
	list_del(&sb->all_node);
	spin_unlock(&sb_list_lock);
	if (sb->ops && sb->ops->sync_fs)
		(void)sb->ops->sync_fs(sb, true);
	if (sb->root) {
		if (sb->type->flags & FSTYPE_PINS_NAMES)
			dcache_drop_pinned(sb);
		else
			dcache_shrink_sb(sb);
		dentry_put(sb->root);
	}
	/* Inodes are freed by RCU callbacks that look at sb. */
	rcu_barrier();
	if (sb->ops && sb->ops->put_super)
		sb->ops->put_super(sb);
	if (sb->type->kill)
		sb->type->kill(sb);
	kfree(sb);
}

struct superblock *superblock_next(struct superblock *sb)
{
	struct superblock *next = NULL, *s;
	bool past = !sb;

	spin_lock(&sb_list_lock);
	list_for_each(s, &superblocks, all_node) {
		if (past && refcount_inc_not_zero(&s->refs)) {
			next = s;
			break;
		}
		past |= s == sb;
	}
	spin_unlock(&sb_list_lock);
	if (sb)
		superblock_put(sb);
	return next;
}

const struct fstype *fstype_find(const char *name)
{
	for (const struct fstype *t = __filesystems_start; t < __filesystems_end; t++)
		if (!strcmp(t->name, name))
			return t;
	return NULL;
}

/* --- mounts --- */

static struct hlist_head *bucket_of(const struct mount *parent, const struct dentry *d)
{
	u64 h = ((u64)parent >> 6) + ((u64)d >> 6);

	return &buckets[(h ^ (h >> 6)) % MOUNT_BUCKETS];
}

struct mount *mount_find(struct mount *parent, const struct dentry *mountpoint)
{
	struct mount *m;

	hlist_for_each_rcu(m, bucket_of(parent, mountpoint), hash_node)
		if (READ_ONCE(m->parent) == parent && READ_ONCE(m->mountpoint) == mountpoint)
			return m;
	return NULL;
}

static struct mount *mount_lookup(struct mount *parent, const struct dentry *mountpoint)
{
	struct mount *m;

	rcu_read_lock();
	m = mount_find(parent, mountpoint);
	if (m && !refcount_inc_not_zero(&m->refs))
		m = NULL;
	rcu_read_unlock();
	return m;
}

void mount_cross(struct path *path)
{
	while (READ_ONCE(path->dentry->flags) & DENTRY_MOUNTED) {
		struct mount *m = mount_lookup(path->mnt, path->dentry);

		if (!m)
			return;
		path_put(path);
		path->mnt = m;
		path->dentry = dentry_get(m->root);
	}
}

int mount_want_write(const struct mount *m)
{
	return (READ_ONCE(m->flags) | READ_ONCE(m->sb->flags)) & MS_RDONLY ? -EROFS : 0;
}

/* Takes over the superblock reference; root is the whole of it or, for a bind, a part. */
static struct mount *mount_alloc(struct superblock *sb, struct dentry *root, u32 flags)
{
	struct mount *m = kzalloc(sizeof(*m), GFP_KERNEL);

	if (!m)
		return NULL;
	refcount_set(&m->refs, 1);
	m->sb = sb;
	m->root = dentry_get(root);
	m->flags = flags;
	m->ns = &init_mnt_ns;
	list_init(&m->children);
	list_init(&m->child_node);
	list_init(&m->ns_node);
	return m;
}

struct mount *mount_internal(const struct fstype *type, u32 magic, umode_t mode)
{
	static const struct super_ops no_ops;
	static const struct inode_ops no_inode_ops;
	struct superblock *sb = superblock_alloc(type, 0);
	struct mount *m = NULL;
	struct inode *root;

	if (!sb)
		return NULL;
	sb->ops = &no_ops;
	sb->magic = magic;
	root = inode_new(sb);
	if (root) {
		root->ops = &no_inode_ops;
		root->ino = 1;
		root->mode = mode;
		root->atime = root->mtime = root->ctime = inode_now(root);
		sb->root = dentry_alloc_root(root);
	}
	if (sb->root)
		m = mount_alloc(sb, sb->root, MS_NOEXEC);
	if (m)
		m->ns = NULL;
	else
		superblock_put(sb);
	return m;
}

void mount_put(struct mount *m)
{
	struct superblock *sb;

	if (!refcount_dec(&m->refs))
		return;
	sb = m->sb;
	dentry_put(m->root);
	kfree_rcu(m, rcu);
	superblock_put(sb);
}

void path_get(const struct path *p)
{
	refcount_inc(&p->mnt->refs);
	dentry_get(p->dentry);
}

void path_put(const struct path *p)
{
	if (p->dentry)
		dentry_put(p->dentry);
	if (p->mnt)
		mount_put(p->mnt);
}

static void attach_locked(struct mount *m, const struct path *at)
{
	assert_spin_held(&mount_lock);
	seq_write_begin(&mount_seq);
	m->parent = at->mnt;
	m->mountpoint = at->dentry;
	__atomic_fetch_or(&at->dentry->flags, DENTRY_MOUNTED, __ATOMIC_RELAXED);
	hlist_add(&m->hash_node, bucket_of(at->mnt, at->dentry));
	list_add_tail(&m->child_node, &at->mnt->children);
	list_add_tail(&m->ns_node, &init_mnt_ns.mounts);
	seq_write_end(&mount_seq);
}

/* 0, -ENOENT: the directory is gone, -EINVAL: not a place in the tree. */
static int check_place_locked(const struct path *at)
{
	if (!at->mnt->ns || (!at->mnt->parent && at->mnt != init_mnt_ns.root))
		return -EINVAL;
	return !(at->dentry->flags & DENTRY_HASHED) && at->dentry->parent != at->dentry ? -ENOENT : 0;
}

static int check_kinds(const struct path *at, const struct dentry *root)
{
	return S_ISDIR(at->dentry->inode->mode) != S_ISDIR(root->inode->mode) ? -ENOTDIR : 0;
}

/* Takes over m's reference, unless it fails; those of *at are kept by the mount. */
static int mount_attach(struct mount *m, const struct path *at)
{
	int err = check_kinds(at, m->root);

	if (err)
		return err;
	path_get(at);
	spin_lock(&mount_lock);
	err = check_place_locked(at);
	if (!err) {
		m->id = next_mount_id++;
		attach_locked(m, at);
	}
	spin_unlock(&mount_lock);
	if (err)
		path_put(at);
	return err;
}

/* Out of the tree. Context: mount_lock held; the caller then puts m->was_at and m. */
static void detach_locked(struct mount *m)
{
	assert_spin_held(&mount_lock);
	seq_write_begin(&mount_seq);
	m->was_at = (struct path){ m->parent, m->mountpoint };
	hlist_del_rcu(&m->hash_node);
	list_del(&m->child_node);
	list_del(&m->ns_node);
	m->parent = NULL;
	m->mountpoint = NULL;
	seq_write_end(&mount_seq);
}

bool dentry_is_mountpoint(struct dentry *d)
{
	struct mount *m;
	bool found = false;

	if (likely(!(READ_ONCE(d->flags) & DENTRY_MOUNTED)))
		return false;
	spin_lock(&mount_lock);
	list_for_each(m, &init_mnt_ns.mounts, ns_node)
		found |= m->mountpoint == d;
	if (!found)
		__atomic_fetch_and(&d->flags, ~(u32)DENTRY_MOUNTED, __ATOMIC_RELAXED);
	spin_unlock(&mount_lock);
	return found;
}

int mount_no_options(const char *options)
{
	while (options && *options == ',')
		options++;
	return options && *options ? -EINVAL : 0;
}

static int fs_mount(const char *type_name, u32 flags, const char *source, char *options,
		    struct mount **out)
{
	const struct fstype *type = fstype_find(type_name);
	struct superblock *sb;
	struct mount *m;
	int err;

	if (!type)
		return -ENODEV;
	err = type->mount(type, flags & (SB_RDONLY | SB_SYNCHRONOUS), source, options, &sb);
	if (err)
		return err;
	if (source && *source)
		strscpy(sb->id, source, sizeof(sb->id));
	m = mount_alloc(sb, sb->root, flags & MOUNT_FLAGS);
	if (!m) {
		superblock_put(sb);
		return -ENOMEM;
	}
	*out = m;
	return 0;
}

int mount_new(const struct path *at, const char *type, u32 flags, const char *source, char *options)
{
	struct mount *m;
	int err = fs_mount(type, flags, source, options, &m);

	if (err)
		return err;
	/* The same once more in the same place would only hide itself. */
	if (m->sb == at->mnt->sb && at->dentry == at->mnt->root && m->root == at->dentry)
		err = -EBUSY;
	else
		err = mount_attach(m, at);
	if (err)
		mount_put(m);
	return err;
}

/* --- bind, move, umount, remount --- */

/* The tree of from's superblock below root, mounted again at *at. */
static int bind_one(const struct path *at, struct mount *from, struct dentry *root,
		    struct mount **out)
{
	struct mount *m;
	int err;

	refcount_inc(&from->sb->refs);
	m = mount_alloc(from->sb, root, from->flags);
	if (!m) {
		superblock_put(from->sb);
		return -ENOMEM;
	}
	err = mount_attach(m, at);
	if (err)
		mount_put(m);
	*out = m;
	return err;
}

/* The first mount below root in from with an id in [after, before), with a reference. */
static struct mount *next_child(struct mount *from, struct dentry *root, u32 after, u32 before)
{
	struct mount *c, *found = NULL;

	spin_lock(&mount_lock);
	list_for_each(c, &from->children, child_node)
		if (c->id >= after && c->id < before && dentry_is_ancestor(root, c->mountpoint) &&
		    (!found || c->id < found->id))
			found = c;
	if (found)
		refcount_inc(&found->refs);
	spin_unlock(&mount_lock);
	return found;
}

#define BIND_DEPTH	16	/* chosen: mounts upon mounts that a recursive bind follows */

/* before: what was mounted when we began, so that a tree bound below itself ends. */
static int bind_children(struct mount *to, struct mount *from, struct dentry *root, u32 before,
			 u32 depth)
{
	struct mount *c, *copy;
	u32 id = 0;
	int err = 0;

	while (!err && (c = next_child(from, root, id, before))) {
		id = c->id + 1;
		err = depth == BIND_DEPTH ? -ENOSPC :
					    bind_one(&(struct path){ to, c->mountpoint }, c, c->root, &copy);
		if (!err)
			err = bind_children(copy, c, c->root, before, depth + 1);
		mount_put(c);
	}
	return err;
}

int mount_bind(const struct path *at, const struct path *from, bool recursive)
{
	u32 before = READ_ONCE(next_mount_id);
	struct mount *m;
	int err = bind_one(at, from->mnt, from->dentry, &m);

	if (err || !recursive)
		return err;
	err = bind_children(m, from->mnt, from->dentry, before, 0);
	if (err)
		(void)!mount_detach(&(struct path){ m, m->root }, true);
	return err;
}

static bool is_below_locked(const struct mount *m, const struct mount *upper)
{
	while (m && m != upper)
		m = m->parent;
	return m;
}

int mount_move(const struct path *at, const struct path *from)
{
	struct mount *m = from->mnt;
	int err = from->dentry == m->root ? check_kinds(at, m->root) : -EINVAL;

	if (err)
		return err;
	path_get(at);
	spin_lock(&mount_lock);
	err = m->parent ? check_place_locked(at) : -EINVAL;
	if (!err && is_below_locked(at->mnt, m))
		err = -ELOOP;
	if (!err) {
		detach_locked(m);
		attach_locked(m, at);
	}
	spin_unlock(&mount_lock);
	path_put(err ? at : &m->was_at);
	return err;
}

/* m and all below it leave the tree, into *gone by ns_node, the lowest first. */
static void detach_tree_locked(struct mount *m, struct list_head *gone)
{
	for (;;) {
		struct mount *leaf = m;

		while (!list_empty(&leaf->children))
			leaf = list_first(&leaf->children, struct mount, child_node);
		detach_locked(leaf);
		list_add_tail(&leaf->ns_node, gone);
		if (leaf == m)
			return;
	}
}

int mount_detach(const struct path *path, bool lazy)
{
	struct mount *m = path->mnt, *next;
	LIST_HEAD(gone);
	int err = 0;

	if (path->dentry != m->root)
		return -EINVAL;
	spin_lock(&mount_lock);
	if (!m->parent)
		err = -EINVAL;
	else if (!lazy && (!list_empty(&m->children) || refcount_read(&m->refs) > 2))
		err = -EBUSY;	/* beside the tree's reference and the caller's */
	else
		detach_tree_locked(m, &gone);
	spin_unlock(&mount_lock);
	list_for_each_safe(m, next, &gone, ns_node) {
		list_del(&m->ns_node);
		path_put(&m->was_at);
		mount_put(m);
	}
	return err;
}

static bool has_writers(struct superblock *sb)
{
	struct inode *inode;
	bool found = false;

	spin_lock(&sb->lock);
	list_for_each(inode, &sb->inodes, sb_node)
		found |= atomic_read(&inode->writers) > 0;
	spin_unlock(&sb->lock);
	return found;
}

static int superblock_remount(struct superblock *sb, u32 flags, char *options)
{
	bool ro = flags & SB_RDONLY;
	int err = 0;

	if (ro && !(sb->flags & SB_RDONLY)) {
		if (has_writers(sb))
			return -EBUSY;
		err = superblock_sync(sb);
	}
	if (!err && sb->ops->remount)
		err = sb->ops->remount(sb, &flags, options);
	if (!err)
		WRITE_ONCE(sb->flags, (sb->flags & ~SB_RDONLY) | (ro ? SB_RDONLY : 0));
	return err;
}

int mount_remount(const struct path *path, u32 flags, char *options)
{
	const u32 atime = MS_NOATIME | MS_NODIRATIME | MS_RELATIME | MS_STRICTATIME;
	struct mount *m = path->mnt;
	int err = 0;

	if (path->dentry != m->root)
		return -EINVAL;
	if (!(flags & atime))
		flags |= m->flags & atime;
	if (!(flags & MS_BIND)) {
		rwsem_write_lock(&m->sb->umount);
		err = superblock_remount(m->sb, flags & SB_RDONLY, options);
		rwsem_write_unlock(&m->sb->umount);
	}
	if (!err)
		WRITE_ONCE(m->flags, flags & MOUNT_FLAGS);
	return err;
}

static void fs_set_root(struct fs *fs, const struct path *path)
{
	path_get(path);
	path_get(path);
	fs->root = fs->cwd = *path;
}

int vfs_mount_root(const char *source, const char *type, u32 flags)
{
	char options[] = "mode=755,size=100%,nr_inodes=0";	/* bounded by memory alone */
	bool first = !init_mnt_ns.root;
	struct mount *m;
	int err = fs_mount(type, flags | MS_RELATIME, source, first ? options : NULL, &m);

	if (err)
		return err;
	if (first) {
		m->id = next_mount_id++;
		list_add_tail(&m->ns_node, &init_mnt_ns.mounts);
		init_mnt_ns.root = m;
		init_nsproxy.mnt = &init_mnt_ns;
		fs_set_root(&init_fs, &(struct path){ m, m->root });
		return 0;
	}
	/* Over the root tmpfs; whoever starts at "/" from here on starts there. */
	err = mount_attach(m, &(struct path){ init_mnt_ns.root, init_mnt_ns.root->root });
	if (err) {
		mount_put(m);
		return err;
	}
	fs_change_root(current->fs, &(struct path){ m, m->root });
	fs_change_cwd(current->fs, &(struct path){ m, m->root });
	return 0;
}

int vfs_init_caches(void)
{
	int err;

	icache_init();
	dcache_init();
	err = files_init();
	if (err)
		return err;
	anon_init();
	shmem_init();
	vfs_writeback_init();
	pipe_init();
	epoll_init();
	return 0;
}
