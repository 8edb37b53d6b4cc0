/* SPDX-License-Identifier: MIT */
/*
 * The limits of a tmpfs: size, number of inodes, and
 * what statfs, /proc/mounts and errors tell of them.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include "child.h"

#define AT_	"/mnt/limits"

static char page[4096], many[64 * 4096];

static long mounted(const char *options)
{
	return err(mount("x", AT_, "tmpfs", 0, options));
}

static long remounted(const char *options)
{
	return err(mount("x", AT_, "tmpfs", MS_REMOUNT, options));
}

static void told(const char *what)
{
	struct statfs sf = { 0 };

	statfs(AT_, &sf);
	tap_says(sf.f_blocks, "%s: blocks", what);
	tap_says(sf.f_bfree, "%s: free", what);
	tap_says(sf.f_bavail, "%s: available", what);
	if (sf.f_files < 1000) {
		tap_says(sf.f_files, "%s: inodes", what);
		tap_says(sf.f_ffree, "%s: free inodes", what);
	}
}

/* The option that begins with name in /proc/mounts, as a number. */
static long shown(const char *name)
{
	char line[400], want[20];
	FILE *f = fopen("/proc/mounts", "r");
	long value = -1;

	snprintf(want, sizeof(want), ",%s=", name);
	while (fgets(line, sizeof(line), f)) {
		char *at = strstr(line, AT_ " ") ? strstr(line, want) : NULL;

		if (at)
			value = strtol(at + strlen(want), NULL, 0);
	}
	fclose(f);
	return value;
}

static void units(void)
{
	static const char *const options[] = {
		"size=64k", "size=65536", "size=65537", "size=1", "size=0x10000", "size=1m", "size=1M", "nr_blocks=5",
		"nr_blocks=1k", "size=64k,nr_blocks=3", "nr_blocks=3,size=64k", "size=0", "nr_blocks=0",
		"size=64k,nr_inodes=7", "nr_inodes=1k", "nr_inodes=0",
	};
	static const char *const bad[] = {
		"size=-1", "size=1kk", "size=5%%", "nr_blocks=5%", "nr_inodes=5%", "nr_inodes=x",
		"nr_blocks=", "size=10z", "mode=8", "uid=-1", "gid=x",
	};
	struct statfs half, all;

	for (unsigned i = 0; i < ARRAY_SIZE(options); i++) {
		struct statfs sf = { 0 };

		tap_is(mounted(options[i]), 0, "mount %s", options[i]);
		statfs(AT_, &sf);
		if (!strstr(options[i], "nr_inodes=") || strstr(options[i], "size"))
			tap_says(sf.f_blocks, "%s: blocks", options[i]);
		if (strstr(options[i], "nr_inodes"))
			tap_says(sf.f_files, "%s: inodes", options[i]);
		umount(AT_);
	}
	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		long e = mounted(bad[i]);

		tap_says(e, "mount %s", bad[i]);
		if (!e)
			umount(AT_);
	}
	tap_is(mounted("size=50%"), 0, "mount size=50%%");
	statfs(AT_, &half);
	umount(AT_);
	tap_is(mounted("size=100%"), 0, "mount size=100%%");
	statfs(AT_, &all);
	umount(AT_);
	/* One is rounded up, the other down. */
	tap_ok(half.f_blocks - all.f_blocks / 2 <= 1, "half is half of all");
	mounted(NULL);
	statfs(AT_, &all);
	umount(AT_);
	tap_ok(half.f_blocks - all.f_blocks <= 1, "and the default");
}

static void pages(void)
{
	struct stat st;
	int fd, fd2;
	char *map;

	mounted("size=64k");
	fd = open(AT_ "/a", O_RDWR | O_CREAT, 0600);
	tap_says(err(write(fd, many, 15 * 4096)), "15 pages");
	told("then");
	tap_says(err(write(fd, many, 2 * 4096)), "2 pages more");
	told("then");
	tap_says(err(write(fd, many, 1)), "a byte more");
	fstat(fd, &st);
	tap_says(st.st_size, "size");
	tap_says(st.st_blocks, "blocks");
	tap_says(err(pwrite(fd, "x", 1, 5)), "a byte where there is a page");
	tap_says(err(pwrite(fd, "x", 1, 1 << 20)), "a byte far behind");
	fstat(fd, &st);
	tap_says(st.st_size, "size");
	tap_says(err(ftruncate(fd, 1 << 20)), "a size beyond the limit");
	told("then");
	tap_says(err(pread(fd, page, 4096, 1 << 19)), "read a hole");
	told("then");
	tap_says(err(ftruncate(fd, 10)), "cut it");
	told("then");
	tap_says(err(fallocate(fd, 0, 0, 17 * 4096)), "fallocate too much");
	told("then");
	tap_says(err(fallocate(fd, 0, 0, 16 * 4096)), "fallocate all");
	told("then");
	tap_says(err(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 4096, 4 * 4096)),
		 "punch a hole of 4");
	told("then");
	fd2 = open(AT_ "/b", O_RDWR | O_CREAT, 0600);
	tap_says(err(write(fd2, many, 5 * 4096)), "5 pages of another file");
	unlink(AT_ "/b");
	told("its name is gone");
	close(fd2);
	told("and its file");
	ftruncate(fd, 8 * 4096);
	map = mmap(NULL, 20 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	map[4096] = 1;
	told("a page written through a mapping");
	tap_says(map[2 * 4096], "a page read through a mapping");
	told("then");
	munmap(map, 20 * 4096);
	close(fd);
	unlink(AT_ "/a");
	told("all gone");
	umount(AT_);
}

/* A mapping finds no room. */
static void no_room_to_map(void)
{
	int fd;

	mounted("size=16k");
	fd = open(AT_ "/a", O_RDWR | O_CREAT, 0600);
	ftruncate(fd, 64 * 4096);
	tap_says(CODE(
		char *map = mmap(NULL, 64 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

		for (int i = 0; i < 4; i++)
			map[i * 4096] = 1;
		_exit(7)), "as many as there is room for");
	tap_says(CODE(
		char *map = mmap(NULL, 64 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

		map[5 * 4096] = 1;
		_exit(7)), "one more");
	told("then");
	tap_says(CODE(
		char *map = mmap(NULL, 64 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);

		map[0] = 1;
		_exit(7)), "a private copy of what is there");
	close(fd);
	umount(AT_);
}

static void inodes(void)
{
	int fd;

	mounted("size=1m,nr_inodes=5");
	told("fresh");
	tap_says(err(mkdir(AT_ "/d", 0755)), "mkdir");
	tap_says(err(symlink("x", AT_ "/s")), "symlink");
	tap_says(err(open(AT_ "/f", O_CREAT | O_WRONLY, 0600)) > 0, "a file");
	tap_says(err(link(AT_ "/f", AT_ "/l")), "a link");
	told("full");
	tap_says(err(link(AT_ "/f", AT_ "/m")), "another link");
	tap_says(err(mkdir(AT_ "/e", 0755)), "another directory");
	tap_says(err(mknod(AT_ "/n", S_IFIFO | 0600, 0)), "a FIFO");
	tap_says(err(open(AT_, O_TMPFILE | O_RDWR, 0600)), "O_TMPFILE");
	tap_says(err(rename(AT_ "/f", AT_ "/g")), "rename");
	tap_says(err(rename(AT_ "/l", AT_ "/g")), "rename onto the same file");
	tap_says(err(unlink(AT_ "/l")), "unlink one name");
	told("then");
	tap_says(err(fd = open(AT_, O_TMPFILE | O_RDWR, 0600)) > 0, "O_TMPFILE");
	told("then");
	tap_says(err(linkat(fd, "", AT_FDCWD, AT_ "/t", AT_EMPTY_PATH)), "gets a name");
	told("then");
	tap_says(err(link(AT_ "/t", AT_ "/u")), "and a second");
	tap_says(err(rename(AT_ "/t", AT_ "/g")), "rename over a file");
	told("then");
	umount2(AT_, MNT_DETACH);
}

static void remounts(void)
{
	int fd;

	mounted("size=64k,nr_inodes=9");
	fd = open(AT_ "/a", O_RDWR | O_CREAT, 0600);
	write(fd, many, 8 * 4096);
	tap_says(remounted("size=28k"), "remount with less than is used");
	tap_says(remounted("size=32k"), "with as much as is used");
	told("then");
	tap_says(err(pwrite(fd, "x", 1, 8 * 4096)), "a page more");
	tap_says(remounted("size=128k"), "with more");
	tap_says(err(pwrite(fd, "x", 1, 8 * 4096)), "a page more");
	told("then");
	tap_says(remounted(NULL), "without a word");
	told("then");
	tap_says(remounted("mode=700"), "with a mode");
	tap_says(remounted("size=5x"), "with nonsense");
	tap_says(remounted("nr_inodes=1"), "with fewer inodes than there are");
	tap_says(remounted("nr_inodes=2"), "with as many");
	told("then");
	tap_says(remounted("size=0"), "without a limit");
	told("then");
	tap_says(err(pwrite(fd, many, sizeof(many), 8 * 4096)), "64 pages");
	tap_says(remounted("size=1m"), "with one again");
	close(fd);
	umount(AT_);
}

static void options_shown(void)
{
	struct stat st;

	mounted("size=64k,nr_inodes=9,mode=750,uid=5,gid=6");
	tap_says(shown("size"), "size");
	tap_says(shown("nr_inodes"), "nr_inodes");
	tap_says(shown("mode"), "mode");
	tap_says(shown("uid"), "uid");
	tap_says(shown("gid"), "gid");
	stat(AT_, &st);
	tap_says(st.st_mode, "the root's mode");
	tap_says(st.st_uid, "and owner");
	umount(AT_);
	mounted(NULL);
	tap_says(shown("size"), "no size");
	tap_says(shown("nr_inodes"), "no nr_inodes");
	tap_says(shown("mode"), "no mode");
	umount(AT_);
}

int main(void)
{
	mkdir(AT_, 0755);
	units();
	pages();
	no_room_to_map();
	inodes();
	remounts();
	options_shown();
	return tap_exit();
}
