/* SPDX-License-Identifier: MIT */
/*
 * Path walk: from a name to a dentry in a mount.
 *
 * A walk runs in one of two modes over the same steps. RCU mode takes no
 * reference and writes nothing shared: each step reads the child's sequence
 * count, then its fields, then checks the parent's count again, so that at the
 * moment of the check parent and child belonged together. What RCU mode cannot
 * do (an uncached name, a link, a file system's own permission or revalidation)
 * ends it with -ECHILD, and the walk starts again in reference mode, which
 * holds a reference to where it stands and may sleep.
 *
 *   RCU   --done, counts still right--> references taken (legitimize)
 *   RCU   --ECHILD, any doubt--> REF  --> done
 *
 * Symbolic links are a stack of rests: the text of the link is walked first,
 * then what followed its name. 40 links in one walk give -ELOOP, as on Linux.
 *
 * ".." stops at the walker's root and at the top of the mount tree, and leaves
 * a mount through its mountpoint.
 *
 * Not here: one name in one directory (lookup.c), from a path to its name (path_name.c),
 * what changes directories (link.c), opening (open.c).
 */
#include <fs/namei.h>
#include <fs/file.h>
#include <fs/mount.h>
#include <kernel/task/cred.h>
#include <kernel/task/thread.h>
#include <kernel/uapi/fcntl.h>

struct rest {
	const char *name;		/* what follows the link's name */
	void (*put)(const char *arg);	/* of the text that is walked before it */
	const char *arg;
	struct path link;		/* keeps the inode whose text is walked */
};

struct walk {
	struct path path;
	struct inode *inode;		/* path.dentry's */
	u32 seq;			/* RCU: path.dentry's */
	u32 mount_seq;			/* RCU: when we began */
	u32 flags;
	bool rcu;
	bool want_dir;			/* slashes at the end */
	struct path root;
	struct qstr last;		/* LOOKUP_PARENT */
	enum last_type type;
	u32 depth, links;
	struct rest rests[MAX_LINKS];
};

/* Hash and length of the component at name: up to a slash or the end. */
static u32 component(struct qstr *q, const char *name)
{
	const char *p = name;
	u32 h = 0;

	for (; *p && *p != '/'; p++)
		h = h * 31 + (u8)*p;
	*q = (struct qstr){ .hash = h, .len = p - name, .name = name };
	return q->len;
}

/* --- where a walk begins --- */

static int start_at_fd(struct walk *w, int dfd)
{
	struct fd fd = fd_get_raw(dfd);

	if (!fd.file)
		return -EBADF;
	w->path = fd.file->path;
	if (!w->path.dentry) {
		fd_put(fd);
		return -ENOTDIR;
	}
	path_get(&w->path);
	fd_put(fd);
	return 0;
}

/* The walk's root is where it starts. */
static int start_scoped(struct walk *w, int dfd, const char *name)
{
	int err = 0;

	if (*name == '/' && (w->flags & LOOKUP_BENEATH))
		return -EXDEV;
	if (dfd == AT_FDCWD)
		fs_get_cwd(current->fs, &w->path);
	else
		err = start_at_fd(w, dfd);
	if (err)
		return err;
	w->root = w->path;
	path_get(&w->root);
	w->inode = w->path.dentry->inode;
	return 0;
}

static int start_ref(struct walk *w, int dfd, const char *name)
{
	int err = 0;

	w->rcu = false;
	if (unlikely(w->flags & LOOKUP_SCOPED))
		return start_scoped(w, dfd, name);
	fs_get_root(current->fs, &w->root);
	if (*name == '/') {
		w->path = w->root;
		path_get(&w->path);
	} else if (dfd == AT_FDCWD) {
		fs_get_cwd(current->fs, &w->path);
	} else {
		err = start_at_fd(w, dfd);
	}
	if (err) {
		path_put(&w->root);
		w->root.mnt = NULL;
		return err;
	}
	w->inode = w->path.dentry->inode;
	return 0;
}

/* Context: RCU. */
static int start_rcu(struct walk *w, int dfd, const char *name)
{
	struct fs *fs = current->fs;
	u32 seq;

	if (*name != '/' && dfd != AT_FDCWD)
		return -ECHILD;
	w->rcu = true;
	w->mount_seq = seq_begin(&mount_seq);
	do {
		seq = seq_begin(&fs->seq);
		w->root = fs->root;
		w->path = *name == '/' ? fs->root : fs->cwd;
		w->seq = seq_begin(&w->path.dentry->seq);
	} while (seq_retry(&fs->seq, seq));
	w->inode = READ_ONCE(w->path.dentry->inode);
	return w->inode ? 0 : -ECHILD;
}

/* The innermost link's text is done: the name to go on with. */
static const char *rest_pop(struct walk *w)
{
	struct rest *r = &w->rests[--w->depth];

	if (r->put)
		r->put(r->arg);
	path_put(&r->link);
	return r->name;
}

static void walk_end_ref(struct walk *w)
{
	while (w->depth)
		(void)rest_pop(w);
	path_put(&w->root);
}

/* --- one step --- */

static int may_search(struct walk *w)
{
	struct inode *dir = w->inode;
	umode_t mode = READ_ONCE(dir->mode);

	if (!S_ISDIR(mode))
		return -ENOTDIR;
	/* Everybody may: the usual case needs no credentials. */
	if ((mode & 0111) == 0111 && !dir->ops->permission)
		return 0;
	if (w->rcu && dir->ops->permission)
		return -ECHILD;
	return inode_permission(dir, MAY_EXEC);
}

static int step_rcu(struct walk *w, const struct qstr *name)
{
	struct dentry *d;
	struct inode *inode;
	u32 seq;

	if (w->path.dentry->ops && w->path.dentry->ops->revalidate)
		return -ECHILD;
	d = dcache_find_rcu(w->path.dentry, name, &seq);
	if (!d || (d->ops && d->ops->revalidate))
		return -ECHILD;
	inode = READ_ONCE(d->inode);
	if (seq_retry(&d->seq, seq) || seq_retry(&w->path.dentry->seq, w->seq))
		return -ECHILD;
	if (!inode)
		return -ENOENT;
	w->path.dentry = d;
	while (unlikely(READ_ONCE(d->flags) & DENTRY_MOUNTED)) {
		struct mount *m = mount_find(w->path.mnt, d);

		if (!m)
			break;
		d = m->root;
		w->path = (struct path){ m, d };
		seq = seq_begin(&d->seq);
		inode = READ_ONCE(d->inode);
		if (!inode)
			return -ECHILD;
	}
	w->seq = seq;
	w->inode = inode;
	return 0;
}

static int step_ref(struct walk *w, const struct qstr *name)
{
	struct path next = { .mnt = w->path.mnt };
	int err;

	if (name->len > NAME_MAX)
		return -ENAMETOOLONG;
	err = lookup_one(w->path.dentry, name, &next.dentry);
	if (err)
		return err;
	if (!next.dentry->inode) {
		dentry_put(next.dentry);
		return -ENOENT;
	}
	dentry_put(w->path.dentry);
	w->path = next;
	mount_cross(&w->path);
	if (unlikely((w->flags & LOOKUP_NO_XDEV) && w->path.mnt != next.mnt))
		return -EXDEV;
	w->inode = w->path.dentry->inode;
	/* Another's unlink may have turned it negative; our reference keeps it from now on. */
	return w->inode ? 0 : -ENOENT;
}

static bool at_root(const struct walk *w)
{
	return w->path.dentry == w->root.dentry && w->path.mnt == w->root.mnt;
}

static int step_up_rcu(struct walk *w)
{
	struct dentry *d = w->path.dentry, *parent;
	u32 seq;

	if (at_root(w))
		return 0;
	if (d == w->path.mnt->root)
		return -ECHILD;
	parent = READ_ONCE(d->parent);
	seq = seq_begin(&parent->seq);
	if (seq_retry(&d->seq, w->seq))
		return -ECHILD;
	w->path.dentry = parent;
	w->seq = seq;
	w->inode = READ_ONCE(parent->inode);
	return w->inode ? 0 : -ECHILD;
}

static struct dentry *parent_get(struct dentry *d)
{
	struct dentry *parent;

	spin_lock(&d->lock);
	parent = dentry_get(d->parent);
	spin_unlock(&d->lock);
	return parent;
}

/* A rename may have moved us out of the root meanwhile. */
static bool is_in_scope(const struct walk *w)
{
	const struct dentry *d = w->path.dentry;
	const struct mount *m = w->path.mnt;
	bool found;

	spin_lock(&mount_lock);
	while (m != w->root.mnt && m->parent) {
		d = m->mountpoint;
		m = m->parent;
	}
	found = m == w->root.mnt && dentry_is_ancestor(w->root.dentry, d);
	spin_unlock(&mount_lock);
	return found;
}

static int step_up_ref(struct walk *w)
{
	const struct mount *before = w->path.mnt;

	if (unlikely((w->flags & LOOKUP_BENEATH) && at_root(w)))
		return -EXDEV;
	while (!at_root(w)) {
		struct path up;

		if (w->path.dentry != w->path.mnt->root) {
			up.dentry = parent_get(w->path.dentry);
			dentry_put(w->path.dentry);
			w->path.dentry = up.dentry;
			break;
		}
		spin_lock(&mount_lock);
		up = (struct path){ w->path.mnt->parent, w->path.mnt->mountpoint };
		if (up.mnt)
			path_get(&up);
		spin_unlock(&mount_lock);
		if (!up.mnt)
			break;
		path_put(&w->path);
		w->path = up;
	}
	mount_cross(&w->path);
	w->inode = w->path.dentry->inode;
	if (unlikely((w->flags & LOOKUP_NO_XDEV) && w->path.mnt != before))
		return -EXDEV;
	return unlikely(w->flags & LOOKUP_SCOPED) && !is_in_scope(w) ? -EAGAIN : 0;
}

/* --- symbolic links (reference mode) --- */

/* w->path is the link, parent its directory: go on in its text. Takes over parent's references. */
static int follow(struct walk *w, struct path *parent, const char **name)
{
	struct inode *inode = w->inode;
	struct rest *r;
	const char *text;

	if (w->links++ >= MAX_LINKS || (w->flags & LOOKUP_NO_SYMLINKS)) {
		path_put(parent);
		return -ELOOP;
	}
	if (inode->ops->jump_link) {
		struct path to;
		int err = w->flags & LOOKUP_NO_MAGIC ? -ELOOP : w->flags & LOOKUP_SCOPED ? -EXDEV :
			  inode->ops->jump_link(inode, &to);

		path_put(parent);
		if (!err && (w->flags & LOOKUP_NO_XDEV) && to.mnt != w->path.mnt) {
			path_put(&to);
			err = -EXDEV;
		}
		if (err)
			return err;
		path_put(&w->path);
		w->path = to;
		w->inode = to.dentry->inode;
		return 0;
	}
	path_accessed(&w->path);
	r = &w->rests[w->depth];
	r->put = NULL;
	text = inode->ops->get_link(inode, w->path.dentry, &r->put, &r->arg);
	if (IS_ERR(text)) {
		path_put(parent);
		return PTR_ERR(text);
	}
	r->name = *name;
	r->link = w->path;
	w->depth++;
	if (*text == '/' && ((w->flags & LOOKUP_BENEATH) ||
			     ((w->flags & LOOKUP_NO_XDEV) && w->root.mnt != parent->mnt))) {
		w->path = *parent;
		return -EXDEV;
	}
	if (*text == '/') {
		path_put(parent);
		w->path = w->root;
		path_get(&w->path);
	} else {
		w->path = *parent;
	}
	w->inode = w->path.dentry->inode;
	*name = text;
	return *text ? 0 : -ENOENT;
}

static bool rests_are_empty(const struct walk *w)
{
	for (u32 i = 0; i < w->depth; i++)
		if (*w->rests[i].name)
			return false;
	return true;
}

/* --- the walk --- */

static int step_name(struct walk *w, const struct qstr *q, const char **name, bool is_last,
		     bool slash)
{
	struct path parent;
	int err;

	if (w->rcu) {
		err = step_rcu(w, q);
		if (!err && S_ISLNK(READ_ONCE(w->inode->mode)) &&
		    (!is_last || slash || (w->flags & LOOKUP_FOLLOW)))
			err = -ECHILD;
		return err;
	}
	parent = w->path;
	path_get(&parent);
	err = step_ref(w, q);
	if (!err && S_ISLNK(w->inode->mode) && (!is_last || slash || (w->flags & LOOKUP_FOLLOW)))
		return follow(w, &parent, name);
	path_put(&parent);
	return err;
}

/* Walks name from where w stands. On failure in reference mode w->path is still held. */
static int walk_name(struct walk *w, const char *name)
{
	w->type = LAST_ROOT;
	for (;;) {
		const char *p;
		struct qstr q;
		bool slash, is_last;
		int err;

		while (*name == '/')
			name++;
		if (!*name) {
			if (!w->depth)
				break;
			name = rest_pop(w);
			continue;
		}
		err = may_search(w);
		if (err)
			return err;
		component(&q, name);
		p = name + q.len;
		slash = *p == '/';
		while (*p == '/')
			p++;
		is_last = !*p && rests_are_empty(w);
		w->want_dir = is_last && (slash || w->want_dir);
		w->type = q.name[0] != '.' || q.len > 2 ? LAST_NORM : q.len == 1 ? LAST_DOT :
			  q.name[1] == '.' ? LAST_DOTDOT : LAST_NORM;
		name = p;
		if (is_last && (w->flags & LOOKUP_PARENT)) {
			w->last = q;
			return 0;
		}
		if (w->type == LAST_NORM)
			err = step_name(w, &q, &name, is_last, slash);
		else if (w->type == LAST_DOTDOT)
			err = w->rcu ? step_up_rcu(w) : step_up_ref(w);
		if (err)
			return err;
	}
	if ((w->want_dir || (w->flags & LOOKUP_DIRECTORY)) && !S_ISDIR(w->inode->mode))
		return -ENOTDIR;
	return 0;
}

static void walk_init(struct walk *w, u32 flags)
{
	w->flags = flags;
	w->want_dir = false;
	w->depth = w->links = 0;
}

/* RCU mode ends: references to where it stands, if that is still true. */
static bool legitimize(struct walk *w)
{
	struct path p = w->path;

	if (seq_retry(&mount_seq, w->mount_seq) || !refcount_inc_not_zero(&p.mnt->refs))
		return false;
	if (dentry_get_live(p.dentry)) {
		if (!seq_retry(&p.dentry->seq, w->seq) && !seq_retry(&mount_seq, w->mount_seq))
			return true;
		rcu_read_unlock();
		dentry_put(p.dentry);
	} else {
		rcu_read_unlock();
	}
	mount_put(p.mnt);
	rcu_read_lock();
	return false;
}

static int lookup_rcu(struct walk *w, int dfd, const char *name)
{
	int err;

	rcu_read_lock();
	err = start_rcu(w, dfd, name);
	if (!err)
		err = walk_name(w, name);
	if (!err && !legitimize(w))
		err = -ECHILD;
	rcu_read_unlock();
	return err;
}

/*
 * A walk that may be done again with references: doubt, or an error that must not come from a race.
 */
static int walk_run(struct walk *w, int dfd, const char *name, u32 flags)
{
	int err;

	walk_init(w, flags);
	if (unlikely(flags & (LOOKUP_SCOPED | LOOKUP_NO_XDEV)))
		err = -ECHILD;
	else
		err = lookup_rcu(w, dfd, name);
	if (!err || err == -ENOENT)
		return err;
	if (unlikely(flags & LOOKUP_CACHED))
		return err == -ECHILD ? -EAGAIN : err;
	walk_init(w, flags);
	err = start_ref(w, dfd, name);
	if (err)
		return err;
	err = walk_name(w, name);
	if (err)
		path_put(&w->path);
	return err;
}

static void walk_finish(struct walk *w)
{
	if (!w->rcu)
		walk_end_ref(w);
}

static int lookup_empty(int dfd, struct path *path)
{
	struct walk w;
	int err;

	if (dfd == AT_FDCWD) {
		fs_get_cwd(current->fs, path);
		return 0;
	}
	err = start_at_fd(&w, dfd);
	if (!err)
		*path = w.path;
	return err == -ENOTDIR ? -EINVAL : err;
}

int filename_lookup(int dfd, const char *name, u32 flags, struct path *path)
{
	struct walk w;
	int err;

	if (!*name && (flags & LOOKUP_EMPTY))
		return lookup_empty(dfd, path);
	w.root.mnt = NULL;
	w.root.dentry = NULL;
	err = walk_run(&w, dfd, name, flags);
	if (!err)
		*path = w.path;
	if (!w.rcu && w.root.mnt)
		walk_finish(&w);
	return err;
}

int filename_parent(int dfd, const char *name, u32 flags, struct parent_path *out)
{
	struct walk w;
	int err;

	w.root.mnt = NULL;
	w.root.dentry = NULL;
	err = walk_run(&w, dfd, name, flags | LOOKUP_PARENT);
	if (!err)
		*out = (struct parent_path){ w.path, w.last, w.type, w.want_dir };
	if (!w.rcu && w.root.mnt)
		walk_finish(&w);
	return err;
}

int filename_parent_at(int dfd, const struct path *base, const char *name, u32 flags,
		       struct parent_path *out)
{
	struct walk w;
	int err;

	walk_init(&w, flags | LOOKUP_PARENT);
	err = start_ref(&w, flags & LOOKUP_SCOPED ? dfd : AT_FDCWD,
			flags & LOOKUP_SCOPED ? "" : "/");
	if (err)
		return err;
	path_put(&w.path);
	if (*name == '/' &&
	    ((flags & LOOKUP_BENEATH) || ((flags & LOOKUP_NO_XDEV) && w.root.mnt != base->mnt))) {
		path_put(&w.root);
		return -EXDEV;
	}
	w.path = *name == '/' ? w.root : *base;
	path_get(&w.path);
	w.inode = w.path.dentry->inode;
	err = walk_name(&w, name);
	if (err)
		path_put(&w.path);
	else
		*out = (struct parent_path){ w.path, w.last, w.type, w.want_dir };
	walk_end_ref(&w);
	return err;
}

int filename_stat_rcu(int dfd, const char *name, u32 flags, struct kstat *st,
		      struct mount_facts *where)
{
	struct walk w;
	struct inode *i;
	int err;

	walk_init(&w, flags);
	rcu_read_lock();
	err = start_rcu(&w, dfd, name);
	if (!err)
		err = walk_name(&w, name);
	if (err)
		goto out;
	i = w.inode;
	err = -ECHILD;
	if (i->ops->getattr)
		goto out;
	*st = (struct kstat){
		.ino = i->ino, .blocks = i->blocks, .size = READ_ONCE(i->size),
		.dev = i->sb->dev, .rdev = i->rdev, .mode = i->mode, .nlink = i->nlink,
		.blksize = 1u << i->blkbits, .uid = i->uid, .gid = i->gid,
		.atime = i->atime, .mtime = i->mtime, .ctime = i->ctime,
	};
	if (unlikely(where))
		mount_facts_fill(where, &w.path);
	if (!seq_retry(&w.path.dentry->seq, w.seq) && !seq_retry(&mount_seq, w.mount_seq))
		err = 0;
out:
	rcu_read_unlock();
	return err == 0 || err == -ENOENT ? err : -ECHILD;
}

int path_lookup_user(int dfd, uaddr_t name, u32 flags, struct path *path)
{
	struct filename fn;
	int err = filename_get(&fn, name, flags);

	if (err)
		return err;
	err = filename_lookup(dfd, fn.name, flags, path);
	filename_put(&fn);
	return err;
}

int path_lookup_kernel(const char *name, u32 flags, struct path *path)
{
	return filename_lookup(AT_FDCWD, name, flags, path);
}
