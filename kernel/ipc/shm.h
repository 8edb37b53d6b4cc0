/* SPDX-License-Identifier: MIT */
/* System V shared memory: what kernel/ipc/shm*.c have of each other, and their init. */
#pragma once
#include <fs/vfs.h>
#include <kernel/task/nsproxy.h>

#define SHM_DEST	01000u		/* mode: removed, goes with its last attachment */
#define SHM_LOCKED	02000u		/* mode: SHM_LOCK */

struct shm_segment {
	/* Constant. */
	struct ipc_namespace *ns;
	struct path path;		/* counted; a tmpfs file without a name */
	int id;
	size_t size;			/* bytes, as asked for */
	uid_t cuid;			/* the creator's */
	gid_t cgid;
	pid_t cpid;

	/* Guarded by ns->shm_lock. */
	int key;			/* 0: IPC_PRIVATE, or removed */
	uid_t uid;
	gid_t gid;
	u32 mode;			/* S_IRWXUGO, SHM_DEST, SHM_LOCKED */
	uid_t locker;			/* who set SHM_LOCKED */
	pid_t lpid;			/* who attached or detached last; 0: nobody */
	s64 atime, dtime, ctime;	/* s since 1970; 0: never */
	u64 attached;			/* VMAs, and calls that are about to map it */
};

static inline u64 shm_pages(const struct shm_segment *seg)
{
	return DIV_ROUND_UP(seg->size, PAGE_SIZE);
}
static inline u32 shm_index(int id)
{
	return (u32)id % IPC_MAX;
}

/* --- with ns->shm_lock held --- */

/* The segment of an id; NULL: there is none. */
struct shm_segment *shm_find(const struct ipc_namespace *ns, int id);
/* May the caller? access: MAY_* in any of the three digits of a mode. 0 or -EACCES. */
int __must_check shm_permission(const struct shm_segment *seg, int access);
/* Is it the caller's: by owner or creator? */
bool shm_is_owner(const struct shm_segment *seg);
/* Out of the table; then shm_free(). */
void shm_unlink(struct shm_segment *seg);

/* --- without --- */

void shm_free(struct shm_segment *seg);
s64 shm_now(void);			/* s since 1970 */

void shm_proc_init(void);		/* shm_control.c: /proc/sysvipc */
