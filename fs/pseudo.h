/* SPDX-License-Identifier: MIT */
/*
 * Pseudo file systems: the kernel's state as files, described by tables.
 *
 * A file is one entry: a name, a mode, and the function that writes its text.
 * procfs and sysfs are such tables; pseudo.c turns them into inodes, and
 * pseudo_text.c functions into contents.
 */
#pragma once
#include <fs/file.h>
#include <kernel/lib/seq.h>

struct pseudo;

/* Where a text that comes in pieces goes on. Zero at its start. */
struct pseudo_cursor {
	u64 pos;			/* the fill function's own; PSEUDO_END: there is no more */
	void *state;			/* set by open */
};
#define PSEUDO_END	U64_MAX

struct pseudo_entry {
	const char *name;		/* NULL ends a table */
	umode_t mode;			/* with S_IF* */

	/*
	 * Regular files. show: the whole text. fill: as many records from c->pos on as
	 * fit, at least one (seq_record_fits()); moves c->pos. 0 or -errno. May sleep.
	 */
	int (*show)(struct seq *s, struct pseudo *p);
	int (*fill)(struct seq *s, struct pseudo *p, struct pseudo_cursor *c);
	int (*open)(struct pseudo *p, struct pseudo_cursor *c);
	void (*close)(struct pseudo_cursor *c);
	/*
	 * Text written to it, NUL-terminated, at most
	 * PSEUDO_WRITE_MAX bytes. Bytes taken or -errno.
	 */
	ssize_t (*store)(struct pseudo *p, char *text, size_t len);
	const struct file_ops *fops;	/* files that are not text */

	/* Symbolic links: a fixed text, one made anew, or where they jump to. */
	const char *target;
	int (*text)(struct pseudo *p, char *buf, size_t size);
	int (*jump)(struct pseudo *p, struct path *path);

	/* Directories: a table, and what is not in it. iterate: from ctx->pos >= PSEUDO_DYNAMIC. */
	const struct pseudo_entry *children;
	int (*lookup)(struct pseudo *dir, struct dentry *dentry);
	int (*iterate)(struct pseudo *dir, struct dir_context *ctx);

	int (*permission)(struct pseudo *p, int mask);		/* NULL: mode bits */
	void (*getattr)(struct pseudo *p, struct kstat *st);	/* amend */
	bool (*alive)(struct pseudo *p);	/* NULL: as long as the tree says of its object */
	void *data;			/* the functions' own */
};

#define PSEUDO_WRITE_MAX	4095
#define PSEUDO_DYNAMIC		256
#define PSEUDO_DIR(n, table)	{ .name = (n), .mode = S_IFDIR | 0555, .children = (table) }
#define PSEUDO_FILE(n, fn)	{ .name = (n), .mode = S_IFREG | 0444, .show = (fn) }

/* One file system. object: what an inode stands for, a process; NULL: the kernel. */
struct pseudo_tree {
	u32 magic;
	/* sysfs: not even root opens for writing what has no store; EPERM for mkdir */
	bool strict;
	const struct pseudo_entry *root;
	void *(*object_get)(void *object);
	void (*object_put)(void *object);
	u64 (*object_number)(const void *object);	/* for inode numbers: 15 bits */
	bool (*alive)(struct pseudo *p);
	void (*owner)(struct pseudo *p);		/* set uid and gid of the inode */
};

struct pseudo {
	struct inode inode;
	const struct pseudo_entry *entry;
	void *object;			/* counted; NULL: none */
	u64 number;			/* of a descriptor in fd/ and the like */
	u32 flags;			/* the tree's own; inherited by what is below */
};

static inline struct pseudo *pseudo_of(const struct inode *inode)
{
	return container_of(inode, struct pseudo, inode);
}

int pseudo_mount(const struct fstype *type, const struct pseudo_tree *tree, u32 flags,
		 struct superblock **out);
/*
 * For lookup functions: make the inode of entry below
 * dir and put it into dentry. object: reference taken.
 */
int pseudo_instantiate(struct pseudo *dir, struct dentry *dentry, const struct pseudo_entry *entry,
		       void *object, u64 number, u32 flags);
/*
 * For iterate functions: emit a name that pseudo_instantiate()
 * would give entry, object and number. False: full.
 */
bool pseudo_emit(struct pseudo *dir, struct dir_context *ctx, const char *name,
		 const struct pseudo_entry *entry, const void *object, u64 number, loff_t next);
/* The entry of that name in a table; NULL. */
const struct pseudo_entry *pseudo_find(const struct pseudo_entry *table, const struct qstr *name);
bool pseudo_name_is(const struct pseudo_entry *e, const struct qstr *name);
/* A name as a number without sign or leading zero; -1. */
s64 pseudo_name_number(const struct qstr *name);

/* Contents of regular files whose entry has show, fill or store. */
extern const struct file_ops pseudo_text_ops;
/*
 * The record begun at length before is whole, or is the first
 * one and makes the buffer grow; else it is taken back.
 */
bool seq_record_fits(struct seq *s, size_t before);
/* Text of a path as links and maps show it: " (deleted)" where the name is gone. */
const char *path_describe(const struct path *path, char *buf, size_t size);
