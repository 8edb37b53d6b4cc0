/* SPDX-License-Identifier: MIT */
/* The files of /proc/net (proc.c has the table), each by the part that knows. */
#pragma once
#include <fs/pseudo.h>

int unix_proc_fill(struct seq *s, struct pseudo *p, struct pseudo_cursor *c);
void net_proc_init(void);
