/* SPDX-License-Identifier: MIT */
/*
 * Namespaces of a thread. Of networks there may be many, of each other kind there is one; every
 * user goes through these references.
 */
#pragma once
#include <kernel/types.h>
#include <kernel/lib/atomic.h>
#include <kernel/lib/bitmap.h>
#include <kernel/lib/xarray.h>
#include <kernel/lock/mutex.h>
#include <kernel/lock/spinlock.h>

#define UTS_LEN		65	/* with the NUL */
#define PID_MAX		32768
#define IPC_INDEX_BITS	15	/* of a System V id; above them a sequence number */
#define IPC_MAX		(1u << IPC_INDEX_BITS)

struct mnt_namespace;
struct net;
struct process;

struct new_utsname {
	char sysname[UTS_LEN], nodename[UTS_LEN], release[UTS_LEN], version[UTS_LEN],
		machine[UTS_LEN], domainname[UTS_LEN];
};

struct uts_namespace {
	struct spinlock lock;		/* RANK_LEAF: nodename and domainname */
	struct new_utsname name;
};

/* Numbers 1..PID_MAX-1 of one namespace. */
struct pid_namespace {
	u32 level;			/* 0: the root */
	struct pid_namespace *parent;
	struct process *child_reaper;	/* its PID 1 */
	struct spinlock lock;		/* RANK_PID: the fields below */
	pid_t last;			/* allocation goes on behind it */
	struct xarray pids;		/* number -> struct pid; RCU to read */
	DECLARE_BITMAP(used, PID_MAX);
};

/* System V shared memory: kernel/ipc/shm.c. */
struct ipc_namespace {
	/* Limits, set in /proc/sys/kernel at any time: of one segment, of all, and how many. */
	u64 shm_max_bytes, shm_max_pages;
	s32 shm_max_segments;

	struct mutex shm_lock;		/* RANK_SHM: the fields below, and what changes of a segment */
	struct xarray shm_segments;	/* by index: the low bits of their ids */
	u32 nr_shm;
	u64 shm_pages;			/* their sizes */
	u32 shm_next;			/* index from which the next one looks for a free one */
	s64 shm_last;			/* index of the one made last; -1: none */
	u32 shm_sequence;		/* the high bits of its id */
};

struct user_namespace {
	u32 level;
};

struct nsproxy {
	refcount_t refs;
	struct uts_namespace *uts;
	struct pid_namespace *pid_for_children;
	struct mnt_namespace *mnt;
	struct net *net;
	struct ipc_namespace *ipc;
};

extern struct nsproxy init_nsproxy;
extern struct uts_namespace init_uts_ns;
extern struct pid_namespace init_pid_ns;
extern struct ipc_namespace init_ipc_ns;
extern struct user_namespace init_user_ns;

static inline struct nsproxy *nsproxy_get(struct nsproxy *ns)
{
	refcount_inc(&ns->refs);
	return ns;
}
void nsproxy_put(struct nsproxy *ns);
/*
 * One like the caller's, but in that network, whose reference it takes over; NULL: no memory, and
 * it is put.
 */
struct nsproxy *nsproxy_with_net(struct net *net);
void nsproxy_switch(struct nsproxy *ns);	/* the caller's from here on; takes over the reference */

struct thread;
/* A thread's network, with a reference; NULL: the thread has ended. */
struct net *thread_net(struct thread *t);
/* net/namespace.c; any context */
struct net *net_get(struct net *net);
void net_put(struct net *net);
