/* SPDX-License-Identifier: MIT */
/*
 * A disk that cannot read or write some of its sectors (test_errors.py says which, by
 * file). What is asked of a bad sector gives EIO, each time; what is beside it is
 * unharmed. A write error is told by fsync, once for every descriptor that was open.
 */
#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include "tap.h"

#define BLOCK	4096
#define BAD	5		/* the bad block of bad-data and bad-write */

static char buf[64 * BLOCK];
static sigjmp_buf bus;

static void on_bus(int sig)
{
	siglongjmp(bus, 1);
}

static bool all_are(char c, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (buf[i] != c)
			return false;
	return true;
}

static void data_reads(void)
{
	int fd = open("/mnt/bad-data", O_RDONLY);
	volatile char *p;

	for (int round = 0; round < 2; round++) {
		tap_is(err(pread(fd, buf, 32 * BLOCK, 0)), BAD * BLOCK,
		       "read as far as the bad block");
		tap_ok(all_are('d', BAD * BLOCK), "what was read is right");
		tap_is(err(pread(fd, buf, BLOCK, BAD * BLOCK)), -EIO, "the bad block");
		tap_is(err(pread(fd, buf, 100, BAD * BLOCK + 100)), -EIO, "a part of it");
		tap_is(err(pread(fd, buf, 8 * BLOCK, (BAD + 1) * BLOCK)), 8 * BLOCK,
		       "those behind it");
		tap_ok(all_are('d', 8 * BLOCK), "they are right");
	}
	signal(SIGBUS, on_bus);
	p = mmap(NULL, 32 * BLOCK, PROT_READ, MAP_SHARED, fd, 0);
	if (!sigsetjmp(bus, 1)) {
		p[BAD * BLOCK];
		tap_ok(false, "SIGBUS in a mapping");
	} else {
		tap_ok(true, "SIGBUS in a mapping");
	}
	tap_is(p[(BAD + 1) * BLOCK], 'd', "the mapping's next page");
	tap_is(err(madvise((void *)p, 32 * BLOCK, MADV_WILLNEED)), 0, "read ahead over it");
	munmap((void *)p, 32 * BLOCK);
	tap_is(err(write(open("/tmp/out", O_RDWR | O_CREAT, 0600), (char *)buf, 10)), 10,
	       "others go on");
	close(fd);
	fd = open("/mnt/bad-data", O_RDWR);
	tap_is(err(pwrite(fd, "x", 1, BAD * BLOCK + 7)), -EIO,
	       "a part of a block that cannot be read is not written");
	close(fd);
}

static void metadata_reads(void)
{
	struct stat st;
	DIR *d = opendir("/mnt/bad-dir");
	int fd, n = 0;

	errno = 0;
	while (d && readdir(d))
		n++;
	tap_is(n ? n : -errno, -EIO, "a directory that cannot be read");
	if (d)
		closedir(d);
	tap_is(err(stat("/mnt/bad-dir/name", &st)), -EIO, "a name in it");
	tap_is(err(open("/mnt/bad-dir/new", O_CREAT | O_RDWR, 0600)), -EIO, "a new name in it");
	tap_is(err(rmdir("/mnt/bad-dir")), -EIO, "its removal");
	fd = open("/mnt/bad-map", O_RDWR);
	tap_is(err(pread(fd, buf, 12 * BLOCK, 0)), 12 * BLOCK, "direct blocks");
	tap_is(err(pread(fd, buf, BLOCK, 12 * BLOCK)), -EIO,
	       "behind an indirect block that cannot be read");
	tap_is(err(pwrite(fd, buf, BLOCK, 20 * BLOCK)), -EIO, "a write there");
	close(fd);
	tap_is(err(truncate("/mnt/bad-map", 0)), -EIO, "truncate");
	tap_is(err(stat("/mnt/bad-inode", &st)), -EIO, "an inode that cannot be read");
	tap_is(err(open("/mnt/bad-inode", O_RDONLY)), -EIO, "to open it");
	tap_is(err(unlink("/mnt/bad-inode")), -EIO, "to unlink it");
}

static void writes(void)
{
	int a = open("/mnt/bad-write", O_RDWR), b = open("/mnt/bad-write", O_RDWR), c, other;

	memset(buf, 'w', sizeof(buf));
	tap_is(err(pwrite(a, buf, 16 * BLOCK, 0)), 16 * BLOCK, "a write to the cache");
	tap_is(err(fsync(a)), -EIO, "fsync says that it failed");
	tap_is(err(fsync(a)), 0, "once");
	tap_is(err(fdatasync(b)), -EIO, "the other descriptor is told too");
	tap_is(err(fsync(b)), 0, "once");
	c = open("/mnt/bad-write", O_RDWR);
	tap_is(err(fsync(c)), 0, "who comes later is not");
	tap_is(err(pwrite(c, buf, BLOCK, 0)), BLOCK, "a write beside it");
	tap_is(err(fsync(c)), 0, "is kept");
	tap_is(err(pwrite(c, buf, BLOCK, BAD * BLOCK)), BLOCK, "the bad one again");
	sync();
	tap_is(err(fsync(c)), -EIO, "written by sync, told by fsync");
	tap_is(err(fsync(c)), 0, "once more");
	tap_is(err(fsync(a)), -EIO, "and to the first");
	close(a);
	close(b);
	close(c);
	other = open("/mnt/good", O_RDWR | O_CREAT, 0600);
	tap_is(err(write(other, buf, 10 * BLOCK)), 10 * BLOCK, "another file");
	tap_is(err(fsync(other)), 0, "has no error");
	close(other);
	c = open("/mnt/bad-write", O_RDWR | O_DSYNC);
	tap_is(err(pwrite(c, buf, BLOCK, BAD * BLOCK)), -EIO, "O_DSYNC tells at once");
	close(c);
}

static void mapped_writes(void)
{
	int fd = open("/mnt/bad-write", O_RDWR);
	char *p = mmap(NULL, 16 * BLOCK, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	p[BAD * BLOCK] = 'm';
	tap_is(err(msync(p, 16 * BLOCK, MS_SYNC)), -EIO, "msync");
	tap_is(err(msync(p, 16 * BLOCK, MS_SYNC)), 0, "once");
	munmap(p, 16 * BLOCK);
	close(fd);
}

static void metadata_writes(void)
{
	int fd = open("/mnt/bad-slot", O_RDWR);

	tap_is(err(fchmod(fd, 0640)), 0, "an inode whose slot cannot be written");
	tap_is(err(fsync(fd)), -EIO, "fsync tells");
	close(fd);
}

int main(void)
{
	struct stat st;

	umount("/mnt");
	tap_is(err(mount("/dev/vda", "/mnt", "ext2", 0, "errors=continue")), 0, "mount");
	data_reads();
	metadata_reads();
	writes();
	mapped_writes();
	metadata_writes();
	tap_is(err(umount("/mnt")), 0, "unmount");
	tap_is(err(mount("/dev/vda", "/mnt", "ext2", MS_RDONLY, NULL)), 0, "mount again");
	tap_ok(!stat("/mnt/good", &st) && st.st_size == 10 * BLOCK,
	       "what could be written is there");
	tap_is(err(umount("/mnt")), 0, "the last unmount");
	tap_is(err(mount("/dev/vdb", "/mnt", "ext2", 0, NULL)), -EIO,
	       "a superblock that cannot be read");
	tap_is(err(mount("/dev/vdc", "/mnt", "ext2", 0, NULL)), -EIO,
	       "descriptors that cannot be read");
	tap_is(err(mount("/dev/vdd", "/mnt", "ext2", 0, NULL)), -EIO,
	       "a root inode that cannot be read");
	return tap_exit();
}
