/* SPDX-License-Identifier: MIT */
/*
 * Credentials and the counts kept per user.
 *
 * A struct cred is constant once it is published. A change prepares a copy,
 * alters it and commits: current->cred is replaced whole, and readers under RCU
 * see the old one or the new one, never a mixture. Only the thread itself
 * changes its credentials.
 *
 * An account is found by uid and shared by all creds with that uid. It counts
 * threads and queued signals; a thread is counted in the account of its cred, so
 * committing another uid moves the count.
 */
#include <kernel/bug.h>
#include <kernel/lib/string.h>
#include <kernel/mm/alloc.h>
#include <kernel/task/cred.h>
#include <kernel/task/pid.h>

#define ACCOUNT_BUCKETS	32

static DEFINE_SPINLOCK(account_lock, RANK_LEAF);	/* the buckets, and last references */
static struct hlist_head account_table[ACCOUNT_BUCKETS];
static struct account root_account = { .refs = REFCOUNT_INIT(1) };
static struct group_info no_groups = { .refs = REFCOUNT_INIT(1) };
static struct kmem_cache *cred_cache;

struct cred init_cred = {
	.refs = REFCOUNT_INIT(1),
	.cap_permitted = CAP_FULL_SET,
	.cap_effective = CAP_FULL_SET,
	.cap_bset = CAP_FULL_SET,
	.groups = &no_groups,
	.user_ns = &init_user_ns,
	.account = &root_account,
};

/* --- accounts --- */

static struct account *account_find_locked(uid_t uid)
{
	struct account *a;

	hlist_for_each_rcu(a, &account_table[uid % ACCOUNT_BUCKETS], hash_node)
		if (a->uid == uid)
			return a;
	return NULL;
}

/* The account of uid, or fresh put in the table for it; a reference for the caller either way. */
static struct account *account_find_or_add(uid_t uid, struct account *fresh)
{
	struct account *a;
	u64 flags;

	flags = spin_lock_irqsave(&account_lock);
	a = account_find_locked(uid);
	if (a) {
		refcount_inc(&a->refs);
	} else if (fresh) {
		a = fresh;
		hlist_add(&a->hash_node, &account_table[uid % ACCOUNT_BUCKETS]);
	}
	spin_unlock_irqrestore(&account_lock, flags);
	return a;
}

struct account *account_lookup(uid_t uid)
{
	struct account *a = account_find_or_add(uid, NULL), *fresh;

	if (a)
		return a;
	fresh = kzalloc(sizeof(*fresh), GFP_KERNEL);
	if (!fresh)
		return NULL;
	refcount_set(&fresh->refs, 1);
	fresh->uid = uid;
	a = account_find_or_add(uid, fresh);
	if (a != fresh)
		kfree(fresh);
	return a;
}

void account_put(struct account *a)
{
	bool last;
	u64 flags;

	if (likely(refcount_dec_not_last(&a->refs)))
		return;
	/* Under the lock, so that no lookup finds an account whose count is zero. */
	flags = spin_lock_irqsave(&account_lock);
	last = refcount_dec(&a->refs);
	if (last)
		hlist_del_rcu(&a->hash_node);
	spin_unlock_irqrestore(&account_lock, flags);
	if (last)
		kfree(a);
}

/* --- supplementary groups --- */

struct group_info *groups_alloc(u32 n)
{
	struct group_info *g = kmalloc(sizeof(*g) + n * sizeof(gid_t), GFP_KERNEL);

	if (g) {
		refcount_set(&g->refs, 1);
		g->ngroups = n;
	}
	return g;
}

void groups_put(struct group_info *g)
{
	if (refcount_dec(&g->refs))
		kfree(g);
}

bool in_group(gid_t gid)
{
	const struct cred *c = current_cred();
	u32 low = 0, high = c->groups->ngroups;

	if (gid == c->fsgid)
		return true;
	while (low < high) {
		u32 mid = (low + high) / 2;

		if (c->groups->gid[mid] == gid)
			return true;
		if (c->groups->gid[mid] < gid)
			low = mid + 1;
		else
			high = mid;
	}
	return false;
}

/* --- creds --- */

bool capable(int cap)
{
	return current_cred()->cap_effective & BIT(cap);
}

const struct cred *cred_get(const struct cred *c)
{
	refcount_inc(&((struct cred *)c)->refs);
	return c;
}

static void cred_free_rcu(struct rcu_head *head)
{
	struct cred *c = container_of(head, struct cred, rcu);

	groups_put(c->groups);
	account_put(c->account);
	kmem_cache_free(cred_cache, c);
}

void cred_put(const struct cred *c)
{
	struct cred *mine = (struct cred *)c;

	if (refcount_dec(&mine->refs))
		call_rcu(&mine->rcu, cred_free_rcu);
}

struct cred *cred_prepare(void)
{
	const struct cred *old = current_cred();
	struct cred *c = kmem_cache_alloc(cred_cache, GFP_KERNEL);

	if (!c)
		return NULL;
	*c = *old;
	refcount_set(&c->refs, 1);
	refcount_inc(&c->groups->refs);
	refcount_inc(&c->account->refs);
	return c;
}

void cred_commit(struct cred *c)
{
	const struct cred *old = current_cred();

	if (c->account != old->account) {
		atomic_inc(&c->account->processes);
		atomic_dec(&old->account->processes);
	}
	if (c->euid != old->euid || c->egid != old->egid || c->fsuid != old->fsuid ||
	    c->fsgid != old->fsgid) {
		current_process()->dumpable = false;
		current_process()->pdeath_signal = 0;
	}
	rcu_assign_pointer(current->cred, c);
	cred_put(old);
}

void cred_exec(struct cred *c, uid_t uid, gid_t gid)
{
	bool is_root;

	if (uid != (uid_t)-1)
		c->euid = uid;
	if (gid != (gid_t)-1)
		c->egid = gid;
	c->suid = c->fsuid = c->euid;
	c->sgid = c->fsgid = c->egid;
	if (c->euid != c->uid || c->egid != c->gid)
		c->cap_ambient = 0;
	/*
	 * Without file capabilities: root has what its bounding
	 * set allows, others what they kept as ambient.
	 */
	is_root = !(c->securebits & SECBIT_NOROOT) && (c->uid == 0 || c->euid == 0);
	c->cap_permitted = is_root ? c->cap_inheritable | c->cap_bset : c->cap_ambient;
	c->cap_effective = is_root && c->euid == 0 ? c->cap_permitted : c->cap_ambient;
	c->securebits &= ~SECBIT_KEEP_CAPS;
}

void __init cred_init(void)
{
	cred_cache = kmem_cache_create("cred", sizeof(struct cred), 64, NULL);
	if (!cred_cache)
		panic("no memory for credentials");
	hlist_add(&root_account.hash_node, &account_table[0]);
	atomic_inc(&root_account.processes);	/* init_thread */
}

/* --- looking into another thread --- */

static bool owns(const struct cred *me, const struct cred *it, bool fs_ids)
{
	uid_t uid = fs_ids ? me->fsuid : me->uid;
	gid_t gid = fs_ids ? me->fsgid : me->gid;

	return uid == it->uid && uid == it->euid && uid == it->suid && gid == it->gid &&
	       gid == it->egid && gid == it->sgid && !(it->cap_permitted & ~me->cap_permitted);
}

int thread_check_access(struct thread *t, bool fs_ids)
{
	struct process *p = t->process;
	bool allowed;

	if (p == current_process() || capable(CAP_SYS_PTRACE))
		return 0;
	rcu_read_lock();
	allowed = owns(current_cred(), rcu_dereference(t->cred), fs_ids) &&
		  (smp_load_acquire(&p->dumpable) || !READ_ONCE(t->mm));
	rcu_read_unlock();
	return allowed ? 0 : -EPERM;
}
