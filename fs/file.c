/* SPDX-License-Identifier: MIT */
/*
 * Open files and descriptor tables.
 *
 * A table is an array of file pointers and two bitmaps (used, close-on-exec)
 * in one allocation, replaced by a larger one as it grows. Lookups read the
 * array under RCU. Where the table has one user, that user is the caller, and
 * nobody can close what it looks up: then a lookup takes no reference at all, and
 * descriptors are filled and cleared without the lock. Who looks from outside (/proc)
 * must expect that.
 *
 * Invariants, under files->lock or for the only user:
 *  (1) A set pointer has its used bit; a used bit without pointer is reserved.
 *  (2) next is at most the lowest number whose used bit is clear.
 *  (3) A struct file is freed a grace period after its last reference, so that
 *      a lookup may try to take one (refcount_inc_not_zero) and look again.
 */
#include <fs/epoll.h>
#include <fs/file.h>
#include <fs/locks.h>
#include <fs/mount.h>
#include <fs/namei.h>
#include <kernel/bug.h>
#include <kernel/irq/irq.h>
#include <kernel/lib/bitmap.h>
#include <kernel/lib/string.h>
#include <kernel/mm/alloc.h>
#include <kernel/task/cred.h>
#include <kernel/task/pid.h>
#include <kernel/task/thread.h>
#include <kernel/uapi/fcntl.h>

#define FDT_FIRST	64		/* descriptors of a fresh table; a power of two */
#define FDT_MAX		(1u << 20)	/* as Linux's nr_open */

struct fdtable {
	u32 size;
	u64 *used, *cloexec;
	struct rcu_head rcu;
	struct file *file[];		/* RCU; the bitmaps follow */
};

struct files {
	refcount_t refs;
	struct spinlock lock;		/* RANK_FILES */
	struct fdtable *fdt;		/* lock to write, RCU to read */
	u32 next;			/* lock */
};

static struct kmem_cache *file_cache;

/* --- tables --- */

/* The descriptors in one of a table's bitmaps. */
#define for_each_fd(fd, t, map) \
	for (u64 fd = bitmap_find_set((t)->map, (t)->size, 0); fd < (t)->size; \
	     fd = bitmap_find_set((t)->map, (t)->size, fd + 1))

static struct fdtable *fdtable_alloc(u32 size)
{
	struct fdtable *t =
		kvmalloc(sizeof(*t) + size * sizeof(t->file[0]) + size / 4, GFP_KERNEL | GFP_ZERO);

	if (!t)
		return NULL;
	t->size = size;
	t->used = (u64 *)&t->file[size];
	t->cloexec = t->used + size / 64;
	return t;
}

static void fdtable_copy(struct fdtable *to, const struct fdtable *from)
{
	memcpy(to->file, from->file, from->size * sizeof(from->file[0]));
	memcpy(to->used, from->used, from->size / 8);
	memcpy(to->cloexec, from->cloexec, from->size / 8);
}

/* Room for descriptor want. Drops and retakes the lock. 0, -EMFILE, -ENOMEM. */
static int grow(struct files *fs, u32 want)
{
	struct fdtable *old, *t;
	u32 size = FDT_FIRST;

	assert_spin_held(&fs->lock);
	if (want >= FDT_MAX)
		return -EMFILE;
	while (size <= want)
		size *= 2;
	spin_unlock(&fs->lock);
	t = fdtable_alloc(size);
	spin_lock(&fs->lock);
	if (!t)
		return -ENOMEM;
	old = fs->fdt;
	if (old->size >= size) {
		kvfree(t);
		return 0;
	}
	fdtable_copy(t, old);
	rcu_assign_pointer(fs->fdt, t);
	spin_unlock(&fs->lock);
	/* Readers of the old array are gone after this: kvfree may not run in a callback. */
	synchronize_rcu();
	kvfree(old);
	spin_lock(&fs->lock);
	return 0;
}

/* The lowest free number at or above from, marked used. */
static int reserve_from(struct files *fs, u32 from, u32 flags)
{
	u64 limit = min_t(u64, rlimit_current(RLIMIT_NOFILE), FDT_MAX);
	u32 fd;
	int err = 0;

	spin_lock(&fs->lock);
	for (;;) {
		u32 begin = max_t(u32, from, fs->next);

		fd = begin < fs->fdt->size ? bitmap_find_clear(fs->fdt->used, fs->fdt->size, begin) : begin;
		if (fd >= limit)
			err = -EMFILE;
		else if (fd >= fs->fdt->size)
			err = grow(fs, fd);
		if (err || (fd < fs->fdt->size && !bitmap_test(fs->fdt->used, fd)))
			break;
	}
	if (!err) {
		bitmap_set(fs->fdt->used, fd);
		if (flags & O_CLOEXEC)
			bitmap_set(fs->fdt->cloexec, fd);
		else
			bitmap_clear(fs->fdt->cloexec, fd);
		if (from <= fs->next)
			fs->next = fd + 1;
	}
	spin_unlock(&fs->lock);
	return err ? err : (int)fd;
}

int fd_reserve(u32 flags)
{
	return reserve_from(current->files, 0, flags);
}

int fd_reserve_from(u32 from, u32 flags)
{
	if (from >= rlimit_current(RLIMIT_NOFILE))
		return -EINVAL;
	return reserve_from(current->files, from, flags);
}

/* The table has no other user: only current changes it. */
static inline bool is_private(const struct files *fs)
{
	return likely(refcount_read(&fs->refs) == 1);
}

/* The same before a change, which must find what a user that is gone by now has left. */
static inline bool is_mine_to_change(const struct files *fs)
{
	if (!is_private(fs))
		return false;
	smp_rmb();		/* pairs with the release of files_put() */
	return true;
}

static void clear_locked(struct files *fs, u32 fd)
{
	bitmap_clear(fs->fdt->used, fd);
	bitmap_clear(fs->fdt->cloexec, fd);
	fs->next = min(fs->next, fd);
}

/* It may be about to grow. */
static __noinline void install_shared(struct files *fs, int fd, struct file *f)
{
	spin_lock(&fs->lock);
	rcu_assign_pointer(fs->fdt->file[fd], f);
	spin_unlock(&fs->lock);
}

void fd_install(int fd, struct file *f)
{
	struct files *fs = current->files;

	if (is_mine_to_change(fs))
		rcu_assign_pointer(fs->fdt->file[fd], f);
	else
		install_shared(fs, fd, f);
}

void fd_release(int fd)
{
	struct files *fs = current->files;

	spin_lock(&fs->lock);
	clear_locked(fs, fd);
	spin_unlock(&fs->lock);
}

static __noinline struct file *lookup_shared(struct files *fs, u32 fd)
{
	struct file *f;

	rcu_read_lock();
	for (;;) {
		struct fdtable *t = rcu_dereference(fs->fdt);

		f = fd < t->size ? rcu_dereference(t->file[fd]) : NULL;
		if (!f)
			break;
		if (!refcount_inc_not_zero(&f->refs))
			continue;
		/* Freed and used again for another open in between? */
		if (t == rcu_dereference(fs->fdt) && f == rcu_dereference(t->file[fd]))
			break;
		file_put(f);
	}
	rcu_read_unlock();
	return f;
}

static inline struct file *lookup_private(const struct files *fs, u32 fd)
{
	const struct fdtable *t = fs->fdt;

	return fd < t->size ? t->file[fd] : NULL;
}

struct fd fd_get_raw(int fd)
{
	struct files *fs = current->files;

	if (!is_private(fs))
		return (struct fd){ lookup_shared(fs, fd), true };
	return (struct fd){ lookup_private(fs, fd), false };
}

struct fd fd_get(int fd)
{
	struct files *fs = current->files;
	struct file *f;

	if (!is_private(fs))
		return (struct fd){ fd_lookup(fd), true };
	f = lookup_private(fs, fd);
	return (struct fd){ likely(f && !(f->mode & FMODE_PATH)) ? f : NULL, false };
}

struct file *fd_lookup(int fd)
{
	struct file *f = lookup_shared(current->files, fd);

	if (f && (f->mode & FMODE_PATH)) {
		file_put(f);
		return NULL;
	}
	return f;
}

/* Out of the table; the caller closes it. NULL: -EBADF. */
static inline struct file *take_locked(struct files *fs, u32 fd)
{
	struct file *f = fd < fs->fdt->size ? fs->fdt->file[fd] : NULL;

	if (f) {
		rcu_assign_pointer(fs->fdt->file[fd], NULL);
		clear_locked(fs, fd);
	}
	return f;
}

static struct file *take(struct files *fs, u32 fd)
{
	struct file *f;

	if (is_mine_to_change(fs))
		return take_locked(fs, fd);
	spin_lock(&fs->lock);
	f = take_locked(fs, fd);
	spin_unlock(&fs->lock);
	return f;
}

/* owner: the table whose descriptor it was. */
static int close_of(struct file *f, const struct files *owner)
{
	int err = f->ops->flush ? f->ops->flush(f) : 0;

	if (!(f->mode & FMODE_PATH))
		file_locks_close(f, owner);
	file_put(f);
	return err;
}

int file_close(struct file *f)
{
	return close_of(f, current->files);
}

int fd_close(int fd)
{
	struct file *f = take(current->files, fd);

	return f ? file_close(f) : -EBADF;
}

void fd_close_range(u32 first, u32 last, bool cloexec_only)
{
	struct files *fs = current->files;
	u32 end = min_t(u64, (u64)last + 1, READ_ONCE(fs->fdt->size));

	for (u32 fd = first; fd < end; fd++) {
		if (cloexec_only) {
			(void)fd_set_cloexec(fd, true);
		} else {
			struct file *f = take(fs, fd);

			if (f)
				(void)file_close(f);
		}
		cond_resched();
	}
}

int fd_replace(int fd, struct file *f, u32 flags)
{
	struct files *fs = current->files;
	struct file *old;
	int err = 0;

	if ((u32)fd >= rlimit_current(RLIMIT_NOFILE))
		return -EBADF;
	spin_lock(&fs->lock);
	while (!err && (u32)fd >= fs->fdt->size)
		err = grow(fs, fd);
	if (!err && !fs->fdt->file[fd] && bitmap_test(fs->fdt->used, fd))
		err = -EBUSY;		/* another thread is opening it: Linux's answer too */
	if (err) {
		spin_unlock(&fs->lock);
		return err;
	}
	old = fs->fdt->file[fd];
	bitmap_set(fs->fdt->used, fd);
	if (flags & O_CLOEXEC)
		bitmap_set(fs->fdt->cloexec, fd);
	else
		bitmap_clear(fs->fdt->cloexec, fd);
	rcu_assign_pointer(fs->fdt->file[fd], file_get(f));
	spin_unlock(&fs->lock);
	if (old)
		(void)file_close(old);
	return fd;
}

int fd_get_cloexec(int fd)
{
	struct files *fs = current->files;
	int ret = -EBADF;

	spin_lock(&fs->lock);
	if ((u32)fd < fs->fdt->size && fs->fdt->file[fd])
		ret = bitmap_test(fs->fdt->cloexec, fd);
	spin_unlock(&fs->lock);
	return ret;
}

int fd_set_cloexec(int fd, bool on)
{
	struct files *fs = current->files;
	int ret = -EBADF;

	spin_lock(&fs->lock);
	if ((u32)fd < fs->fdt->size && fs->fdt->file[fd]) {
		if (on)
			bitmap_set(fs->fdt->cloexec, fd);
		else
			bitmap_clear(fs->fdt->cloexec, fd);
		ret = 0;
	}
	spin_unlock(&fs->lock);
	return ret;
}

u32 fd_table_size(void)
{
	u32 size;

	rcu_read_lock();
	size = rcu_dereference(current->files->fdt)->size;
	rcu_read_unlock();
	return size;
}

static struct files *files_alloc(u32 size)
{
	struct files *fs = kzalloc(sizeof(*fs), GFP_KERNEL);

	if (!fs)
		return NULL;
	fs->fdt = fdtable_alloc(size);
	if (!fs->fdt) {
		kfree(fs);
		return NULL;
	}
	refcount_set(&fs->refs, 1);
	spin_lock_init(&fs->lock, RANK_FILES);
	return fs;
}

struct files *files_fork(struct files *old, int *err)
{
	struct files *new = files_alloc(old ? READ_ONCE(old->fdt->size) : FDT_FIRST);

	*err = -ENOMEM;
	if (!new || !old)
		return new;
	spin_lock(&old->lock);
	while (old->fdt->size > new->fdt->size) {
		u32 size = old->fdt->size;

		spin_unlock(&old->lock);
		kvfree(new->fdt);
		new->fdt = fdtable_alloc(size);
		if (!new->fdt) {
			kfree(new);
			return NULL;
		}
		spin_lock(&old->lock);
	}
	for_each_fd(fd, old->fdt, used) {
		struct file *f = old->fdt->file[fd];

		if (!f)
			continue;
		new->fdt->file[fd] = file_get(f);
		bitmap_set(new->fdt->used, fd);
		if (bitmap_test(old->fdt->cloexec, fd))
			bitmap_set(new->fdt->cloexec, fd);
	}
	spin_unlock(&old->lock);
	return new;
}

struct files *files_get(struct files *f)
{
	refcount_inc(&f->refs);
	return f;
}

void files_put(struct files *fs)
{
	if (!refcount_dec(&fs->refs))
		return;
	for_each_fd(fd, fs->fdt, used)
		if (fs->fdt->file[fd])
			(void)close_of(fs->fdt->file[fd], fs);
	kvfree(fs->fdt);
	kfree(fs);
}

int files_unshare(void)
{
	struct files *old = current->files, *new;
	int err;

	if (refcount_read(&old->refs) == 1)
		return 0;
	new = files_fork(old, &err);
	if (!new)
		return err;
	spin_lock(&current_process()->lock);
	current->files = new;
	spin_unlock(&current_process()->lock);
	files_put(old);
	return 0;
}

void files_close_on_exec(struct files *fs)
{
	/* The table is this thread's alone: exec has made it so. */
	for_each_fd(fd, fs->fdt, cloexec) {
		struct file *f = take(fs, fd);

		if (f)
			(void)file_close(f);
	}
}

/* --- another thread's table --- */

/*
 * Locked, or NULL: it has none (any more). Unlock with unlock_of(). It does not grow meanwhile,
 * but a thread that is its only user opens and closes without the lock.
 */
static struct files *lock_of(struct thread *t)
{
	struct files *fs;

	spin_lock(&t->process->lock);
	fs = t->files;
	if (fs)
		spin_lock(&fs->lock);
	else
		spin_unlock(&t->process->lock);
	return fs;
}

static void unlock_of(struct thread *t, struct files *fs)
{
	spin_unlock(&fs->lock);
	spin_unlock(&t->process->lock);
}

struct file *files_lookup_of(struct thread *t, u32 fd, bool *cloexec)
{
	struct files *fs = lock_of(t);
	struct file *f = NULL;

	if (!fs)
		return NULL;
	if (fd < fs->fdt->size)
		f = rcu_dereference(fs->fdt->file[fd]);
	/* Its owner may be closing it right now. */
	if (f && !refcount_inc_not_zero(&f->refs))
		f = NULL;
	*cloexec = f && bitmap_test(fs->fdt->cloexec, fd);
	unlock_of(t, fs);
	return f;
}

int files_next_of(struct thread *t, u32 from)
{
	struct files *fs = lock_of(t);
	u32 fd, size;

	if (!fs)
		return -1;
	size = fs->fdt->size;
	for (fd = from; fd < size; fd++) {
		fd = bitmap_find_set(fs->fdt->used, size, fd);
		if (fd >= size || fs->fdt->file[fd])
			break;
	}
	unlock_of(t, fs);
	return fd < size ? (int)fd : -1;
}

u32 files_size_of(struct thread *t)
{
	struct files *fs = lock_of(t);
	u32 size = 0;

	if (fs) {
		size = fs->fdt->size;
		unlock_of(t, fs);
	}
	return size;
}

u32 files_count_of(struct thread *t)
{
	struct files *fs = lock_of(t);
	u32 n = 0;

	if (fs) {
		n = bitmap_count(fs->fdt->used, fs->fdt->size);
		unlock_of(t, fs);
	}
	return n;
}

/* --- files --- */

struct file *file_alloc(u32 flags)
{
	struct file *f = kmem_cache_zalloc(file_cache, GFP_KERNEL);

	if (!f)
		return NULL;
	refcount_set(&f->refs, 1);
	f->flags = flags;
	/* Access modes 0, 1, 2 become read, write, both. */
	f->mode = ((flags & O_ACCMODE) + 1) & (FMODE_READ | FMODE_WRITE);
	mutex_init(&f->pos_mutex, RANK_FILE_POS);
	spin_lock_init(&f->lock, RANK_FILE);
	list_init(&f->epoll_items);
	f->cred = cred_get(current_cred());
	return f;
}

static void file_free_rcu(struct rcu_head *head)
{
	kmem_cache_free(file_cache, container_of(head, struct file, rcu));
}

void file_free(struct file *f)
{
	cred_put(f->cred);
	call_rcu(&f->rcu, file_free_rcu);
}

static void destroy_one(struct file *f)
{
	if (unlikely(!list_empty(&f->epoll_items)))
		epoll_release_file(f);
	if (unlikely(f->async))
		file_async_release(f);
	file_locks_release(f);
	if (f->ops && f->ops->release)
		f->ops->release(f);
	if (f->mode & FMODE_WRITER)
		atomic_dec(&f->inode->writers);
	if (unlikely(f->owner))
		file_owner_release(f);
	path_put(&f->path);
	file_free(f);
}

/*
 * Files hold files: a socket those in the messages that nobody will read. However long the chain,
 * one that dies while another is being destroyed waits for its turn: the stack is bounded.
 */
static void file_destroy(struct file *f)
{
	struct rcu_head *waiting = NULL;

	if (current->dead_files) {
		f->rcu.next = *current->dead_files;
		*current->dead_files = &f->rcu;
		return;
	}
	current->dead_files = &waiting;
	for (;;) {
		destroy_one(f);
		if (!waiting)
			break;
		f = container_of(waiting, struct file, rcu);
		waiting = waiting->next;
	}
	current->dead_files = NULL;
}

static struct rcu_head *deferred;	/* atomic: a stack of dead files, linked by rcu.next */
static struct work deferred_work;

static void run_deferred(struct work *w)
{
	struct rcu_head *h = __atomic_exchange_n(&deferred, NULL, __ATOMIC_ACQ_REL);

	while (h) {
		struct rcu_head *next = h->next;

		file_destroy(container_of(h, struct file, rcu));
		h = next;
	}
}

static void defer(struct file *f)
{
	struct rcu_head *head = __atomic_load_n(&deferred, __ATOMIC_RELAXED);

	do {
		f->rcu.next = head;
	} while (!__atomic_compare_exchange_n(&deferred, &head, &f->rcu, true,
					      __ATOMIC_RELEASE, __ATOMIC_RELAXED));
	work_queue(&deferred_work);
}

struct file *file_get(struct file *f)
{
	refcount_inc(&f->refs);
	return f;
}

void file_put(struct file *f)
{
	if (!refcount_dec(&f->refs))
		return;
	if (unlikely(in_atomic()))
		defer(f);
	else
		file_destroy(f);
}

int files_init(void)
{
	file_cache = kmem_cache_create("file", sizeof(struct file), 64, NULL);
	if (!file_cache)
		return -ENOMEM;
	work_init(&deferred_work, run_deferred);
	return 0;
}
