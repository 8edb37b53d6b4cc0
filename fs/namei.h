/* SPDX-License-Identifier: MIT */
/* Inside the VFS: names on their way from user memory, and walks that stop at the parent. */
#pragma once
#include <fs/vfs.h>

#define FILENAME_INLINE	160

/* A path copied from user memory. Short ones, nearly all, need no allocation. */
struct filename {
	const char *name;
	char *allocated;
	char text[FILENAME_INLINE];
};
/* 0, -EFAULT, -ENAMETOOLONG, -ENOENT for "" without LOOKUP_EMPTY. */
int __must_check filename_get(struct filename *fn, uaddr_t name, u32 flags);
void filename_put(struct filename *fn);

enum last_type { LAST_NORM, LAST_DOT, LAST_DOTDOT, LAST_ROOT };

/* A directory with references, and the last component, not looked up; it points into the name. */
struct parent_path {
	struct path path;
	struct qstr last;
	enum last_type type;
	bool slash;			/* "name/" */
};

int __must_check filename_lookup(int dfd, const char *name, u32 flags, struct path *path);
int __must_check filename_parent(int dfd, const char *name, u32 flags, struct parent_path *out);
/* The same for the text of a link in *base; dfd: the root of a scoped walk. */
int __must_check filename_parent_at(int dfd, const struct path *base, const char *name, u32 flags,
				    struct parent_path *out);
#define MAX_LINKS	40	/* in one walk; more: -ELOOP */
/* What statx tells of where a file was found. */
struct mount_facts {
	u32 id;
	bool is_root;
};
static inline void mount_facts_fill(struct mount_facts *facts, const struct path *path)
{
	*facts = (struct mount_facts){ path->mnt->id, path->dentry == path->mnt->root };
}
/*
 * Fill st, and where unless NULL, without any reference
 * if all is cached; -ECHILD: do it the long way.
 */
int __must_check filename_stat_rcu(int dfd, const char *name, u32 flags, struct kstat *st,
				   struct mount_facts *where);

/*
 * The dentry of name in dir (perhaps negative), with
 * a reference. Context: dir's inode write-locked.
 */
int __must_check lookup_one_locked(struct dentry *dir, const struct qstr *name,
				   struct dentry **out);
/* The same without the lock, which it takes where the name is not cached. */
int __must_check lookup_one(struct dentry *dir, const struct qstr *name, struct dentry **out);
void qstr_init(struct qstr *q, const char *name, size_t len);

/*
 * Create: parent found and locked, name absent. *dentry negative with a
 * reference. Undo or finish with create_end(). -EEXIST ...
 */
int __must_check create_begin(int dfd, const char *name, bool is_dir, struct parent_path *pp,
			      struct dentry **dentry);
void create_end(struct parent_path *pp, struct dentry *dentry);
int vfs_mknod(struct inode *dir, struct dentry *d, umode_t mode, dev_t dev);
int vfs_mkdir(struct inode *dir, struct dentry *d, umode_t mode);
int vfs_symlink(struct inode *dir, struct dentry *d, const char *target);
int vfs_create(struct inode *dir, struct dentry *d, umode_t mode);
/* One more name, both from the caller's root: for the kernel itself. */
int __must_check vfs_link_names(const char *from, const char *to);

/* May the caller add a name to dir, take d away from it? dir write-locked. 0 or -errno. */
int vfs_may_create(struct inode *dir);
int vfs_may_delete(struct inode *dir, struct dentry *d, bool is_dir);

/* Cross to what is mounted on *path, however deep; moves the references. */
void mount_cross(struct path *path);
/* RCU or mount_lock */
struct mount *mount_find(struct mount *parent, const struct dentry *mountpoint);
int mount_want_write(const struct mount *m);	/* 0 or -EROFS */
extern seqcount_t mount_seq;

/*
 * path from root down; *reached: it is below root, else from the top of the tree. In buf's end,
 * or ERR_PTR. mount_lock held.
 */
char *path_below_locked(const struct path *path, const struct path *root, char *buf, size_t size,
			bool *reached);
/* The same within one file system. */
char *dentry_to_string(struct dentry *d, char *buf, size_t size);

/* dcache.c */
struct dentry *dcache_find_rcu(const struct dentry *parent, const struct qstr *name, u32 *seq);
/* with a reference */
struct dentry *dcache_lookup(struct dentry *parent, const struct qstr *name);
bool dentry_get_live(struct dentry *d);		/* RCU: false if it is dying */
void dentry_add(struct dentry *d);		/* hash it */
/*
 * d takes the place and name of target. Both directories
 * write-locked, rename_mutex where they differ.
 */
void dentry_move(struct dentry *d, struct dentry *target);
void dentry_exchange(struct dentry *a, struct dentry *b);
bool dentry_is_ancestor(const struct dentry *a, const struct dentry *d);	/* a == d counts */
void dcache_init(void);
/* Every unused dentry of sb leaves; true if only the root is left. */
/* Of a directory that is removed: the names known not to be in it, which would keep it. */
void dcache_forget_children(struct dentry *dir);
bool dcache_shrink_sb(struct superblock *sb);
void dcache_drop_pinned(struct superblock *sb);
void icache_init(void);
