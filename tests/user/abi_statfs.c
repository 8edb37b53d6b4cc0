/* SPDX-License-Identifier: MIT */
/* What statfs says of a tmpfs before and after there is something in it. */
#include "tap.h"
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#define PAGES	37

static struct statfs look(void)
{
	struct statfs sf = { 0 };

	tap_is(err(statfs("/mnt/t", &sf)), 0, "statfs");
	return sf;
}

static void fill(const char *name)
{
	static char page[4096];
	int fd = open(name, O_WRONLY | O_CREAT, 0600);

	for (int i = 0; i < PAGES; i++)
		if (write(fd, page, sizeof(page)) != sizeof(page))
			tap_note("a short write");
	close(fd);
}

int main(void)
{
	struct statfs empty, full, pts;

	mkdir("/mnt/t", 0755);
	tap_is(err(mount("tmpfs", "/mnt/t", "tmpfs", 0, NULL)), 0, "mount");
	empty = look();
	tap_is(empty.f_bsize, 4096, "block size");
	tap_ok(empty.f_blocks > 1000 && empty.f_bfree == empty.f_blocks, "an empty one is free");
	tap_is(empty.f_files - empty.f_ffree, 1, "but for its root");
	fill("/mnt/t/file");
	full = look();
	tap_is(empty.f_bfree - full.f_bfree, PAGES, "pages of a file are used");
	tap_is(empty.f_bavail - full.f_bavail, PAGES, "and not available");
	tap_is(empty.f_ffree - full.f_ffree, 1, "one inode");
	tap_is(err(mkdir("/mnt/t/d", 0755)), 0, "a directory");
	full = look();
	tap_is(empty.f_bfree - full.f_bfree, PAGES, "takes no page");
	tap_is(empty.f_ffree - full.f_ffree, 2, "but an inode");
	unlink("/mnt/t/file");
	rmdir("/mnt/t/d");
	full = look();
	tap_is(empty.f_bfree - full.f_bfree, 0, "all pages are back");
	tap_is(empty.f_ffree - full.f_ffree, 0, "all inodes too");
	tap_is(err(umount("/mnt/t")), 0, "umount");
	mkdir("/mnt/p", 0755);
	tap_is(err(mount("devpts", "/mnt/p", "devpts", 0, NULL)), 0, "mount devpts");
	tap_is(err(statfs("/mnt/p", &pts)), 0, "its statfs");
	tap_is(pts.f_blocks, 0, "has no blocks");
	tap_is(pts.f_files, 0, "and no inodes to tell of");
	umount("/mnt/p");
	return tap_exit();
}
