/* SPDX-License-Identifier: MIT */
/*
 * prctl: small settings of the calling thread or its process.
 *
 * Those of capabilities (capabilities(7)) prepare credentials, decide, and commit. An
 * option that is not here gives -EINVAL, as on a Linux built without it.
 */
#include <arch/uaccess.h>
#include <kernel/lib/string.h>
#include <kernel/proc/proc.h>
#include <kernel/sched/sched.h>
#include <kernel/uapi/syscall.h>

enum {
	PR_SET_PDEATHSIG = 1, PR_GET_PDEATHSIG = 2, PR_GET_DUMPABLE = 3, PR_SET_DUMPABLE = 4, PR_GET_KEEPCAPS = 7,
	PR_SET_KEEPCAPS = 8, PR_GET_TIMING = 13, PR_SET_TIMING = 14, PR_SET_NAME = 15, PR_GET_NAME = 16,
	PR_CAPBSET_READ = 23, PR_CAPBSET_DROP = 24, PR_GET_SECUREBITS = 27, PR_SET_SECUREBITS = 28,
	PR_SET_TIMERSLACK = 29, PR_GET_TIMERSLACK = 30, PR_SET_CHILD_SUBREAPER = 36, PR_GET_CHILD_SUBREAPER = 37,
	PR_SET_NO_NEW_PRIVS = 38, PR_GET_NO_NEW_PRIVS = 39, PR_GET_TID_ADDRESS = 40, PR_CAP_AMBIENT = 47,
};
enum { AMBIENT_IS_SET = 1, AMBIENT_RAISE, AMBIENT_LOWER, AMBIENT_CLEAR_ALL };
/* what a thread begins with. No timer is ever that late on purpose */
#define TIMER_SLACK_NS	50000

static long set_name(uaddr_t from)
{
	char name[TASK_COMM_LEN] = { 0 };
	ssize_t n = strncpy_from_user(name, from, sizeof(name) - 1);

	if (n < 0)
		return n;
	thread_set_comm(current, name);
	return 0;
}

/* --- capabilities --- */

static long drop_from_bounding_set(u64 cap)
{
	struct cred *c;

	if (!capable(CAP_SETPCAP))
		return -EPERM;
	if (cap >= NR_CAPS)
		return -EINVAL;
	c = cred_prepare();
	if (!c)
		return -ENOMEM;
	c->cap_bset &= ~BIT(cap);
	cred_commit(c);
	return 0;
}

static long commit_securebits(u32 bits)
{
	struct cred *c = cred_prepare();

	if (!c)
		return -ENOMEM;
	c->securebits = bits;
	cred_commit(c);
	return 0;
}

static long keep_capabilities(u64 on)
{
	u32 bits = current_cred()->securebits;

	if (on > 1)
		return -EINVAL;
	if (bits & SECBIT_LOCK_OF(SECBIT_KEEP_CAPS))
		return -EPERM;
	return commit_securebits(on ? bits | SECBIT_KEEP_CAPS : bits & ~SECBIT_KEEP_CAPS);
}

/* A bit stands still once the next one, its lock, is set; locks stay for ever. */
static long set_securebits(u64 bits)
{
	u32 old = current_cred()->securebits, locks = old & SECBIT_LOCKS;

	if ((bits & ~(u64)SECBIT_ALL) || (locks & ~bits) || ((old ^ bits) & (locks >> 1)) ||
	    !capable(CAP_SETPCAP))
		return -EPERM;
	return commit_securebits(bits);
}

static long change_ambient(u64 set)
{
	struct cred *c = cred_prepare();

	if (!c)
		return -ENOMEM;
	c->cap_ambient = set;
	cred_commit(c);
	return 0;
}

static long ambient(u64 what, u64 cap, u64 c, u64 d)
{
	const struct cred *me = current_cred();

	if (what == AMBIENT_CLEAR_ALL)
		return cap || c || d ? -EINVAL : change_ambient(0);
	if (cap >= NR_CAPS || c || d)
		return -EINVAL;
	switch (what) {
	case AMBIENT_IS_SET:
		return !!(me->cap_ambient & BIT(cap));
	case AMBIENT_RAISE:
		if (!(me->cap_permitted & me->cap_inheritable & BIT(cap)) ||
		    (me->securebits & SECBIT_NO_AMBIENT_RAISE))
			return -EPERM;
		return change_ambient(me->cap_ambient | BIT(cap));
	case AMBIENT_LOWER:
		return change_ambient(me->cap_ambient & ~BIT(cap));
	default:
		return -EINVAL;
	}
}

/* Those that credentials answer. False: it is another. */
static bool cred_prctl(int option, u64 a, u64 b, u64 c, u64 d, long *ret)
{
	switch (option) {
	case PR_GET_KEEPCAPS:
		*ret = !!(current_cred()->securebits & SECBIT_KEEP_CAPS);
		return true;
	case PR_SET_KEEPCAPS:
		*ret = keep_capabilities(a);
		return true;
	case PR_GET_SECUREBITS:
		*ret = current_cred()->securebits;
		return true;
	case PR_SET_SECUREBITS:
		*ret = set_securebits(a);
		return true;
	case PR_CAPBSET_READ:
		*ret = a < NR_CAPS ? !!(current_cred()->cap_bset & BIT(a)) : -EINVAL;
		return true;
	case PR_CAPBSET_DROP:
		*ret = drop_from_bounding_set(a);
		return true;
	case PR_CAP_AMBIENT:
		*ret = ambient(a, b, c, d);
		return true;
	}
	return false;
}

/* --- the process --- */

static bool process_prctl(int option, u64 a, u64 b, u64 c, u64 d, long *ret)
{
	struct process *p = current_process();

	*ret = 0;
	switch (option) {
	case PR_SET_PDEATHSIG:
		if (a > NSIG)
			*ret = -EINVAL;
		else
			p->pdeath_signal = a;
		return true;
	case PR_GET_PDEATHSIG:
		*ret = put_user(p->pdeath_signal, a);
		return true;
	case PR_GET_DUMPABLE:
		*ret = p->dumpable;
		return true;
	case PR_SET_DUMPABLE:
		if (a > 1)
			*ret = -EINVAL;
		else
			p->dumpable = a;
		return true;
	case PR_SET_CHILD_SUBREAPER:
		p->is_child_reaper = a != 0;
		return true;
	case PR_GET_CHILD_SUBREAPER:
		*ret = put_user((int)p->is_child_reaper, a);
		return true;
	case PR_SET_NO_NEW_PRIVS:
		if (a != 1 || b || c || d)
			*ret = -EINVAL;
		else
			p->no_new_privs = true;
		return true;
	case PR_GET_NO_NEW_PRIVS:
		*ret = a || b || c || d ? -EINVAL : p->no_new_privs;
		return true;
	}
	return false;
}

long sys_prctl(int option, u64 a, u64 b, u64 c, u64 d)
{
	struct thread *t = current;
	long ret;

	switch (option) {
	case PR_SET_NAME:
		return set_name(a);
	case PR_GET_NAME:
		return copy_to_user(a, t->comm, TASK_COMM_LEN);
	case PR_SET_TIMERSLACK:
		if (!sched_is_rt(t))
			t->timer_slack_ns = (s64)a > 0 ? a : TIMER_SLACK_NS;
		return 0;
	case PR_GET_TIMERSLACK:
		return t->timer_slack_ns ? t->timer_slack_ns : TIMER_SLACK_NS;
	case PR_GET_TIMING:
		return 0;
	case PR_SET_TIMING:
		return a ? -EINVAL : 0;		/* times are sampled; nothing else is on offer */
	case PR_GET_TID_ADDRESS:
		return put_user(t->clear_child_tid, a);
	}
	if (cred_prctl(option, a, b, c, d, &ret) || process_prctl(option, a, b, c, d, &ret))
		return ret;
	return -EINVAL;
}
