/* SPDX-License-Identifier: MIT */
/*
 * System V shared memory: shmctl, and /proc/sysvipc/shm.
 *
 * Answers are made under the lock and copied to the user without it.
 *
 * SHM_LOCK has nothing to do but to count: tmpfs stays in memory, there is no swap.
 */
#include <kernel/ipc/shm.h>
#include <arch/uaccess.h>
#include <fs/proc/proc.h>
#include <kernel/lib/string.h>
#include <kernel/mm/pagecache.h>
#include <kernel/task/cred.h>
#include <kernel/uapi/resource.h>
#include <kernel/uapi/syscall.h>

enum {
	IPC_RMID,
	IPC_SET,
	IPC_STAT,
	IPC_INFO,
	SHM_LOCK = 11,
	SHM_UNLOCK,
	SHM_STAT,
	SHM_INFO,
	SHM_STAT_ANY,
};

/* --- the ABI's structs: asm-generic/ipcbuf.h, shmbuf.h, linux/shm.h --- */

struct ipc64_perm {
	int key;
	u32 uid, gid, cuid, cgid, mode;
	u16 seq, pad[3];
	u64 unused[2];
};

struct shmid64_ds {
	struct ipc64_perm perm;
	u64 segsz;
	s64 atime, dtime, ctime;
	s32 cpid, lpid;
	u64 nattch, unused[2];
};

struct shminfo64 {
	u64 shmmax, shmmin, shmmni, shmseg, shmall, unused[4];
};

struct shm_info {
	s32 used_ids;
	u64 total_pages, resident_pages, swapped_pages, swap_attempts, swap_successes;
};

_Static_assert(sizeof(struct shmid64_ds) == 112 && sizeof(struct shminfo64) == 72 &&
	       sizeof(struct shm_info) == 48, "the ABI's sizes");

/* --- of all segments --- */

static u64 resident_pages(const struct shm_segment *seg)
{
	return READ_ONCE(seg->path.dentry->inode->mapping->nr_pages);
}

/* The highest index that is used, 0 where there is none; counts pages that are there. */
static int survey(const struct ipc_namespace *ns, u64 *resident)
{
	struct shm_segment *seg;
	u64 index;
	int last = 0;

	*resident = 0;
	xa_for_each(&ns->shm_segments, index, seg) {
		*resident += resident_pages(seg);
		last = shm_index(seg->id);
	}
	return last;
}

static long tell_limits(struct ipc_namespace *ns, uaddr_t to)
{
	struct shminfo64 info = {
		.shmmax = READ_ONCE(ns->shm_max_bytes), .shmmin = 1,
		.shmmni = READ_ONCE(ns->shm_max_segments), .shmseg = READ_ONCE(ns->shm_max_segments),
		.shmall = READ_ONCE(ns->shm_max_pages),
	};
	u64 resident;
	int last;

	mutex_lock(&ns->shm_lock);
	last = survey(ns, &resident);
	mutex_unlock(&ns->shm_lock);
	return copy_to_user(to, &info, sizeof(info)) ? -EFAULT : last;
}

static long tell_usage(struct ipc_namespace *ns, uaddr_t to)
{
	struct shm_info info;
	int last;

	memset(&info, 0, sizeof(info));
	mutex_lock(&ns->shm_lock);
	last = survey(ns, &info.resident_pages);
	info.used_ids = ns->nr_shm;
	info.total_pages = ns->shm_pages;
	mutex_unlock(&ns->shm_lock);
	return copy_to_user(to, &info, sizeof(info)) ? -EFAULT : last;
}

/* --- of one --- */

static void describe(const struct shm_segment *seg, struct shmid64_ds *ds)
{
	*ds = (struct shmid64_ds){
		.perm = {
			.key = seg->key, .uid = seg->uid, .gid = seg->gid, .cuid = seg->cuid,
			.cgid = seg->cgid, .mode = seg->mode, .seq = seg->id >> IPC_INDEX_BITS,
		},
		.segsz = seg->size, .atime = seg->atime, .dtime = seg->dtime, .ctime = seg->ctime,
		.cpid = seg->cpid, .lpid = seg->lpid, .nattch = seg->attached,
	};
}

/* For SHM_STAT and SHM_STAT_ANY, id is an index, and the answer the id. */
static long stat_locked(struct ipc_namespace *ns, int id, int cmd, struct shmid64_ds *ds)
{
	struct shm_segment *seg = cmd == IPC_STAT ? shm_find(ns, id) :
						    xa_load(&ns->shm_segments, shm_index(id));
	int err;

	if (!seg)
		return -EINVAL;
	err = cmd == SHM_STAT_ANY ? 0 : shm_permission(seg, MAY_READ);
	if (err)
		return err;
	describe(seg, ds);
	return cmd == IPC_STAT ? 0 : seg->id;
}

static long stat(struct ipc_namespace *ns, int id, int cmd, uaddr_t to)
{
	struct shmid64_ds ds;
	long ret;

	mutex_lock(&ns->shm_lock);
	ret = stat_locked(ns, id, cmd, &ds);
	mutex_unlock(&ns->shm_lock);
	return ret >= 0 && copy_to_user(to, &ds, sizeof(ds)) ? -EFAULT : ret;
}

/* What its owner, its creator and the administrator may do. 0 and *out, or -errno. */
static int find_owned(struct ipc_namespace *ns, int id, struct shm_segment **out)
{
	*out = shm_find(ns, id);
	if (!*out)
		return -EINVAL;
	return shm_is_owner(*out) || capable(CAP_SYS_ADMIN) ? 0 : -EPERM;
}

static long set(struct ipc_namespace *ns, int id, uaddr_t from)
{
	struct shm_segment *seg;
	struct shmid64_ds ds;
	int err;

	if (copy_from_user(&ds, from, sizeof(ds)))
		return -EFAULT;
	mutex_lock(&ns->shm_lock);
	err = find_owned(ns, id, &seg);
	if (!err && (ds.perm.uid == (uid_t)-1 || ds.perm.gid == (gid_t)-1))
		err = -EINVAL;
	if (!err) {
		seg->uid = ds.perm.uid;
		seg->gid = ds.perm.gid;
		seg->mode = (seg->mode & ~S_IRWXUGO) | (ds.perm.mode & S_IRWXUGO);
		seg->ctime = shm_now();
	}
	mutex_unlock(&ns->shm_lock);
	return err;
}

static long remove(struct ipc_namespace *ns, int id)
{
	struct shm_segment *seg, *gone = NULL;
	int err;

	mutex_lock(&ns->shm_lock);
	err = find_owned(ns, id, &seg);
	if (!err && seg->attached) {
		seg->mode |= SHM_DEST;
		seg->key = 0;
	} else if (!err) {
		shm_unlink(seg);
		gone = seg;
	}
	mutex_unlock(&ns->shm_lock);
	if (gone)
		shm_free(gone);
	return err;
}

/* --- SHM_LOCK --- */

/* Are seg and what the caller has locked already no more than may be? */
static bool fits_limit(const struct ipc_namespace *ns, const struct shm_segment *seg)
{
	u64 limit = rlimit_current(RLIMIT_MEMLOCK), pages = shm_pages(seg), index;
	uid_t uid = current_cred()->uid;
	const struct shm_segment *other;

	xa_for_each(&ns->shm_segments, index, other)
		if ((other->mode & SHM_LOCKED) && other->locker == uid)
			pages += shm_pages(other);
	return limit == RLIM_INFINITY || pages <= limit >> PAGE_SHIFT;
}

static int lock_locked(const struct ipc_namespace *ns, int id, bool lock)
{
	struct shm_segment *seg = shm_find(ns, id);
	bool may_all = capable(CAP_IPC_LOCK);

	if (!seg)
		return -EINVAL;
	if (!may_all && (!shm_is_owner(seg) || (lock && !rlimit_current(RLIMIT_MEMLOCK))))
		return -EPERM;
	if (!lock) {
		seg->mode &= ~SHM_LOCKED;
		return 0;
	}
	if (seg->mode & SHM_LOCKED)
		return 0;
	if (!may_all && !fits_limit(ns, seg))
		return -ENOMEM;
	seg->mode |= SHM_LOCKED;
	seg->locker = current_cred()->uid;
	return 0;
}

static long lock(struct ipc_namespace *ns, int id, bool lock)
{
	int err;

	mutex_lock(&ns->shm_lock);
	err = lock_locked(ns, id, lock);
	mutex_unlock(&ns->shm_lock);
	return err;
}

long sys_shmctl(int id, int cmd, uaddr_t ubuf)
{
	struct ipc_namespace *ns = current->nsproxy->ipc;

	if (id < 0)
		return -EINVAL;
	switch (cmd) {
	case IPC_INFO:
		return tell_limits(ns, ubuf);
	case SHM_INFO:
		return tell_usage(ns, ubuf);
	case IPC_STAT:
	case SHM_STAT:
	case SHM_STAT_ANY:
		return stat(ns, id, cmd, ubuf);
	case IPC_SET:
		return set(ns, id, ubuf);
	case IPC_RMID:
		return remove(ns, id);
	case SHM_LOCK:
	case SHM_UNLOCK:
		return lock(ns, id, cmd == SHM_LOCK);
	default:
		return -EINVAL;
	}
}

/* --- /proc/sysvipc/shm --- */

static void put_segment(struct seq *s, const struct shm_segment *seg)
{
	seq_printf(s, "%10d %10d  %4o %21lu %5u %5u  ", seg->key, seg->id, seg->mode, seg->size,
		   seg->cpid, seg->lpid);
	seq_printf(s, "%5lu %5u %5u %5u %5u ", seg->attached, seg->uid, seg->gid, seg->cuid,
		   seg->cgid);
	seq_printf(s, "%10ld %10ld %10ld %21lu %21lu\n", seg->atime, seg->dtime, seg->ctime,
		   resident_pages(seg) << PAGE_SHIFT, 0ul);
}

/* c->pos: 0 before the heading, then 1 + the index from which to go on. */
static int shm_fill(struct seq *s, struct pseudo *p, struct pseudo_cursor *c)
{
	struct ipc_namespace *ns = current->nsproxy->ipc;
	struct shm_segment *seg;
	u64 index;

	if (!c->pos) {
		seq_puts(s, "       key      shmid perms                  size  cpid  lpid nattch   uid   gid"
			    "  cuid  cgid      atime      dtime      ctime                   rss"
			    "                  swap\n");
		c->pos = 1;
	}
	index = c->pos - 1;
	mutex_lock(&ns->shm_lock);
	while ((seg = xa_find(&ns->shm_segments, &index, U64_MAX))) {
		size_t before = s->len;

		put_segment(s, seg);
		if (!seq_record_fits(s, before))
			break;
		c->pos = 1 + ++index;
	}
	if (!seg)
		c->pos = PSEUDO_END;
	mutex_unlock(&ns->shm_lock);
	return 0;
}

void __init shm_proc_init(void)
{
	static const struct pseudo_entry entries[] = {
		{ .name = "shm", .mode = S_IFREG | 0444, .fill = shm_fill },
		{ 0 },
	};
	static struct proc_node sysvipc = { .entry = PSEUDO_DIR("sysvipc", entries) };

	proc_create(&sysvipc);
}
