/* SPDX-License-Identifier: MIT */
/* What locks.c and lock_calls.c share. */
#pragma once
#include <fs/locks.h>

#define OFFSET_MAX	S64_MAX

enum lock_kind { LOCK_POSIX, LOCK_OFD, LOCK_FLOCK };

struct file_lock {
	struct list_head node;
	u8 type;			/* F_RDLCK, F_WRLCK; F_UNLCK in a request */
	u8 kind;			/* enum lock_kind */
	pid_t pid;			/* of who set it, as the first namespace sees it */
	loff_t start, end;		/* both included */
	const void *owner;		/* struct files (POSIX) or struct file */
};

/* The inode's locks, made if there were none: NULL, no memory. Of f, NULL: it never had any. */
struct file_lock_context *file_locks_get(struct inode *inode);
struct file_lock_context *file_locks_of(const struct file *f);
/*
 * Set or release, waiting for conflicting ones if wait. 0, -EAGAIN, -EDEADLK (records), -ENOLCK,
 * -ERESTARTSYS. Context: may sleep.
 */
long file_lock_set_record(struct file_lock_context *ctx, const struct file_lock *req, bool wait);
long file_lock_set_flock(struct file_lock_context *ctx, const struct file_lock *req, bool wait);
/* What would keep the record req off; for F_UNLCK, what it would release. */
bool file_lock_find(struct file_lock_context *ctx, const struct file_lock *req,
		    struct file_lock *out);
