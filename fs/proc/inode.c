/* SPDX-License-Identifier: MIT */
/*
 * procfs: tables become inodes, functions become file contents.
 *
 * Inodes are made at lookup and live as long as their dentry is cached. An inode
 * below /proc/PID holds the struct pid, not the process: it never keeps a
 * process from going, and each access asks again whether it is still there.
 * dentries of the gone are told by revalidate and drop out.
 *
 * A text file's contents are generated whole when a read begins at position 0
 * (or for the first time), and kept with the open file: later reads continue the
 * same text, so that a reader in small steps sees one consistent state.
 *
 * Not here: what the files say (root.c, pid.c, fd.c, sysctl.c).
 */
#include <fs/proc/proc.h>
#include <kernel/bug.h>
#include <kernel/errno.h>
#include <kernel/lib/string.h>
#include <kernel/mm/alloc.h>
#include <kernel/task/cred.h>

#define PROC_SUPER_MAGIC	0x9fa0
#define TEXT_MAX		(16u << 20)	/* a text this long is a bug of its generator */

static struct kmem_cache *inode_cache;
static atomic64_t next_ino = ATOMIC_INIT(1);

/* --- text files --- */

struct proc_text {
	struct mutex lock;		/* RANK_PIPE: one generation at a time */
	struct seq seq;
};

static int generate(struct proc_text *t, struct proc_inode *pi)
{
	size_t size = t->seq.size ? t->seq.size : PAGE_SIZE;

	for (;;) {
		int err;

		if (size != t->seq.size) {
			kvfree(t->seq.buf);
			t->seq = (struct seq){ .buf = kvmalloc(size, GFP_KERNEL) };
			if (!t->seq.buf)
				return -ENOMEM;
			t->seq.size = size;
		}
		t->seq.len = 0;
		err = pi->entry->show(&t->seq, pi);
		if (err)
			return err;
		if (!seq_is_cut(&t->seq))
			return 0;
		size *= 2;
		if (size > TEXT_MAX)
			return -EFBIG;
	}
}

static ssize_t proc_text_read(struct kio *kio, struct iov_iter *to)
{
	struct proc_text *t = kio->file->private;
	struct proc_inode *pi = proc_inode(kio->file->inode);
	ssize_t n = 0;
	int err = 0;

	mutex_lock(&t->lock);
	if (!kio->pos || !t->seq.buf)
		err = generate(t, pi);
	if (!err && (u64)kio->pos < t->seq.len) {
		size_t want = min(iov_iter_count(to), t->seq.len - (size_t)kio->pos);

		n = copy_to_iter(t->seq.buf + kio->pos, want, to);
		if (!n && want)
			err = -EFAULT;
		kio->pos += n;
	}
	mutex_unlock(&t->lock);
	return err ? err : n;
}

static ssize_t proc_text_write(struct kio *kio, struct iov_iter *from)
{
	struct proc_inode *pi = proc_inode(kio->file->inode);
	size_t len = iov_iter_count(from);
	ssize_t n;
	char *text;

	if (!pi->entry->store)
		return -EIO;
	if (len > PROC_WRITE_MAX)
		return -EINVAL;
	text = kmalloc(len + 1, GFP_KERNEL);
	if (!text)
		return -ENOMEM;
	if (copy_from_iter(text, len, from) != len) {
		n = -EFAULT;
	} else {
		text[len] = 0;
		n = pi->entry->store(pi, text, len);
	}
	kfree(text);
	if (n > 0)
		kio->pos += n;
	return n;
}

static int proc_text_open(struct inode *inode, struct file *f)
{
	struct proc_text *t = kzalloc(sizeof(*t), GFP_KERNEL);

	if (!t)
		return -ENOMEM;
	mutex_init(&t->lock, RANK_PIPE);
	f->private = t;
	return 0;
}

static void proc_text_release(struct file *f)
{
	struct proc_text *t = f->private;

	kvfree(t->seq.buf);
	kfree(t);
}

static const struct file_ops proc_text_ops = {
	.open = proc_text_open,
	.release = proc_text_release,
	.read = proc_text_read,
	.write = proc_text_write,
	.llseek = generic_llseek,
};

/* --- directories --- */

static int proc_lookup(struct inode *inode, struct dentry *dentry)
{
	struct proc_inode *dir = proc_inode(inode);
	const struct proc_entry *e;

	for (e = dir->entry->children; e && e->name; e++)
		if (strlen(e->name) == dentry->name.len &&
		    !memcmp(e->name, dentry->name.name, dentry->name.len))
			return proc_instantiate(dir, dentry, e, dir->pid, dir->number);
	return dir->entry->lookup ? dir->entry->lookup(dir, dentry) : -ENOENT;
}

static u32 dirent_type(umode_t mode)
{
	return (mode & S_IFMT) >> 12;
}

static int proc_iterate(struct file *f, struct dir_context *ctx)
{
	struct proc_inode *dir = proc_inode(f->inode);
	const struct proc_entry *e = dir->entry->children;
	loff_t at = 2;

	if (!dir_emit_dots(f, ctx))
		return 0;
	for (; e && e->name; e++, at++) {
		if (at < ctx->pos)
			continue;
		if (!ctx->emit(ctx, e->name, strlen(e->name), at, (u64)e & S64_MAX, dirent_type(e->mode)))
			return 0;
		ctx->pos = at + 1;
	}
	if (!dir->entry->iterate)
		return 0;
	ctx->pos = max_t(loff_t, ctx->pos, PROC_DYNAMIC);
	return dir->entry->iterate(dir, ctx);
}

static const struct file_ops proc_dir_ops = {
	.iterate = proc_iterate,
	.llseek = generic_llseek,
};

/* --- links --- */

static void put_text(const char *text)
{
	kfree(text);
}

static const char *proc_get_link(struct inode *inode, struct dentry *dentry, void (**put)(const char *),
				 const char **arg)
{
	struct proc_inode *pi = proc_inode(inode);
	char *buf = kmalloc(PATH_MAX, GFP_KERNEL);
	int err;

	if (!buf)
		return ERR_PTR(-ENOMEM);
	err = pi->entry->text(pi, buf, PATH_MAX);
	if (err < 0) {
		kfree(buf);
		return ERR_PTR(err);
	}
	*put = put_text;
	*arg = buf;
	return buf;
}

static int proc_jump_link(struct inode *inode, struct path *path)
{
	struct proc_inode *pi = proc_inode(inode);
	int err = proc_may_inspect(pi);

	return err ? err : pi->entry->jump(pi, path);
}

/* --- inodes --- */

/* Files of a process belong to whom it runs as, and to root where it keeps secrets. */
static void set_owner(struct proc_inode *pi)
{
	struct process *p = pi->pid ? proc_process(pi) : NULL;

	if (!p)
		return;
	if (p->dumpable) {
		rcu_read_lock();
		pi->inode.uid = p->leader->cred->euid;
		pi->inode.gid = p->leader->cred->egid;
		rcu_read_unlock();
	}
	process_put(p);
}

static int proc_getattr(struct inode *inode, struct kstat *st, u32 mask)
{
	set_owner(proc_inode(inode));
	inode_fill_stat(inode, st);
	return 0;
}

static int proc_setattr(struct inode *inode, const struct iattr *attr)
{
	if (attr->valid & (ATTR_MODE | ATTR_UID | ATTR_GID))
		return -EPERM;
	return 0;
}

static const struct inode_ops proc_dir_inode_ops = {
	.lookup = proc_lookup,
	.getattr = proc_getattr,
	.setattr = proc_setattr,
};
static const struct inode_ops proc_file_inode_ops = {
	.getattr = proc_getattr,
	.setattr = proc_setattr,
};
static const struct inode_ops proc_text_link_ops = {
	.get_link = proc_get_link,
	.getattr = proc_getattr,
	.setattr = proc_setattr,
};
static const struct inode_ops proc_jump_link_ops = {
	.jump_link = proc_jump_link,
	.getattr = proc_getattr,
	.setattr = proc_setattr,
};

static const struct inode_ops *inode_ops_of(const struct proc_entry *e)
{
	if (S_ISDIR(e->mode))
		return &proc_dir_inode_ops;
	if (S_ISLNK(e->mode))
		return e->jump ? &proc_jump_link_ops : &proc_text_link_ops;
	return &proc_file_inode_ops;
}

static const struct file_ops *file_ops_of(const struct proc_entry *e)
{
	if (e->fops)
		return e->fops;
	return S_ISDIR(e->mode) ? &proc_dir_ops : &proc_text_ops;
}

static struct inode *make_inode(struct superblock *sb, const struct proc_entry *e, struct pid *pid, u64 number)
{
	struct inode *inode = inode_new(sb);
	struct proc_inode *pi;

	if (!inode)
		return NULL;
	pi = proc_inode(inode);
	pi->entry = e;
	pi->pid = pid ? pid_get(pid) : NULL;
	pi->number = number;
	inode->ino = atomic_inc_return(&next_ino);
	inode->mode = e->mode;
	inode->nlink = S_ISDIR(e->mode) ? 2 : 1;
	inode->ops = inode_ops_of(e);
	inode->fops = file_ops_of(e);
	inode->atime = inode->mtime = inode->ctime = ns_to_timespec(ktime_real());
	set_owner(pi);
	return inode;
}

/* --- dentries: are they still true? --- */

static int proc_revalidate(struct dentry *dentry, u32 flags)
{
	struct inode *inode = READ_ONCE(dentry->inode);
	struct proc_inode *pi;

	if (!inode)
		return 0;
	pi = proc_inode(inode);
	if (pi->entry->alive) {
		if (flags & LOOKUP_RCU)
			return -EAGAIN;
		return pi->entry->alive(pi);
	}
	if (!pi->pid)
		return 1;
	return pi->is_task ? READ_ONCE(pi->pid->thread) != NULL : READ_ONCE(pi->pid->process) != NULL;
}

/* Only what will be true again soon is worth caching. */
static bool proc_keep(const struct dentry *dentry)
{
	return dentry->inode && !proc_inode(dentry->inode)->pid;
}

static const struct dentry_ops proc_dentry_ops = {
	.revalidate = proc_revalidate,
	.keep = proc_keep,
};

int proc_instantiate(struct proc_inode *dir, struct dentry *dentry, const struct proc_entry *entry,
		     struct pid *pid, u64 number)
{
	struct inode *inode = make_inode(dir->inode.sb, entry, pid, number);

	if (!inode)
		return -ENOMEM;
	proc_inode(inode)->is_task = dir->is_task || entry == &proc_tid_entry;
	dentry->ops = &proc_dentry_ops;
	dentry_instantiate(dentry, inode);
	return 0;
}

/* --- helpers for the tables --- */

s64 proc_name_to_number(const struct qstr *name)
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

struct process *proc_process(const struct proc_inode *pi)
{
	struct process *p = NULL;

	rcu_read_lock();
	if (pi->is_task) {
		struct thread *t = rcu_dereference(pi->pid->thread);

		if (t)
			p = t->process;
	} else {
		p = rcu_dereference(pi->pid->process);
	}
	if (p && !refcount_inc_not_zero(&p->refs))
		p = NULL;
	rcu_read_unlock();
	return p;
}

struct thread *proc_thread(const struct proc_inode *pi)
{
	struct thread *t = NULL;

	rcu_read_lock();
	if (pi->is_task) {
		t = rcu_dereference(pi->pid->thread);
	} else {
		struct process *p = rcu_dereference(pi->pid->process);

		if (p)
			t = READ_ONCE(p->leader);
	}
	if (t && !refcount_inc_not_zero(&t->refs))
		t = NULL;
	rcu_read_unlock();
	return t;
}

int proc_may_inspect(const struct proc_inode *pi)
{
	struct process *p;
	int err;

	if (!pi->pid)
		return 0;
	p = proc_process(pi);
	if (!p)
		return -ESRCH;
	err = process_may_inspect(p) ? 0 : -EACCES;
	process_put(p);
	return err;
}

/* --- superblock --- */

static struct inode *proc_inode_alloc(struct superblock *sb)
{
	struct proc_inode *pi = kmem_cache_zalloc(inode_cache, GFP_KERNEL);

	return pi ? &pi->inode : NULL;
}

static void proc_inode_free(struct inode *inode)
{
	struct proc_inode *pi = proc_inode(inode);

	if (pi->pid)
		pid_put(pi->pid);
	kmem_cache_free(inode_cache, pi);
}

static int proc_statfs(struct superblock *sb, struct kstatfs *st)
{
	st->type = PROC_SUPER_MAGIC;
	st->bsize = PAGE_SIZE;
	st->namelen = NAME_MAX;
	return 0;
}

static const struct super_ops proc_super_ops = {
	.inode_alloc = proc_inode_alloc,
	.inode_free = proc_inode_free,
	.statfs = proc_statfs,
};

static const struct proc_entry root_entry = {
	.name = "", .mode = S_IFDIR | 0555, .children = proc_root_entries,
	.lookup = proc_pid_lookup, .iterate = proc_pid_iterate,
};

static int proc_mount(const struct fstype *type, u32 flags, const char *source, char *options,
		      struct superblock **out)
{
	struct superblock *sb;
	struct inode *root;

	if (!inode_cache) {
		inode_cache = kmem_cache_create("proc_inode", sizeof(struct proc_inode), 0, NULL);
		if (!inode_cache)
			return -ENOMEM;
	}
	sb = superblock_alloc(type, flags);
	if (!sb)
		return -ENOMEM;
	sb->ops = &proc_super_ops;
	sb->magic = PROC_SUPER_MAGIC;
	sb->blocksize = PAGE_SIZE;
	sb->blkbits = PAGE_SHIFT;
	sb->time_granularity_ns = 1;
	root = make_inode(sb, &root_entry, NULL, 0);
	sb->root = root ? dentry_alloc_root(root) : NULL;
	if (!sb->root) {
		superblock_put(sb);
		return -ENOMEM;
	}
	*out = sb;
	return 0;
}

FILESYSTEM(proc) = {
	.name = "proc",
	.mount = proc_mount,
};
