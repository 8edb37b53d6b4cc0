/* SPDX-License-Identifier: MIT */
/*
 * Processes and network namespaces: a fresh one for clone and unshare, and setns, which enters one
 * that a file or a process names. What a namespace is: net/namespace.c.
 */
#include <fs/file.h>
#include <kernel/proc/proc.h>
#include <kernel/task/cred.h>
#include <kernel/task/nsproxy.h>
#include <kernel/task/pid.h>
#include <kernel/uapi/syscall.h>
#include <net/net.h>
#include <net/nsfs.h>

struct nsproxy *nsproxy_new_net(int *err)
{
	struct nsproxy *ns;
	struct net *net;

	*err = -EPERM;
	if (!capable(CAP_SYS_ADMIN))
		return NULL;
	*err = -ENOMEM;
	net = net_create();
	ns = net ? nsproxy_with_net(net) : NULL;
	return ns;
}

/* Takes over the reference. */
static int enter(struct net *net)
{
	struct nsproxy *ns;

	if (!capable(CAP_SYS_ADMIN)) {
		net_put(net);
		return -EPERM;
	}
	ns = nsproxy_with_net(net);
	if (!ns)
		return -ENOMEM;
	nsproxy_switch(ns);
	return 0;
}

/* That of a process: with a pidfd the kinds must be said. */
static int enter_process(int fd, int nstype)
{
	struct net *net = NULL;
	struct thread *t;
	struct pid *pid;
	u32 flags;
	int err = nstype == CLONE_NEWNET ? -ESRCH : -EINVAL;

	pid = pidfd_get_pid(fd, &flags);
	if (IS_ERR(pid))
		return -EINVAL;
	t = nstype == CLONE_NEWNET ? thread_lookup_pid(pid) : NULL;
	pid_put(pid);
	if (t) {
		if (thread_check_access(t, false))
			err = -EPERM;
		else
			net = thread_net(t);
		thread_put(t);
	}
	return net ? enter(net) : err;
}

long sys_setns(int fd, int nstype)
{
	struct fd f = fd_get(fd);
	struct net *net;
	int err;

	if (!f.file)
		return -EBADF;
	net = nsfs_net(f.file);
	if (!net)
		err = enter_process(fd, nstype);
	else if (nstype && nstype != CLONE_NEWNET)
		err = -EINVAL;
	else
		err = enter(net_get(net));
	fd_put(f);
	return err;
}
