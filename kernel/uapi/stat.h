/* SPDX-License-Identifier: MIT */
/* File modes, and what stat(2) is filled from. */
#pragma once
#include <kernel/types.h>
#include <kernel/time/hrtimer.h>

#define S_IFMT	 0170000
#define S_IFSOCK 0140000
#define S_IFLNK	 0120000
#define S_IFREG	 0100000
#define S_IFBLK	 0060000
#define S_IFDIR	 0040000
#define S_IFCHR	 0020000
#define S_IFIFO	 0010000
#define S_ISUID	 0004000
#define S_ISGID	 0002000
#define S_ISVTX	 0001000
#define S_IRWXUGO 0777
#define S_IALLUGO 07777
#define S_ISLNK(m)	(((m) & S_IFMT) == S_IFLNK)
#define S_ISREG(m)	(((m) & S_IFMT) == S_IFREG)
#define S_ISDIR(m)	(((m) & S_IFMT) == S_IFDIR)
#define S_ISCHR(m)	(((m) & S_IFMT) == S_IFCHR)
#define S_ISBLK(m)	(((m) & S_IFMT) == S_IFBLK)
#define S_ISFIFO(m)	(((m) & S_IFMT) == S_IFIFO)
#define S_ISSOCK(m)	(((m) & S_IFMT) == S_IFSOCK)

/* Kernel form; fs/stat.c makes struct stat and struct statx of it. */
struct kstat {
	u64 ino, blocks;
	loff_t size;
	dev_t dev, rdev;
	umode_t mode;
	u32 nlink, blksize;
	uid_t uid;
	gid_t gid;
	struct timespec64 atime, mtime, ctime, btime;
	u32 result_mask;
};
