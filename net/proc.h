/* SPDX-License-Identifier: MIT */
/* The files of /proc/net (proc.c has the table), each by the part that knows. */
#pragma once
#include <fs/pseudo.h>
#include <net/net.h>

/* A setting of all namespaces: /proc/sys/net. */
extern s32 inet_tcp_local_splice;		/* TCP between sockets of this machine sends no packets */

int dev_proc_show(struct seq *s, struct net *net);
int softnet_stat_proc_show(struct seq *s, struct pseudo *p);	/* the same in each */
int route_proc_show(struct seq *s, struct net *net);
int arp_proc_show(struct seq *s, struct net *net);
int if_inet6_proc_show(struct seq *s, struct net *net);
int ipv6_route_proc_show(struct seq *s, struct net *net);
int tcp_proc_show(struct seq *s, struct net *net);
int tcp6_proc_show(struct seq *s, struct net *net);
int udp_proc_show(struct seq *s, struct net *net);
int udp6_proc_show(struct seq *s, struct net *net);
int raw_proc_show(struct seq *s, struct net *net);
int raw6_proc_show(struct seq *s, struct net *net);
int icmp_proc_show(struct seq *s, struct net *net);
int sockstat_proc_show(struct seq *s, struct net *net);
int sockstat6_proc_show(struct seq *s, struct net *net);
int netstat_proc_show(struct seq *s, struct net *net);
int snmp_proc_show(struct seq *s, struct net *net);
int unix_proc_fill(struct seq *s, struct pseudo *p, struct pseudo_cursor *c);
/* Whose network the file is of, with a reference; NULL: the thread has ended. */
struct net *net_of_file(const struct pseudo *p);
void net_proc_init(void);
