/* SPDX-License-Identifier: MIT */
/* Pseudo-terminals: what devpts needs to know. */
#pragma once
#include <drivers/tty/tty.h>

#define PTY_MAX		256
#define PTY_SLAVE_MAJOR	136

void pty_init(void);
/* Open the slave of pair n: -EIO while it is locked or its master is gone. */
int pty_slave_open(u32 n, struct file *f);
/* devpts: called when a pair appears and goes; owner is the opener of the master. May sleep. */
struct pty_fs_ops {
	int (*add)(u32 n, uid_t uid, gid_t gid);
	void (*remove)(u32 n);
	struct file *(*open)(u32 n, int flags, int *err);	/* for TIOCGPTPEER */
};
void pty_set_fs(const struct pty_fs_ops *ops);
