/* SPDX-License-Identifier: MIT */
/*
 * Who a process is: numbers, groups and sessions, user and group ids,
 * supplementary groups, capabilities.
 *
 * Each set*id call prepares a copy of the credentials, decides, and commits. A
 * process with CAP_SETUID (CAP_SETGID) may take any id; others may only move
 * among their real, effective and saved ones. The file-system ids follow the
 * effective ones. When the last of the three uids stops being 0, the
 * capabilities go; when the effective uid changes from or to 0, the effective
 * set goes or comes back (Linux capabilities(7), "effect of user ID changes").
 */
#include <arch/uaccess.h>
#include <drivers/tty/job_control.h>
#include <drivers/tty/tty.h>
#include <kernel/lib/string.h>
#include <kernel/mm/alloc.h>
#include <kernel/proc/proc.h>
#include <kernel/uapi/syscall.h>

#define NGROUPS_MAX	65536
#define NO_ID		((u32)-1)

long sys_getpid(void)
{
	return process_tgid(current_process());
}

long sys_gettid(void)
{
	return thread_tid(current);
}

long sys_getppid(void)
{
	pid_t nr;

	rcu_read_lock();
	nr = process_tgid(rcu_dereference(current_process()->parent));
	rcu_read_unlock();
	return nr;
}

/* --- groups and sessions --- */

/* The process called nr; 0: the caller. tasklist_lock or RCU held. */
static struct process *find_process(pid_t nr)
{
	return nr ? process_find(nr) : current_process();
}

static long number_of(pid_t nr, int type)
{
	struct process *p;
	long result = -ESRCH;

	rcu_read_lock();
	p = find_process(nr);
	if (p)
		result = pid_vnr(rcu_dereference(p->pids[type]));
	rcu_read_unlock();
	return result;
}

long sys_getpgid(pid_t nr)
{
	return number_of(nr, PIDTYPE_PGID);
}

long sys_getsid(pid_t nr)
{
	return number_of(nr, PIDTYPE_SID);
}

/* May the caller move p to group pgid? tasklist_lock held. 0 or -errno; *group is its identity. */
static int check_setpgid_locked(struct process *p, pid_t pgid, struct pid **group)
{
	struct process *me = current_process(), *member;

	if (!p)
		return -ESRCH;
	if (p->parent == me && p != me) {
		if (p->pids[PIDTYPE_SID] != me->pids[PIDTYPE_SID])
			return -EPERM;
		if (p->did_exec)
			return -EACCES;
	} else if (p != me) {
		return -ESRCH;
	}
	if (p->pids[PIDTYPE_SID] == p->pids[PIDTYPE_TGID])
		return -EPERM;
	*group = pid_find(pgid, current_pid_ns());
	if (*group == p->pids[PIDTYPE_TGID])
		return 0;
	if (!*group)
		return -EPERM;
	process_for_each_in(*group, PIDTYPE_PGID, member)
		if (member->pids[PIDTYPE_SID] == me->pids[PIDTYPE_SID])
			return 0;
	return -EPERM;
}

static void move_locked(struct process *p, int type, struct pid *to)
{
	struct pid *old = p->pids[type];

	if (old == to)
		return;
	pid_get(to);
	pid_detach_locked(p, type);
	pid_attach_locked(p, type, to);
	pid_put(to);
	pid_put(old);
}

long sys_setpgid(pid_t nr, pid_t pgid)
{
	struct process *p;
	struct pid *group;
	int err;

	if (pgid < 0 || (!pgid && nr < 0))
		return -EINVAL;
	spin_lock(&tasklist_lock);
	p = find_process(nr);
	if (p && !pgid)
		pgid = process_tgid(p);
	err = check_setpgid_locked(p, pgid, &group);
	if (!err)
		move_locked(p, PIDTYPE_PGID, group);
	spin_unlock(&tasklist_lock);
	return err;
}

long sys_setsid(void)
{
	struct process *p = current_process();
	struct pid *me = p->pids[PIDTYPE_TGID];
	struct tty *tty = NULL;
	int err = -EPERM;

	spin_lock(&tasklist_lock);
	/* Neither a leader of a group nor a number that a group still bears. */
	if (!me->members[PIDTYPE_PGID].first && !me->members[PIDTYPE_SID].first) {
		move_locked(p, PIDTYPE_SID, me);
		move_locked(p, PIDTYPE_PGID, me);
		tty = tty_detach_locked(p);
		err = 0;
	}
	spin_unlock(&tasklist_lock);
	if (tty)
		tty_put(tty);
	return err ? err : pid_vnr(me);
}

/* --- user and group ids --- */

long sys_getuid(void)
{
	return current_cred()->uid;
}

long sys_geteuid(void)
{
	return current_cred()->euid;
}

long sys_getgid(void)
{
	return current_cred()->gid;
}

long sys_getegid(void)
{
	return current_cred()->egid;
}

static bool is_one_of_uids(const struct cred *c, uid_t id)
{
	return id == c->uid || id == c->euid || id == c->suid;
}

static bool is_one_of_gids(const struct cred *c, gid_t id)
{
	return id == c->gid || id == c->egid || id == c->sgid;
}

static void fix_capabilities(struct cred *c, const struct cred *old)
{
	bool had_root = !old->uid || !old->euid || !old->suid;

	if (c->securebits & SECBIT_NO_SETUID_FIXUP)
		return;
	if (had_root && c->uid && c->euid && c->suid) {
		if (!(c->securebits & SECBIT_KEEP_CAPS))
			c->cap_permitted = 0;
		c->cap_ambient = 0;	/* KEEP_CAPS is older, and says nothing of exec */
	}
	if (!old->euid && c->euid)
		c->cap_effective = 0;
	else if (old->euid && !c->euid)
		c->cap_effective = c->cap_permitted;
	c->cap_effective &= c->cap_permitted;
}

/* c->uid may have changed: find its account, then publish. Takes c over. */
static long commit_uids(struct cred *c)
{
	struct account *a;

	c->fsuid = c->euid;
	if (c->uid != c->account->uid) {
		a = account_lookup(c->uid);
		if (!a) {
			cred_put(c);
			return -EAGAIN;
		}
		account_put(c->account);
		c->account = a;
	}
	fix_capabilities(c, current_cred());
	cred_commit(c);
	return 0;
}

static long commit_gids(struct cred *c)
{
	c->fsgid = c->egid;
	cred_commit(c);
	return 0;
}

static long refuse(struct cred *c)
{
	cred_put(c);
	return -EPERM;
}

long sys_setuid(uid_t uid)
{
	struct cred *c;

	if (uid == NO_ID)
		return -EINVAL;
	c = cred_prepare();
	if (!c)
		return -ENOMEM;
	if (capable(CAP_SETUID))
		c->uid = c->suid = uid;
	else if (uid != c->uid && uid != c->suid)
		return refuse(c);
	c->euid = uid;
	return commit_uids(c);
}

long sys_setgid(gid_t gid)
{
	struct cred *c;

	if (gid == NO_ID)
		return -EINVAL;
	c = cred_prepare();
	if (!c)
		return -ENOMEM;
	if (capable(CAP_SETGID))
		c->gid = c->sgid = gid;
	else if (gid != c->gid && gid != c->sgid)
		return refuse(c);
	c->egid = gid;
	return commit_gids(c);
}

long sys_setreuid(uid_t ruid, uid_t euid)
{
	const struct cred *old = current_cred();
	struct cred *c = cred_prepare();
	bool any = capable(CAP_SETUID);

	if (!c)
		return -ENOMEM;
	if (ruid != NO_ID) {
		if (!any && ruid != old->uid && ruid != old->euid)
			return refuse(c);
		c->uid = ruid;
	}
	if (euid != NO_ID) {
		if (!any && !is_one_of_uids(old, euid))
			return refuse(c);
		c->euid = euid;
	}
	if (ruid != NO_ID || (euid != NO_ID && euid != old->uid))
		c->suid = c->euid;
	return commit_uids(c);
}

long sys_setregid(gid_t rgid, gid_t egid)
{
	const struct cred *old = current_cred();
	struct cred *c = cred_prepare();
	bool any = capable(CAP_SETGID);

	if (!c)
		return -ENOMEM;
	if (rgid != NO_ID) {
		if (!any && rgid != old->gid && rgid != old->egid)
			return refuse(c);
		c->gid = rgid;
	}
	if (egid != NO_ID) {
		if (!any && !is_one_of_gids(old, egid))
			return refuse(c);
		c->egid = egid;
	}
	if (rgid != NO_ID || (egid != NO_ID && egid != old->gid))
		c->sgid = c->egid;
	return commit_gids(c);
}

long sys_setresuid(uid_t ruid, uid_t euid, uid_t suid)
{
	struct cred *c = cred_prepare();
	const struct cred *old = current_cred();

	if (!c)
		return -ENOMEM;
	if (!capable(CAP_SETUID) && ((ruid != NO_ID && !is_one_of_uids(old, ruid)) ||
				     (euid != NO_ID && !is_one_of_uids(old, euid)) ||
				     (suid != NO_ID && !is_one_of_uids(old, suid))))
		return refuse(c);
	if (ruid != NO_ID)
		c->uid = ruid;
	if (euid != NO_ID)
		c->euid = euid;
	if (suid != NO_ID)
		c->suid = suid;
	return commit_uids(c);
}

long sys_setresgid(gid_t rgid, gid_t egid, gid_t sgid)
{
	struct cred *c = cred_prepare();
	const struct cred *old = current_cred();

	if (!c)
		return -ENOMEM;
	if (!capable(CAP_SETGID) && ((rgid != NO_ID && !is_one_of_gids(old, rgid)) ||
				     (egid != NO_ID && !is_one_of_gids(old, egid)) ||
				     (sgid != NO_ID && !is_one_of_gids(old, sgid))))
		return refuse(c);
	if (rgid != NO_ID)
		c->gid = rgid;
	if (egid != NO_ID)
		c->egid = egid;
	if (sgid != NO_ID)
		c->sgid = sgid;
	return commit_gids(c);
}

static long put_three(uaddr_t a, u32 va, uaddr_t b, u32 vb, uaddr_t c, u32 vc)
{
	return put_user(va, a) || put_user(vb, b) || put_user(vc, c) ? -EFAULT : 0;
}

long sys_getresuid(uaddr_t ruid, uaddr_t euid, uaddr_t suid)
{
	const struct cred *c = current_cred();

	return put_three(ruid, c->uid, euid, c->euid, suid, c->suid);
}

long sys_getresgid(uaddr_t rgid, uaddr_t egid, uaddr_t sgid)
{
	const struct cred *c = current_cred();

	return put_three(rgid, c->gid, egid, c->egid, sgid, c->sgid);
}

/* What a file server that takes the ids of its client must not keep. */
#define CAP_FS_SET	(BIT(CAP_CHOWN) | BIT(CAP_MKNOD) | BIT(CAP_DAC_OVERRIDE) | BIT(CAP_DAC_READ_SEARCH) | \
			 BIT(CAP_FOWNER) | BIT(CAP_FSETID) | BIT(CAP_LINUX_IMMUTABLE) | BIT(CAP_MAC_OVERRIDE))

static void fix_fs_capabilities(struct cred *c, uid_t old)
{
	if (c->securebits & SECBIT_NO_SETUID_FIXUP)
		return;
	if (!old && c->fsuid)
		c->cap_effective &= ~CAP_FS_SET;
	else if (old && !c->fsuid)
		c->cap_effective |= c->cap_permitted & CAP_FS_SET;
}

/* Both return the old id, whether or not they changed it. */
long sys_setfsuid(uid_t uid)
{
	const struct cred *old = current_cred();
	uid_t before = old->fsuid;
	struct cred *c;

	if (uid == NO_ID || uid == before)
		return before;
	if (!capable(CAP_SETUID) && !is_one_of_uids(old, uid))
		return before;
	c = cred_prepare();
	if (c) {
		c->fsuid = uid;
		fix_fs_capabilities(c, before);
		cred_commit(c);
	}
	return before;
}

long sys_setfsgid(gid_t gid)
{
	const struct cred *old = current_cred();
	gid_t before = old->fsgid;
	struct cred *c;

	if (gid == NO_ID || gid == before)
		return before;
	if (!capable(CAP_SETGID) && !is_one_of_gids(old, gid))
		return before;
	c = cred_prepare();
	if (c) {
		c->fsgid = gid;
		cred_commit(c);
	}
	return before;
}

/* --- supplementary groups --- */

long sys_getgroups(int size, uaddr_t list)
{
	const struct group_info *g = current_cred()->groups;

	if (size < 0)
		return -EINVAL;
	if (size) {
		if ((u32)size < g->ngroups)
			return -EINVAL;
		if (copy_to_user(list, g->gid, g->ngroups * sizeof(gid_t)))
			return -EFAULT;
	}
	return g->ngroups;
}

/* Shell sort with halving gaps: n is small and the call rare. */
static void sort_gids(gid_t *gid, u32 n)
{
	for (u32 gap = n / 2; gap; gap /= 2)
		for (u32 i = gap; i < n; i++)
			for (u32 j = i; j >= gap && gid[j - gap] > gid[j]; j -= gap)
				swap(gid[j - gap], gid[j]);
}

long sys_setgroups(int size, uaddr_t list)
{
	struct group_info *g;
	struct cred *c;

	if (!capable(CAP_SETGID))
		return -EPERM;
	if (size < 0 || size > NGROUPS_MAX)
		return -EINVAL;
	g = groups_alloc(size);
	if (!g)
		return -ENOMEM;
	if (copy_from_user(g->gid, list, size * sizeof(gid_t))) {
		groups_put(g);
		return -EFAULT;
	}
	sort_gids(g->gid, size);
	c = cred_prepare();
	if (!c) {
		groups_put(g);
		return -ENOMEM;
	}
	groups_put(c->groups);
	c->groups = g;
	cred_commit(c);
	return 0;
}

/* --- capabilities --- */

#define CAP_VERSION_1	0x19980330u
#define CAP_VERSION_2	0x20071026u
#define CAP_VERSION_3	0x20080522u

struct cap_header {
	u32 version;
	pid_t pid;
};
struct cap_data {
	u32 effective, permitted, inheritable;
};

/* Number of 32-bit halves in version's data; an unknown one is answered with ours in the header. */
static int get_cap_header(struct cap_header *h, uaddr_t uheader, u32 *halves)
{
	if (copy_from_user(h, uheader, sizeof(*h)))
		return -EFAULT;
	switch (h->version) {
	case CAP_VERSION_1:
		*halves = 1;
		return 0;
	case CAP_VERSION_2:
	case CAP_VERSION_3:
		*halves = 2;
		return 0;
	}
	h->version = CAP_VERSION_3;
	return put_user(h->version, uheader) ? -EFAULT : -EINVAL;
}

long sys_capget(uaddr_t uheader, uaddr_t udata)
{
	struct cap_data data[2];
	const struct cred *c;
	struct cap_header h;
	struct thread *t;
	u32 halves;
	int err = get_cap_header(&h, uheader, &halves);

	if (err)
		return err == -EINVAL && !udata ? 0 : err;
	if (h.pid < 0)
		return -EINVAL;
	rcu_read_lock();
	t = h.pid ? thread_find(h.pid) : current;
	if (t) {
		c = rcu_dereference(t->cred);
		for (u32 i = 0; i < 2; i++)
			data[i] = (struct cap_data){c->cap_effective >> 32 * i,
						    c->cap_permitted >> 32 * i,
						    c->cap_inheritable >> 32 * i};
	}
	rcu_read_unlock();
	if (!t)
		return -ESRCH;
	return copy_to_user(udata, data, halves * sizeof(data[0]));
}

long sys_capset(uaddr_t uheader, uaddr_t udata)
{
	struct cap_data data[2] = { { 0 } };
	u64 effective, permitted, inheritable;
	const struct cred *old = current_cred();
	struct cap_header h;
	struct cred *c;
	u32 halves;
	int err = get_cap_header(&h, uheader, &halves);

	if (err)
		return err;
	if (h.pid && h.pid != thread_tid(current))
		return -EPERM;
	if (copy_from_user(data, udata, halves * sizeof(data[0])))
		return -EFAULT;
	effective = (data[0].effective | (u64)data[1].effective << 32) & CAP_FULL_SET;
	permitted = (data[0].permitted | (u64)data[1].permitted << 32) & CAP_FULL_SET;
	inheritable = (data[0].inheritable | (u64)data[1].inheritable << 32) & CAP_FULL_SET;
	if ((permitted & ~old->cap_permitted) || (effective & ~permitted))
		return -EPERM;
	if (inheritable &
	    ~(old->cap_inheritable | (capable(CAP_SETPCAP) ? old->cap_bset : old->cap_permitted)))
		return -EPERM;
	c = cred_prepare();
	if (!c)
		return -ENOMEM;
	c->cap_effective = effective;
	c->cap_permitted = permitted;
	c->cap_inheritable = inheritable;
	c->cap_ambient &= permitted & inheritable;
	cred_commit(c);
	return 0;
}
