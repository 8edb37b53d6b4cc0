/* SPDX-License-Identifier: MIT */
/* Credentials: constant once published; a change replaces the whole object (RCU). */
#pragma once
#include <kernel/types.h>
#include <kernel/lib/atomic.h>
#include <kernel/lib/list.h>
#include <kernel/lock/rcu.h>
#include <kernel/task/thread.h>

struct user_namespace;

/*
 * What is counted per uid, against limits. Found by uid_account(); lives while a cred refers to it.
 */
struct account {
	refcount_t refs;
	uid_t uid;
	atomic_t processes;		/* RLIMIT_NPROC counts threads */
	atomic_t sigpending;		/* queued siginfos */
	atomic_t in_flight;		/* files in messages of sockets, RLIMIT_NOFILE */
	struct hlist_node hash_node;	/* account table lock */
};
struct group_info {
	refcount_t refs;
	u32 ngroups;
	gid_t gid[];		/* sorted */
};

struct cred {
	refcount_t refs;
	uid_t uid, euid, suid, fsuid;
	gid_t gid, egid, sgid, fsgid;
	u64 cap_inheritable, cap_permitted, cap_effective, cap_bset, cap_ambient;
	u32 securebits;			/* SECBIT_* */
	struct group_info *groups;
	struct user_namespace *user_ns;
	struct account *account;	/* of uid */
	struct rcu_head rcu;
};

/* Each has its lock in the bit above. */
#define SECBIT_NOROOT		BIT(0)	/* exec gives uid 0 nothing */
#define SECBIT_NO_SETUID_FIXUP	BIT(2)	/* capabilities do not follow changes of uids */
/* giving up root's ids leaves the permitted set; exec clears it */
#define SECBIT_KEEP_CAPS	BIT(4)
#define SECBIT_NO_AMBIENT_RAISE	BIT(6)
#define SECBIT_ALL		0xffu
#define SECBIT_LOCKS		0xaau
#define SECBIT_LOCK_OF(bit)	((bit) << 1)

#define current_cred()	((const struct cred *)current->cred)
const struct cred *cred_get(const struct cred *c);
void cred_put(const struct cred *c);
/* A private copy to change; then cred_commit() publishes it (and may not fail), or cred_put(). */
struct cred *cred_prepare(void);
void cred_commit(struct cred *c);
bool in_group(gid_t gid);		/* fsgid or a supplementary group */
bool capable(int cap);			/* CAP_*, in the effective set */
extern struct cred init_cred;
struct account *account_lookup(uid_t uid);	/* with a reference; NULL: no memory */
void account_put(struct account *a);
struct group_info *groups_alloc(u32 n);
void groups_put(struct group_info *g);
/* exec: c takes the set-id bits' ids (uid or gid -1: unchanged) and capabilities follow. */
void cred_exec(struct cred *c, uid_t uid, gid_t gid);
/*
 * ptrace(2)'s rule: may the caller look into t, by its file-system ids (for reading a
 * file) or its real ones? 0 or -EPERM. Context: any.
 */
int thread_check_access(struct thread *t, bool fs_ids);
void cred_init(void);

enum { CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER, CAP_FSETID, CAP_KILL, CAP_SETGID, CAP_SETUID,
	CAP_SETPCAP, CAP_LINUX_IMMUTABLE, CAP_NET_BIND_SERVICE, CAP_NET_BROADCAST, CAP_NET_ADMIN, CAP_NET_RAW,
	CAP_IPC_LOCK, CAP_IPC_OWNER, CAP_SYS_MODULE, CAP_SYS_RAWIO, CAP_SYS_CHROOT, CAP_SYS_PTRACE, CAP_SYS_PACCT,
	CAP_SYS_ADMIN, CAP_SYS_BOOT, CAP_SYS_NICE, CAP_SYS_RESOURCE, CAP_SYS_TIME, CAP_SYS_TTY_CONFIG, CAP_MKNOD,
	CAP_LEASE, CAP_AUDIT_WRITE, CAP_AUDIT_CONTROL, CAP_SETFCAP, CAP_MAC_OVERRIDE, CAP_MAC_ADMIN, CAP_SYSLOG,
	CAP_WAKE_ALARM, CAP_BLOCK_SUSPEND, CAP_AUDIT_READ, CAP_PERFMON, CAP_BPF, CAP_CHECKPOINT_RESTORE, NR_CAPS };
#define CAP_FULL_SET	GENMASK(NR_CAPS - 1, 0)
