/* SPDX-License-Identifier: MIT */
/* The files of /proc/net (proc.c has the table), each by the part that knows. */
#pragma once
#include <fs/pseudo.h>

/* Settings: /proc/sys/net. */
extern s32 net_somaxconn;		/* a listener's backlog at most */
extern s32 unix_max_dgram_qlen;		/* datagrams that wait at a fresh AF_UNIX socket, but one */

int dev_proc_show(struct seq *s, struct pseudo *p);
int route_proc_show(struct seq *s, struct pseudo *p);
int arp_proc_show(struct seq *s, struct pseudo *p);
int if_inet6_proc_show(struct seq *s, struct pseudo *p);
int ipv6_route_proc_show(struct seq *s, struct pseudo *p);
int tcp_proc_show(struct seq *s, struct pseudo *p);
int tcp6_proc_show(struct seq *s, struct pseudo *p);
int udp_proc_show(struct seq *s, struct pseudo *p);
int udp6_proc_show(struct seq *s, struct pseudo *p);
int raw_proc_show(struct seq *s, struct pseudo *p);
int raw6_proc_show(struct seq *s, struct pseudo *p);
int icmp_proc_show(struct seq *s, struct pseudo *p);
int sockstat_proc_show(struct seq *s, struct pseudo *p);
int sockstat6_proc_show(struct seq *s, struct pseudo *p);
int snmp_proc_show(struct seq *s, struct pseudo *p);
int unix_proc_fill(struct seq *s, struct pseudo *p, struct pseudo_cursor *c);
void net_proc_init(void);
