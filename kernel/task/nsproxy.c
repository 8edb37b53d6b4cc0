/* SPDX-License-Identifier: MIT */
/* The first namespace of each kind, and which of them a thread is in. */
#include <kernel/bug.h>
#include <kernel/mm/alloc.h>
#include <kernel/task/nsproxy.h>
#include <kernel/task/thread.h>

struct user_namespace init_user_ns;

struct pid_namespace init_pid_ns = {
	.lock = SPINLOCK_INIT(RANK_PID),
};

/* The limits are Linux's: so high that only memory limits. */
struct ipc_namespace init_ipc_ns = {
	.shm_max_bytes = U64_MAX - (1u << 24),
	.shm_max_pages = U64_MAX - (1u << 24),
	.shm_max_segments = 4096,
	.shm_lock = MUTEX_INIT(init_ipc_ns.shm_lock, RANK_SHM),
	.shm_last = -1,
};

struct uts_namespace init_uts_ns = {
	.lock = SPINLOCK_INIT(RANK_LEAF),
	.name = {
		.sysname = "Linux",	/* programs ask for the ABI, not for the maker */
		.nodename = "fathom",
		.release = "6.12.0-fathom",
		.version = "#1 SMP PREEMPT Fathom",
		.machine = "riscv64",
		.domainname = "(none)",
	},
};

struct nsproxy init_nsproxy = {
	.refs = REFCOUNT_INIT(1),
	.uts = &init_uts_ns,
	.pid_for_children = &init_pid_ns,
	.ipc = &init_ipc_ns,
};

void nsproxy_put(struct nsproxy *ns)
{
	if (!refcount_dec(&ns->refs))
		return;
	/* The first set is static and keeps its own reference for ever. */
	BUG_ON(ns == &init_nsproxy);
	net_put(ns->net);
	kfree(ns);
}

struct nsproxy *nsproxy_with_net(struct net *net)
{
	struct nsproxy *ns = kmalloc(sizeof(*ns), GFP_KERNEL);

	if (!ns) {
		net_put(net);
		return NULL;
	}
	*ns = *current->nsproxy;
	refcount_set(&ns->refs, 1);
	ns->net = net;
	return ns;
}

void nsproxy_switch(struct nsproxy *ns)
{
	struct nsproxy *old = current->nsproxy;

	spin_lock(&current_process()->lock);
	current->nsproxy = ns;
	spin_unlock(&current_process()->lock);
	nsproxy_put(old);
}

struct net *thread_net(struct thread *t)
{
	struct net *net;

	spin_lock(&t->process->lock);
	net = t->nsproxy ? net_get(t->nsproxy->net) : NULL;
	spin_unlock(&t->process->lock);
	return net;
}
