/* SPDX-License-Identifier: MIT */
/* Locks on files: fcntl's records, of processes and of open files, and flock's. */
#pragma once
#include <fs/file.h>
#include <kernel/lib/seq.h>

struct files;

/* F_GETLK, F_SETLK, F_SETLKW and their F_OFD_ forms. fd: the number f was found by. May sleep. */
long file_lock_fcntl(int fd, struct file *f, u32 cmd, uaddr_t arg);
/* A descriptor of f in the table owner is closed: the process's records on the file go. */
void file_locks_close(struct file *f, const struct files *owner);
/* The last reference to f goes: its own locks do. */
void file_locks_release(struct file *f);
/* The inode goes; nobody has it open. */
void file_locks_destroy(struct inode *inode);
void file_locks_show(struct seq *s);		/* /proc/locks */
