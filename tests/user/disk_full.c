/* SPDX-License-Identifier: MIT */
/*
 * A disk with 0, 1, 2 ... blocks left, and then with no inode left: whatever runs out
 * of them says ENOSPC, changes nothing that can be seen, and leaks nothing: with the
 * remains removed, as many are free as before. At the end some remains stay, for
 * e2fsck (test_full.py).
 */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include "tap.h"

#define LEFT_MOST	12

static char buf[65536];
static unsigned block;
static sigjmp_buf bus;

static void on_bus(int sig)
{
	siglongjmp(bus, 1);
}

static struct statfs space(void)
{
	struct statfs s;

	if (statfs("/mnt", &s))
		tap_bail("statfs: %s", strerror(errno));
	return s;
}

/* Leave n blocks, by a file that takes all others. */
static void leave(unsigned n)
{
	int fd = open("/mnt/fill", O_RDWR | O_CREAT, 0600);
	struct stat st;
	struct statfs s;
	long w;

	lseek(fd, 0, SEEK_END);
	while ((w = err(write(fd, buf, block))) > 0)
		;
	if (w != -ENOSPC)
		tap_bail("fill: %ld", w);
	for (s = space(); s.f_bfree < n; s = space())
		if (fstat(fd, &st) || ftruncate(fd, st.st_size - block))
			tap_bail("truncate: %s", strerror(errno));
	close(fd);
}

/* --- what may run out of space: 0, or ENOSPC without a trace --- */

static long write_at(const char *name, off_t at, size_t n)
{
	int fd = open(name, O_RDWR | O_CREAT, 0600);
	long r = fd < 0 ? -errno : err(pwrite(fd, buf, n, at));
	struct stat st = { 0 };

	if (fd >= 0) {
		if (!fstat(fd, &st) && st.st_size != (r > 0 ? at + r : 0))
			tap_bail("%s: %ld written at %ld, size %ld", name, r, (long)at,
				 (long)st.st_size);
		fsync(fd);
	}
	close(fd);
	return r > 0 ? 0 : r;
}

static long a_file(const char *name) { return write_at(name, 0, 5 * block); }
static long an_indirect(const char *name) { return write_at(name, 11 * block, 3 * block); }
static long a_double(const char *name) { return write_at(name, (12 + block / 4) * block, 2 * block); }
static long a_triple(const char *name)
{
	off_t per = block / 4;

	return write_at(name, (12 + per + per * per) * block + 100, 10);
}
static long a_directory(const char *name) { return err(mkdir(name, 0755)); }
static long a_link(const char *name)
{
	static char text[200];

	memset(text, 't', sizeof(text) - 1);
	return err(symlink(text, name));
}

/* Through a mapping, in a hole: SIGBUS. */
static long a_hole(const char *name)
{
	int fd = open(name, O_RDWR | O_CREAT, 0600);
	long r = 0;
	char *p;

	if (fd < 0)
		return -errno;
	if (ftruncate(fd, 16 * block) ||
	    (p = mmap(NULL, 16 * block, PROT_WRITE, MAP_SHARED, fd, 0)) == MAP_FAILED)
		tap_bail("mmap");
	if (!sigsetjmp(bus, 1))
		p[0] = p[8 * block] = 1;
	else
		r = -ENOSPC;
	munmap(p, 16 * block);
	fsync(fd);
	close(fd);
	return r;
}

/* Names until the directory grows. */
static long many_names(const char *name)
{
	char path[300];
	long r = err(mkdir(name, 0755));
	int i;

	for (i = 0; !r && i < 40; i++) {
		snprintf(path, sizeof(path), "%s/a-name-that-takes-some-of-the-directory-%03d",
			 name, i);
		r = err(mknod(path, S_IFREG | 0600, 0));
	}
	while (i-- > 0) {
		snprintf(path, sizeof(path), "%s/a-name-that-takes-some-of-the-directory-%03d",
			 name, i);
		unlink(path);
	}
	return r;
}

static const struct { const char *name; long (*use)(const char *name);
} uses[] = {
	{"file", a_file},
	{"indirect", an_indirect},
	{"double-indirect", a_double},
	{"triple-indirect", a_triple},
	{"directory", a_directory},
	{"link", a_link},
	{"hole", a_hole},
	{"names", many_names},
};

static void remove_it(const char *name)
{
	if (unlink(name) && errno == EISDIR)
		rmdir(name);
}

static void no_blocks(void)
{
	for (unsigned u = 0; u < ARRAY_SIZE(uses); u++) {
		int failed = 0, odd = 0, lost = 0;

		for (unsigned left = 0; left <= LEFT_MOST; left++) {
			struct statfs before, after;
			char name[100];
			long r;

			leave(left);
			before = space();
			snprintf(name, sizeof(name), "/mnt/%s", uses[u].name);
			r = uses[u].use(name);
			failed += r == -ENOSPC;
			odd += r && r != -ENOSPC;
			remove_it(name);
			after = space();
			lost += before.f_bfree != after.f_bfree || before.f_ffree != after.f_ffree;
			if (before.f_bfree != after.f_bfree)
				tap_note("%s with %u left: %ld, free %ld then %ld", uses[u].name,
					 left, r, (long)before.f_bfree, (long)after.f_bfree);
		}
		tap_ok(failed && !odd, "%s: ENOSPC and nothing else", uses[u].name);
		tap_is(lost, 0, "%s: all comes back", uses[u].name);
	}
	tap_is(err(unlink("/mnt/fill")), 0, "room again");
}

static void no_inodes(void)
{
	struct statfs before, full, after;
	char name[100];
	long r = 0;
	int i;

	mkdir("/mnt/inodes", 0755);
	before = space();
	for (i = 0; !r; i++) {
		snprintf(name, sizeof(name), "/mnt/inodes/%d", i);
		r = err(mknod(name, S_IFREG | 0600, 0));
	}
	tap_is(r, -ENOSPC, "no inode is left");
	full = space();
	tap_is((long)full.f_ffree, 0, "statfs agrees");
	tap_is(err(mkdir("/mnt/inodes/d", 0755)), -ENOSPC, "a directory");
	tap_is(err(symlink("x", "/mnt/inodes/l")), -ENOSPC, "a link");
	tap_is(err(open("/mnt/inodes/f", O_RDWR | O_CREAT, 0600)), -ENOSPC, "a file");
	tap_is(err(link("/mnt/inodes/0", "/mnt/inodes/hard")), 0, "a second name needs none");
	tap_is(err(rename("/mnt/inodes/1", "/mnt/inodes/one")), 0, "nor does another name");
	tap_is((long)space().f_bfree, (long)full.f_bfree, "what failed took no block");
	unlink("/mnt/inodes/hard");
	rename("/mnt/inodes/one", "/mnt/inodes/1");
	for (i--; i-- > 0; ) {
		snprintf(name, sizeof(name), "/mnt/inodes/%d", i);
		unlink(name);
	}
	after = space();
	tap_is((long)after.f_ffree, (long)before.f_ffree, "every inode comes back");
}

/* A name that was looked for in it in vain does not keep a directory. */
static void gone_directories(void)
{
	struct statfs before = space();

	mkdir("/mnt/a", 0755);
	mkdir("/mnt/b", 0755);
	access("/mnt/b/nothing", F_OK);
	tap_is(err(rename("/mnt/a", "/mnt/b")), 0, "a directory over another");
	tap_is((long)space().f_bfree, (long)before.f_bfree - 1, "whose block is free");
	access("/mnt/b/nothing", F_OK);
	tap_is(err(rmdir("/mnt/b")), 0, "rmdir");
	tap_is((long)space().f_bfree, (long)before.f_bfree, "frees its block too");
}

/* What stays when the disk ran full is sound too. */
static void remains(void)
{
	for (unsigned u = 0; u < ARRAY_SIZE(uses); u++)
		for (unsigned left = 0; left <= 5; left++) {
			char name[100];

			leave(left);
			snprintf(name, sizeof(name), "/mnt/%s-%u", uses[u].name, left);
			uses[u].use(name);
			unlink("/mnt/fill");
		}
	leave(0);
}

int main(void)
{
	umount("/mnt");
	tap_is(err(mount("/dev/vda", "/mnt", "ext2", 0, NULL)), 0, "mount");
	block = (unsigned)space().f_bsize;
	memset(buf, 'f', sizeof(buf));
	signal(SIGBUS, on_bus);
	no_blocks();
	no_inodes();
	gone_directories();
	remains();
	tap_is(err(umount("/mnt")), 0, "unmount");
	return tap_exit();
}
