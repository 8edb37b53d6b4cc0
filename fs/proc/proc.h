/* SPDX-License-Identifier: MIT */
/*
 * procfs: the kernel's state as files. A file is one line in a table: name,
 * mode, and a function that writes its text.
 */
#pragma once
#include <fs/file.h>
#include <kernel/lib/seq.h>
#include <kernel/task/pid.h>

struct proc_inode;

struct proc_entry {
	const char *name;		/* NULL ends a table */
	umode_t mode;			/* with S_IF* */
	/* Regular files: the whole text. 0 or -errno. May sleep. */
	int (*show)(struct seq *s, struct proc_inode *pi);
	/* Text written to it, NUL-terminated, at most PROC_WRITE_MAX. Bytes or -errno. */
	ssize_t (*store)(struct proc_inode *pi, const char *text, size_t len);
	/* Symbolic links: text, or where they jump to. */
	int (*text)(struct proc_inode *pi, char *buf, size_t size);
	int (*jump)(struct proc_inode *pi, struct path *path);
	/* Directories: a table, and what is not in it. */
	const struct proc_entry *children;
	int (*lookup)(struct proc_inode *dir, struct dentry *dentry);
	int (*iterate)(struct proc_inode *dir, struct dir_context *ctx);	/* from ctx->pos >= PROC_DYNAMIC */
	bool (*alive)(struct proc_inode *pi);	/* RCU; NULL: as long as its pid */
	const struct file_ops *fops;	/* files that are not text */
};

#define PROC_WRITE_MAX	4095
#define PROC_DYNAMIC	1024		/* readdir positions from here are the iterate function's */
#define PROC_DIR(n, table)	{ .name = (n), .mode = S_IFDIR | 0555, .children = (table) }
#define PROC_FILE(n, fn)	{ .name = (n), .mode = S_IFREG | 0444, .show = (fn) }

struct proc_inode {
	struct inode inode;
	const struct proc_entry *entry;
	struct pid *pid;		/* counted; NULL outside /proc/PID */
	u64 number;			/* of a descriptor in fd/ */
	bool is_task;			/* /proc/PID/task/TID: the thread, not the process */
};

static inline struct proc_inode *proc_inode(struct inode *inode)
{
	return container_of(inode, struct proc_inode, inode);
}

/* Make the inode of entry below dir and put it into dentry. pid: reference taken. */
int proc_instantiate(struct proc_inode *dir, struct dentry *dentry, const struct proc_entry *entry,
		     struct pid *pid, u64 number);
/* The thread (of a task directory) or the process's leader, with a reference; NULL: gone. */
struct thread *proc_thread(const struct proc_inode *pi);
struct process *proc_process(const struct proc_inode *pi);
/* May the caller read what pi's process keeps to itself (environ, maps, fd)? */
int proc_may_inspect(const struct proc_inode *pi);

extern const struct proc_entry proc_root_entries[];	/* root.c */
extern const struct proc_entry proc_pid_entries[];	/* pid.c */
extern const struct proc_entry proc_tid_entries[];
extern const struct proc_entry proc_sys_entries[];	/* sysctl.c */
extern const struct proc_entry proc_pid_entry, proc_tid_entry;	/* the directories themselves */
int proc_pid_lookup(struct proc_inode *dir, struct dentry *dentry);
int proc_pid_iterate(struct proc_inode *dir, struct dir_context *ctx);
int proc_fd_lookup(struct proc_inode *dir, struct dentry *dentry);
int proc_fd_iterate(struct proc_inode *dir, struct dir_context *ctx);
int proc_fdinfo_lookup(struct proc_inode *dir, struct dentry *dentry);
bool proc_fd_alive(struct proc_inode *pi);
/* A directory entry's text as a number without sign or leading zero; -1. */
s64 proc_name_to_number(const struct qstr *name);
