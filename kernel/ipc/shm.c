/* SPDX-License-Identifier: MIT */
/*
 * System V shared memory: segments, and shmget.
 *
 * A segment is a file of the tmpfs that memfd_create() uses too (fs/tmpfs/shmem.c); an
 * attachment is a mapping of it. What is added here is a name for it, a number, that outlives
 * its users: it goes by IPC_RMID alone, and if it is attached then, with its last attachment.
 * So page faults, futexes and reclaim know nothing of segments.
 *
 * An id is a sequence number and an index into a table. The index goes up in a circle, wide
 * enough that a third of it is free, and the sequence number each time the index does not: so an
 * id comes back late. The ids are Linux's, number by number.
 *
 * A key is looked for in all segments, which are few.
 *
 * States, and who changes them:
 *   unattached   attached is 0. shmat: attached. IPC_RMID: gone.
 *   attached     Last detach, by shmdt, munmap, exec or exit: unattached. IPC_RMID: dying.
 *   dying        SHM_DEST, and without a key; its id still stands for it, for shmat too. Last
 *                detach: gone.
 *
 * Invariants, under ns->shm_lock:
 *  (1) A segment is in the table until it is gone: it is never attached and in no table.
 *  (2) attached counts the VMAs, whoever has them, and the shmat calls under way.
 *  (3) Whoever takes it out of the table frees it, once the lock is dropped.
 *
 * There is one namespace. Everything that would be another's is in struct ipc_namespace.
 *
 * Not here: attachments (shm_attach.c), shmctl and /proc/sysvipc (shm_control.c).
 *
 * Limit: /proc/sys/kernel/shm_rmid_forced and shm_next_id are not there. SHM_HUGETLB: -EINVAL.
 */
#include <kernel/ipc/shm.h>
#include <fs/file.h>
#include <kernel/lib/string.h>
#include <kernel/mm/mm.h>
#include <kernel/mm/vm_file.h>
#include <kernel/printk.h>
#include <kernel/task/cred.h>
#include <kernel/task/pid.h>
#include <kernel/time/hrtimer.h>
#include <kernel/uapi/syscall.h>

#define IPC_PRIVATE	0
#define IPC_CREAT	01000
#define IPC_EXCL	02000
#define SHM_HUGETLB	04000
#define SHM_NORESERVE	010000

#define IPC_CYCLE_MIN	64u		/* indices, before the first comes again */
#define IPC_SEQUENCES	(INT_MAX >> IPC_INDEX_BITS)

s64 shm_now(void)
{
	return ktime_real() / NS_PER_SEC;
}

struct shm_segment *shm_find(const struct ipc_namespace *ns, int id)
{
	struct shm_segment *seg;

	assert_mutex_held(&ns->shm_lock);
	seg = xa_load(&ns->shm_segments, shm_index(id));
	return seg && seg->id == id ? seg : NULL;
}

static struct shm_segment *find_key(const struct ipc_namespace *ns, int key)
{
	struct shm_segment *seg;
	u64 index;

	xa_for_each(&ns->shm_segments, index, seg)
		if (seg->key == key)
			return seg;
	return NULL;
}

bool shm_is_owner(const struct shm_segment *seg)
{
	uid_t euid = current_cred()->euid;

	return euid == seg->uid || euid == seg->cuid;
}

int shm_permission(const struct shm_segment *seg, int access)
{
	u32 wanted = (access >> 6) | (access >> 3) | access, granted = seg->mode;

	if (shm_is_owner(seg))
		granted >>= 6;
	else if (in_group(seg->cgid) || in_group(seg->gid))
		granted >>= 3;
	return (wanted & ~granted & 7) && !capable(CAP_IPC_OWNER) ? -EACCES : 0;
}

/* --- a segment's life --- */

/* An index that is free. Fewer segments than IPC_MAX. */
static u32 free_index(const struct ipc_namespace *ns)
{
	u32 circle = min(max(ns->nr_shm * 3 / 2, IPC_CYCLE_MIN), IPC_MAX);
	u32 index = ns->shm_next < circle ? ns->shm_next : 0;

	while (xa_load(&ns->shm_segments, index))
		index = index + 1 < circle ? index + 1 : 0;
	return index;
}

/* Into the table, which gives it its id. 0, -ENOMEM. */
static int link(struct ipc_namespace *ns, struct shm_segment *seg)
{
	u32 index = free_index(ns);
	int err = xa_store(&ns->shm_segments, index, seg, NULL, GFP_KERNEL);

	if (err)
		return err;
	if (index <= ns->shm_last)
		ns->shm_sequence = (ns->shm_sequence + 1) % IPC_SEQUENCES;
	ns->shm_last = index;
	ns->shm_next = index + 1;
	ns->nr_shm++;
	ns->shm_pages += shm_pages(seg);
	seg->id = (int)(ns->shm_sequence << IPC_INDEX_BITS | index);
	return 0;
}

void shm_unlink(struct shm_segment *seg)
{
	struct ipc_namespace *ns = seg->ns;

	assert_mutex_held(&ns->shm_lock);
	xa_erase(&ns->shm_segments, shm_index(seg->id));
	ns->nr_shm--;
	ns->shm_pages -= shm_pages(seg);
}

void shm_free(struct shm_segment *seg)
{
	path_put(&seg->path);
	kfree(seg);
}

/* Its memory: a file of which only the path is kept. 0 or -errno. */
static int create_file(struct shm_segment *seg, bool reserve)
{
	char name[sizeof("SYSV01234567")];
	struct file *f;
	int err;

	snprintf(name, sizeof(name), "SYSV%08x", seg->key);
	f = shmem_file_create(name, seg->size, reserve ? 0 : VM_NORESERVE, &err);
	if (!f)
		return err;
	seg->path = f->path;
	path_get(&seg->path);
	file_put(f);
	return 0;
}

static int check_limits(const struct ipc_namespace *ns, size_t size)
{
	u64 pages = DIV_ROUND_UP(size, PAGE_SIZE), all = READ_ONCE(ns->shm_max_pages);

	if (!size || size > READ_ONCE(ns->shm_max_bytes))
		return -EINVAL;
	if (size + PAGE_SIZE - 1 < size || ns->shm_pages > all || pages > all - ns->shm_pages)
		return -ENOSPC;
	if (size > S64_MAX)
		return -EINVAL;
	return ns->nr_shm < (u32)READ_ONCE(ns->shm_max_segments) ? 0 : -ENOSPC;
}

/* A new segment's id, or -errno. ns->shm_lock held. */
static int create(struct ipc_namespace *ns, int key, size_t size, int flags)
{
	bool reserve = !(flags & SHM_NORESERVE) || READ_ONCE(vm_overcommit_mode) == OVERCOMMIT_NEVER;
	const struct cred *c = current_cred();
	struct shm_segment *seg;
	int err = check_limits(ns, size);

	if (err)
		return err;
	if (flags & SHM_HUGETLB)
		return -EINVAL;
	seg = kmalloc(sizeof(*seg), GFP_KERNEL);
	if (!seg)
		return -ENOMEM;
	*seg = (struct shm_segment){
		.ns = ns, .key = key, .size = size, .mode = flags & S_IRWXUGO,
		.uid = c->euid, .cuid = c->euid, .gid = c->egid, .cgid = c->egid,
		.cpid = process_tgid(current_process()), .ctime = shm_now(),
	};
	err = create_file(seg, reserve);
	if (err)
		goto free;
	err = link(ns, seg);
	if (err)
		goto put_path;
	seg->path.dentry->inode->ino = seg->id;		/* as /proc/PID/maps shows it */
	return seg->id;

put_path:
	path_put(&seg->path);
free:
	kfree(seg);
	return err;
}

/* The id of a segment that was there, if it fits and the caller may. */
static int open_existing(const struct shm_segment *seg, size_t size, int flags)
{
	int err;

	if ((flags & (IPC_CREAT | IPC_EXCL)) == (IPC_CREAT | IPC_EXCL))
		return -EEXIST;
	if (size > seg->size)
		return -EINVAL;
	err = shm_permission(seg, flags);
	return err ? err : seg->id;
}

long sys_shmget(int key, size_t size, int flags)
{
	struct ipc_namespace *ns = current->nsproxy->ipc;
	struct shm_segment *seg;
	long ret;

	mutex_lock(&ns->shm_lock);
	seg = key == IPC_PRIVATE ? NULL : find_key(ns, key);
	if (seg)
		ret = open_existing(seg, size, flags);
	else if (key == IPC_PRIVATE || (flags & IPC_CREAT))
		ret = create(ns, key, size, flags);
	else
		ret = -ENOENT;
	mutex_unlock(&ns->shm_lock);
	return ret;
}
