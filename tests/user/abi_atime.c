/* SPDX-License-Identifier: MIT */
/*
 * When reading changes a time of access: relatime's rules, the mount flags that change
 * them, O_NOATIME. A file's times are set first; then "moved" says that the time of access
 * is another afterwards.
 */
#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include "child.h"

#define DIR_	"/mnt/atime"
#define FILE_	DIR_ "/file"
#define HOUR	3600

static char buffer[100];

/* Times of name, in seconds before now. */
static void set(const char *name, long accessed, long modified)
{
	long now = time(NULL);
	struct timespec t[2] = { { now - accessed, 1 }, { now - modified, 1 } };

	if (utimensat(AT_FDCWD, name, t, AT_SYMLINK_NOFOLLOW))
		tap_note("utimensat: %s", strerror(errno));
}

static bool moved(const char *name, long accessed)
{
	struct stat st;

	lstat(name, &st);
	return st.st_atim.tv_nsec != 1 || st.st_atime > time(NULL) - accessed + 60;
}

/* Has a read of the file with such times moved its time of access? */
static bool read_moves(int flags, long accessed, long modified)
{
	int fd;

	/* The time of change is now: only its being later than the access can be tried here. */
	set(FILE_, accessed, modified);
	fd = open(FILE_, O_RDONLY | flags);
	if (read(fd, buffer, 10) != 10)
		tap_note("read: %s", strerror(errno));
	close(fd);
	return moved(FILE_, accessed);
}

static void by_rule(void)
{
	tap_says(read_moves(0, 2 * HOUR, HOUR), "read before the last change");
	tap_says(read_moves(0, HOUR, 2 * HOUR),
		 "read after the last change of contents, before that of the inode");
	tap_says(read_moves(0, -2 * HOUR, 0), "an access in the future");
	tap_says(read_moves(0, 48 * HOUR, 72 * HOUR), "the last access two days ago");
	tap_says(read_moves(O_NOATIME, 2 * HOUR, HOUR), "O_NOATIME");
}

static void by_flags(void)
{
	struct { unsigned long flags; const char *name; } kinds[] = {
		{ MS_NOATIME, "noatime" }, { MS_NODIRATIME, "nodiratime" }, { MS_STRICTATIME, "strictatime" },
		{ MS_RELATIME, "relatime" }, { MS_RDONLY | MS_STRICTATIME, "read-only" }, { 0, "no flag" },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(kinds); i++) {
		DIR *d;

		mount(NULL, DIR_, NULL, MS_REMOUNT, NULL);
		set(FILE_, 2 * HOUR, HOUR);
		set(DIR_, 2 * HOUR, HOUR);
		tap_is(err(mount(NULL, DIR_, NULL, MS_REMOUNT | kinds[i].flags, NULL)), 0,
		       "remount %s", kinds[i].name);
		close(open(FILE_, O_RDONLY));
		int fd = open(FILE_, O_RDONLY);
		read(fd, buffer, 1);
		tap_says(moved(FILE_, 2 * HOUR), "%s: read", kinds[i].name);
		d = opendir(DIR_);
		while (readdir(d))
			;
		closedir(d);
		tap_says(moved(DIR_, 2 * HOUR), "%s: list", kinds[i].name);
		close(fd);
	}
	mount(NULL, DIR_, NULL, MS_REMOUNT | MS_STRICTATIME, NULL);
	tap_says(read_moves(0, -2 * HOUR, 0), "strictatime: an access in the future");
	tap_is(err(mount(NULL, DIR_, NULL, MS_REMOUNT, NULL)), 0,
	       "a remount without a word of times");
	tap_says(read_moves(0, -2 * HOUR, 0), "keeps what was");
	mount(NULL, DIR_, NULL, MS_REMOUNT | MS_RELATIME, NULL);
}

/* What counts as an access. */
static void by_call(void)
{
	int fd, out, p[2];
	char *map;
	loff_t off;

#define TRY(what, ...) do { \
		set(FILE_, 2 * HOUR, HOUR); \
		fd = open(FILE_, O_RDWR); \
		__VA_ARGS__; \
		close(fd); \
		tap_says(moved(FILE_, 2 * HOUR), what); \
	} while (0)
	TRY("open and close", (void)0);
	TRY("read of nothing", read(fd, buffer, 0));
	TRY("read at the end", lseek(fd, 0, SEEK_END), read(fd, buffer, 10));
	TRY("pread beyond the end", pread(fd, buffer, 10, 1 << 20));
	TRY("readv", readv(fd, &(struct iovec){ buffer, 5 }, 1));
	TRY("write", write(fd, "x", 1));
	TRY("fstat", fstat(fd, &(struct stat){ 0 }));
	TRY("mmap", map = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0), munmap(map, 4096));
	TRY("a read of mapped memory", map = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0),
	    *(volatile char *)map, munmap(map, 4096));
	pipe(p);
	TRY("splice", off = 0, splice(fd, &off, p[1], NULL, 10, 0), read(p[0], buffer, 10));
	out = open(DIR_ "/out", O_RDWR | O_CREAT, 0600);
	TRY("sendfile", off = 0, sendfile(out, fd, &off, 10));
	TRY("copy_file_range", off = 0, copy_file_range(fd, &off, out, NULL, 10, 0));
	close(out);
	close(p[0]);
	close(p[1]);
	symlink("file", DIR_ "/link");
	set(DIR_ "/link", 2 * HOUR, HOUR);
	lstat(DIR_ "/link", &(struct stat){ 0 });
	tap_says(moved(DIR_ "/link", 2 * HOUR), "lstat of a link");
	readlink(DIR_ "/link", buffer, 10);
	tap_says(moved(DIR_ "/link", 2 * HOUR), "readlink");
	set(DIR_ "/link", 2 * HOUR, HOUR);
	stat(DIR_ "/link", &(struct stat){ 0 });
	tap_says(moved(DIR_ "/link", 2 * HOUR), "a walk through a link");
	set(DIR_, 2 * HOUR, HOUR);
	stat(FILE_, &(struct stat){ 0 });
	tap_says(moved(DIR_, 2 * HOUR), "a walk through a directory");
	mkfifo(DIR_ "/fifo", 0600);
	fd = open(DIR_ "/fifo", O_RDWR);
	write(fd, "abc", 3);
	set(DIR_ "/fifo", 2 * HOUR, HOUR);
	read(fd, buffer, 2);
	tap_says(moved(DIR_ "/fifo", 2 * HOUR), "read from a FIFO");
	close(fd);
}

/* A pipe's and a terminal's own. */
static void nameless(void)
{
	struct timespec t[2] = { { 1000, 1 }, { 2000, 1 } };
	struct stat st;
	int p[2];

	pipe(p);
	write(p[1], "abc", 3);
	fstat(p[0], &st);
	tap_says(st.st_atime != 1000, "a pipe has times");
	futimens(p[0], t);
	sleep_ms(20);		/* times move once a tick */
	read(p[0], buffer, 2);
	fstat(p[0], &st);
	tap_says(st.st_atime != 1000, "read from a pipe");
	futimens(p[0], t);
	sleep_ms(20);
	write(p[1], "abc", 3);
	fstat(p[0], &st);
	tap_says(st.st_mtime != 2000, "write to a pipe");
}

int main(void)
{
	int fd;

	mkdir(DIR_, 0755);
	tap_is(err(mount("tmpfs", DIR_, "tmpfs", 0, NULL)), 0, "mount");
	fd = open(FILE_, O_RDWR | O_CREAT, 0644);
	write(fd, buffer, sizeof(buffer));
	close(fd);
	by_rule();
	by_flags();
	by_call();
	nameless();
	umount(DIR_);
	return tap_exit();
}
