/* SPDX-License-Identifier: MIT */
/* The first namespace of each kind. */
#include <kernel/bug.h>
#include <kernel/task/nsproxy.h>

struct user_namespace init_user_ns;

struct pid_namespace init_pid_ns = {
	.lock = SPINLOCK_INIT(RANK_PID),
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
};

void nsproxy_put(struct nsproxy *ns)
{
	/* The first set is static and keeps its own reference for ever. */
	BUG_ON(refcount_dec(&ns->refs));
}
