/* SPDX-License-Identifier: MIT */
/* Files that name network namespaces, and keep them. nsfs.c. */
#pragma once
#include <fs/file.h>
#include <net/net.h>

u32 net_number(const struct net *net);	/* of its files, which /proc shows */
/* Such a file's; NULL: it is none. No reference: the file has one. */
struct net *nsfs_net(const struct file *f);
/* A process's, with a reference; NULL: no such process. */
struct net *net_of_process(pid_t nr);
/* Where a file of net would be opened. Takes over the reference. 0 and *out, -ENOMEM. */
int __must_check nsfs_path(struct net *net, struct path *out);
void nsfs_init(void);
