/* SPDX-License-Identifier: MIT */
/*
 * procfs: the kernel's state as files. Which files there are: the tables in
 * root.c, pid.c and sysctl.c; how tables become files: fs/pseudo.h.
 *
 * Whoever knows something that these floors do not registers it from above.
 */
#pragma once
#include <fs/pseudo.h>
#include <kernel/task/pid.h>

/* An entry of /proc, or of every /proc/PID, from another part of the kernel. */
struct proc_node {
	struct pseudo_entry entry;
	struct proc_node *next;
};
/* boot, or at least thread context; for ever */
void proc_create(struct proc_node *node);
void proc_pid_create(struct proc_node *node);
/* For their functions: whom a file of /proc/PID is about, with a reference; NULL: gone. */
struct thread *proc_thread(const struct pseudo *p);
struct process *proc_process(const struct pseudo *p);
struct file;
/* The process whose directory is open, with a reference; NULL: it is no /proc/PID. Any context. */
struct pid *proc_pid_of(const struct file *f);

/* --- between the files of fs/proc --- */

#define PROC_TASK	BIT(0)		/* pseudo flags: below task/TID, about the thread alone */

extern const struct pseudo_entry proc_root_entries[];	/* root.c */
extern const struct pseudo_entry proc_pid_entries[], proc_tid_entries[];	/* pid.c */
extern const struct pseudo_entry proc_sys_entries[];	/* sysctl.c */

/* tree.c */
int proc_task_lookup(struct pseudo *dir, struct dentry *dentry);
int proc_task_iterate(struct pseudo *dir, struct dir_context *ctx);
void proc_task_getattr(struct pseudo *p, struct kstat *st);
/* May the caller look into the file's thread (ptrace rules)? 0, -EACCES, -ESRCH. */
int proc_check_access(const struct pseudo *p);
/*
 * The address space of the file's thread, refs taken, for one who may look into it;
 * NULL: it has none. 0, -EACCES, -ESRCH.
 */
int proc_open_mm(const struct pseudo *p, struct mm **out);
/* The thread's address space with users taken, without a check; NULL. */
struct mm *proc_thread_mm(struct thread *t);

/* pid_stat.c */
int proc_stat_show(struct seq *s, struct pseudo *p);
int proc_status_show(struct seq *s, struct pseudo *p);
int proc_statm_show(struct seq *s, struct pseudo *p);
int proc_limits_show(struct seq *s, struct pseudo *p);
int proc_sched_show(struct seq *s, struct pseudo *p);
/* pid_mm.c: state of an open file is its mm */
int proc_mm_open(struct pseudo *p, struct pseudo_cursor *c);
void proc_mm_close(struct pseudo_cursor *c);
int proc_maps_fill(struct seq *s, struct pseudo *p, struct pseudo_cursor *c);
int proc_smaps_fill(struct seq *s, struct pseudo *p, struct pseudo_cursor *c);
int proc_smaps_rollup_fill(struct seq *s, struct pseudo *p, struct pseudo_cursor *c);
int proc_environ_fill(struct seq *s, struct pseudo *p, struct pseudo_cursor *c);
int proc_auxv_fill(struct seq *s, struct pseudo *p, struct pseudo_cursor *c);
int proc_cmdline_fill(struct seq *s, struct pseudo *p, struct pseudo_cursor *c);
extern const struct file_ops proc_mem_ops, proc_pagemap_ops;
/* fd.c */
int proc_fd_lookup(struct pseudo *dir, struct dentry *dentry);
int proc_fd_iterate(struct pseudo *dir, struct dir_context *ctx);
int proc_fd_permission(struct pseudo *p, int mask);
void proc_fd_getattr(struct pseudo *p, struct kstat *st);
int proc_fdinfo_lookup(struct pseudo *dir, struct dentry *dentry);
int proc_fdinfo_iterate(struct pseudo *dir, struct dir_context *ctx);
int proc_fdinfo_permission(struct pseudo *p, int mask);
/* mounts.c */
int proc_mounts_fill(struct seq *s, struct pseudo *p, struct pseudo_cursor *c);
int proc_mountinfo_fill(struct seq *s, struct pseudo *p, struct pseudo_cursor *c);
/* memory.c */
int proc_meminfo_show(struct seq *s, struct pseudo *p);
int proc_vmstat_show(struct seq *s, struct pseudo *p);
int proc_buddyinfo_show(struct seq *s, struct pseudo *p);
int proc_zoneinfo_show(struct seq *s, struct pseudo *p);
int proc_slabinfo_show(struct seq *s, struct pseudo *p);
int proc_swaps_show(struct seq *s, struct pseudo *p);
/* disks.c */
int proc_partitions_show(struct seq *s, struct pseudo *p);
int proc_diskstats_show(struct seq *s, struct pseudo *p);
void proc_put_block_majors(struct seq *s);
struct blockdev;
/* The fields of /sys/block/NAME/stat, with a newline. */
void block_stats_text(struct seq *s, struct blockdev *b);
