/* SPDX-License-Identifier: MIT */
/*
 * Two disks at a time, one of which cannot be written: what changes something on it is
 * refused with EROFS before it looks any further, reading and mapping go on.
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include "tap.h"

static void refused(const char *where)
{
	char name[100], other[100];
	struct timespec times[2] = { { 0 } };
	struct statvfs fs;
	char *p;
	int fd;

	sprintf(name, "%s/file", where);
	sprintf(other, "%s/new", where);
	tap_is(err(open(name, O_RDWR)), -EROFS, "%s: open for writing", where);
	tap_is(err(open(name, O_RDONLY | O_TRUNC)), -EROFS, "%s: O_TRUNC", where);
	tap_is(err(open(other, O_RDWR | O_CREAT, 0600)), -EROFS, "%s: O_CREAT", where);
	fd = open(name, O_RDONLY | O_CREAT, 0600);
	tap_ok(fd >= 0, "%s: O_CREAT of what exists", where);
	close(fd);
	tap_is(err(mkdir(other, 0755)), -EROFS, "%s: mkdir", where);
	tap_is(err(mknod(other, S_IFIFO | 0600, 0)), -EROFS, "%s: mknod", where);
	tap_is(err(symlink("x", other)), -EROFS, "%s: symlink", where);
	tap_is(err(link(name, other)), -EROFS, "%s: link", where);
	tap_is(err(rename(name, other)), -EROFS, "%s: rename", where);
	tap_is(err(unlink(name)), -EROFS, "%s: unlink", where);
	tap_is(err(truncate(name, 1)), -EROFS, "%s: truncate", where);
	tap_is(err(chmod(name, 0600)), -EROFS, "%s: chmod", where);
	tap_is(err(chown(name, 1, 1)), -EROFS, "%s: chown", where);
	tap_is(err(utimensat(AT_FDCWD, name, times, 0)), -EROFS, "%s: utimensat", where);
	tap_is(err(access(name, W_OK)), -EROFS, "%s: access", where);
	tap_is(err(mkdir(name, 0755)), -EEXIST, "%s: mkdir of what exists", where);
	tap_ok(!statvfs(where, &fs) && (fs.f_flag & ST_RDONLY), "%s: statvfs", where);
	fd = open(name, O_RDONLY);
	tap_is(err(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0)), -EACCES,
	       "%s: a shared mapping", where);
	p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	tap_ok(p != MAP_FAILED && *p == 'f', "%s: a private one", where);
	munmap(p, 4096);
	tap_is(err(fsync(fd)), 0, "%s: fsync", where);
	close(fd);
}

int main(void)
{
	char c = 0;
	int fd, kept;

	umount("/mnt");
	tap_is(err(mount("/dev/vdb", "/root", "ext2", 0, NULL)), -EACCES,
	       "a read-only disk for writing");
	tap_is(err(mount("/dev/vdb", "/root", "ext2", MS_RDONLY, NULL)), 0, "for reading");
	tap_is(err(mount("/dev/vda", "/mnt", "ext2", 0, NULL)), 0, "the other disk");
	refused("/root");
	tap_is(err(mount(NULL, "/root", NULL, MS_REMOUNT, NULL)), -EROFS, "remount for writing");
	fd = open("/dev/vdb", O_RDWR);
	tap_is(err(pwrite(fd, "x", 1, 0)), -EPERM, "a write to the device itself");
	close(fd);
	kept = open("/mnt/file", O_RDWR);
	tap_is(err(mount(NULL, "/mnt", NULL, MS_REMOUNT | MS_RDONLY, NULL)), -EBUSY,
	       "remount with a writer");
	tap_is(err(pwrite(kept, "F", 1, 1)), 1, "who goes on");
	close(kept);
	tap_is(err(mount(NULL, "/mnt", NULL, MS_REMOUNT | MS_RDONLY, NULL)), 0, "remount without");
	refused("/mnt");
	tap_is(err(mount(NULL, "/mnt", NULL, MS_REMOUNT, NULL)), 0, "and back");
	fd = open("/mnt/file", O_RDWR);
	tap_ok(pread(fd, &c, 1, 1) == 1 && c == 'F', "what was written is there");
	tap_is(err(pwrite(fd, "G", 1, 2)), 1, "and more is");
	close(fd);
	tap_is(err(umount("/mnt")), 0, "unmount");
	tap_is(err(umount("/root")), 0, "unmount the other");
	return tap_exit();
}
