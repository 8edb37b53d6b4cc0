/* SPDX-License-Identifier: MIT */
/*
 * An ext2 image made by mke2fs -d, used from every side at once.
 *
 * What the host put there reads back; then WORKERS processes do random things to
 * files of their own, against a model in memory; the file system is unmounted,
 * mounted again, and read once more, cold. What is left is compared on the host
 * (test_ext2.py), after e2fsck. The contents of every byte follow from its file's
 * number and place, so the host can tell too.
 */
#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include "tap.h"

#define WORKERS		4
#define FILES		24
#define SIZE_MAX_	(300 * 1024)
#define ROUNDS		400

static unsigned long long seed;

static unsigned rnd(unsigned below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned)(seed >> 20) % below;
}

/* --- what mke2fs -d put there --- */

static unsigned char pattern(unsigned file, unsigned long at)
{
	return (unsigned char)(at * 31 + (at >> 8) * 7 + file * 13);
}

static bool file_has_pattern(const char *path, unsigned file, unsigned long size)
{
	unsigned char buf[5000];
	unsigned long at = 0;
	int fd = open(path, O_RDONLY);
	ssize_t n;

	if (fd < 0)
		return false;
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		for (ssize_t i = 0; i < n; i++, at++)
			if (buf[i] != pattern(file, at)) {
				tap_note("%s: byte %lu", path, at);
				close(fd);
				return false;
			}
	close(fd);
	return n == 0 && at == size;
}

static int count_names(const char *path)
{
	DIR *d = opendir(path);
	int n = 0;

	if (!d)
		return -errno;
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static void check_stock(void)
{
	struct stat st;
	char text[300] = "", want[300];
	int fd;

	tap_ok(file_has_pattern("/mnt/stock/small", 1, 100), "a small file");
	tap_ok(file_has_pattern("/mnt/stock/large", 2, 5 * 1024 * 1024 + 17),
	       "a file of three map levels");
	tap_is(count_names("/mnt/stock/many"), 1502, "a directory of 1500 names");
	tap_is(err(stat("/mnt/stock/many/name-with-some-length-0777", &st)), 0,
	       "one of them is found");
	tap_is(err(stat("/mnt/stock/many/name-with-some-length-1777", &st)), -ENOENT,
	       "a missing one is not");
	tap_is(err(readlink("/mnt/stock/short-link", text, sizeof(text))), 5, "a short link");
	memset(text, 0, sizeof(text));
	memset(want, 'x', 200);
	tap_is(err(readlink("/mnt/stock/long-link", text, sizeof(text))), 200,
	       "a link in a block of its own");
	tap_ok(!memcmp(text, want, 200), "and its text");
	tap_ok(!stat("/mnt/stock/sparse", &st) && st.st_size == 70 * 1024 * 1024 &&
		       st.st_blocks < 64,
	       "a sparse file");
	fd = open("/mnt/stock/sparse", O_RDONLY);
	tap_ok(pread(fd, text, 4, 50 * 1024 * 1024) == 4 && !memcmp(text, "\0\0\0\0", 4),
	       "its hole is zeros");
	tap_ok(pread(fd, text, 4, 70 * 1024 * 1024 - 4) == 4 && !memcmp(text, "tail", 4),
	       "its end is not");
	close(fd);
	tap_ok(!stat("/mnt/stock/deep/a/b/c/d/e/f/g", &st) && S_ISDIR(st.st_mode),
	       "eight directories deep");
}

/* --- a worker against its model --- */

struct model {
	bool exists;
	unsigned long size;
	unsigned char *bytes;
};

static struct model model[FILES];
static char base[64];

static void name_of(char *buf, unsigned i)
{
	sprintf(buf, "%s/%s%u", base, i % 3 ? "f" : "a-file-with-a-longer-name-", i);
}

static void fail(const char *what, unsigned i)
{
	tap_bail("%s: %s, file %u: %s", base, what, i, strerror(errno));
}

static void op_write(unsigned i, bool mapped)
{
	struct model *m = &model[i];
	unsigned long at = rnd(8) ? rnd((unsigned)(m->exists ? m->size + 1 : 1)) : rnd(SIZE_MAX_ - 40000);
	unsigned long n = 1 + rnd(rnd(4) ? 5000 : 40000);
	char name[100];
	int fd;

	if (at + n > SIZE_MAX_)
		at = SIZE_MAX_ - n;
	name_of(name, i);
	fd = open(name, O_RDWR | O_CREAT, 0644);
	if (fd < 0)
		fail("open", i);
	if (!m->exists)
		m->size = 0;
	m->exists = true;
	if (at > m->size)
		memset(m->bytes + m->size, 0, at - m->size);
	for (unsigned long k = 0; k < n; k++)
		m->bytes[at + k] = (unsigned char)rnd(256);
	if (at + n > m->size)
		m->size = at + n;
	if (mapped) {
		unsigned char *p;

		if (ftruncate(fd, (off_t)m->size))
			fail("ftruncate", i);
		p = mmap(NULL, m->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		if (p == MAP_FAILED)
			fail("mmap", i);
		memcpy(p + at, m->bytes + at, n);
		if (rnd(2) && msync(p, m->size, MS_SYNC))
			fail("msync", i);
		munmap(p, m->size);
	} else if (pwrite(fd, m->bytes + at, n, (off_t)at) != (ssize_t)n) {
		fail("pwrite", i);
	}
	if (!rnd(10) && (rnd(2) ? fsync(fd) : fdatasync(fd)))
		fail("fsync", i);
	close(fd);
}

static void op_truncate(unsigned i)
{
	struct model *m = &model[i];
	unsigned long size = rnd(SIZE_MAX_);
	char name[100];

	name_of(name, i);
	if (!m->exists)
		return;
	if (rnd(2))
		size = rnd((unsigned)m->size + 1);
	if (truncate(name, (off_t)size))
		fail("truncate", i);
	if (size > m->size)
		memset(m->bytes + m->size, 0, size - m->size);
	m->size = size;
}

static void op_unlink(unsigned i)
{
	char name[100];

	name_of(name, i);
	if (err(unlink(name)) != (model[i].exists ? 0 : -ENOENT))
		fail("unlink", i);
	model[i].exists = false;
}

static void op_rename(unsigned i, unsigned k)
{
	char from[100], to[100];
	struct model old = model[k];

	name_of(from, i);
	name_of(to, k);
	if (err(rename(from, to)) != (model[i].exists ? 0 : -ENOENT))
		fail("rename", i);
	if (!model[i].exists || i == k)
		return;
	model[k] = model[i];
	model[i] = old;
	model[i].exists = false;
}

static void op_dirs(void)
{
	char name[100], inner[120];

	sprintf(name, "%s/dir%u", base, rnd(5));
	sprintf(inner, "%s/inner", name);
	if (mkdir(name, 0755) && errno != EEXIST)
		fail("mkdir", 0);
	if (mkdir(inner, 0700) && errno != EEXIST)
		fail("mkdir", 1);
	if (err(rmdir(name)) != -ENOTEMPTY)
		fail("rmdir of a full directory", 0);
	if (rmdir(inner) || (rnd(2) && rmdir(name)))
		fail("rmdir", 0);
}

static void check_one(unsigned i)
{
	static unsigned char buf[SIZE_MAX_ + 1];
	struct model *m = &model[i];
	char name[100];
	ssize_t n = 0, got;
	int fd;

	name_of(name, i);
	fd = open(name, O_RDONLY);
	if ((fd >= 0) != m->exists)
		fail("exists or not", i);
	if (fd < 0)
		return;
	while ((got = read(fd, buf + n, sizeof(buf) - (size_t)n)) > 0)
		n += got;
	close(fd);
	if (got < 0)
		fail("read", i);
	if ((unsigned long)n != m->size) {
		tap_note("%ld bytes, should be %lu", (long)n, m->size);
		fail("size", i);
	}
	for (ssize_t k = 0; k < n; k++)
		if (buf[k] != m->bytes[k]) {
			tap_note("byte %ld of %ld is %#x, should be %#x", (long)k, (long)n, buf[k],
				 m->bytes[k]);
			fail("contents", i);
		}
}

/* Small sums that the host can make too: "NAME SIZE SUM" lines in the worker's own list. */
static void write_list(void)
{
	char name[100];
	FILE *f;

	sprintf(name, "%s/list", base);
	f = fopen(name, "w");
	if (!f)
		fail("list", 0);
	for (unsigned i = 0; i < FILES; i++) {
		unsigned long sum = 0;

		if (!model[i].exists)
			continue;
		for (unsigned long k = 0; k < model[i].size; k++)
			sum = (sum * 31 + model[i].bytes[k]) & 0xffffffff;
		name_of(name, i);
		fprintf(f, "%s %lu %lu\n", name + 5, model[i].size, sum);
	}
	if (fclose(f))
		fail("list", 1);
}

static void work(unsigned w, int go, int done)
{
	char c;

	seed = 0x9e3779b97f4a7c15ull * (w + 1);
	sprintf(base, "/mnt/w%u", w);
	if (mkdir(base, 0755))
		fail("mkdir", w);
	for (unsigned i = 0; i < FILES; i++)
		model[i].bytes = malloc(SIZE_MAX_);
	for (unsigned r = 0; r < ROUNDS; r++) {
		unsigned i = rnd(FILES);

		switch (rnd(12)) {
		case 0: case 1: case 2: case 3:
			op_write(i, false);
			break;
		case 4: case 5:
			op_write(i, true);
			break;
		case 6:
			op_truncate(i);
			break;
		case 7:
			op_unlink(i);
			break;
		case 8:
			op_rename(i, rnd(FILES));
			break;
		case 9:
			op_dirs();
			break;
		default:
			check_one(i);
		}
	}
	for (unsigned i = 0; i < FILES; i++)
		check_one(i);
	write_list();
	if (write(done, "d", 1) != 1 || read(go, &c, 1) != 1)
		fail("pipe", w);
	/* It was unmounted and mounted meanwhile. */
	for (unsigned i = 0; i < FILES; i++)
		check_one(i);
	_exit(0);
}

static bool wait_done(int fd)
{
	char c;

	for (int w = 0; w < WORKERS; w++)
		if (read(fd, &c, 1) != 1)
			return false;
	return true;
}

static void run_workers(void)
{
	int go[2], done[2], status, bad = 0;

	if (pipe(go) || pipe(done))
		tap_bail("pipe");
	for (unsigned w = 0; w < WORKERS; w++)
		if (!fork()) {
			close(done[0]);
			close(go[1]);
			work(w, go[0], done[1]);
		}
	close(done[1]);
	tap_ok(wait_done(done[0]), "every worker agrees with its model");
	tap_is(err(umount("/mnt")), 0, "unmount");
	tap_is(err(mount("/dev/vda", "/mnt", "ext2", 0, NULL)), 0, "mount again");
	if (write(go[1], "gggg", WORKERS) != WORKERS)
		tap_bail("pipe");
	for (int w = 0; w < WORKERS; w++)
		bad += wait(&status) < 0 || status;
	tap_is(bad, 0, "all is as it was, cold");
}

/* --- the disk is full --- */

static void fill(void)
{
	static char block[65536];
	struct statfs before, full, after;
	int fd = open("/mnt/fill", O_WRONLY | O_CREAT, 0644);
	long n;

	statfs("/mnt", &before);
	memset(block, 0xa5, sizeof(block));
	while ((n = err(write(fd, block, sizeof(block)))) > 0)
		;
	tap_is(n, -ENOSPC, "a full disk says so");
	statfs("/mnt", &full);
	tap_ok(full.f_bfree < 4, "and has nothing left");
	tap_is(err(fsync(fd)), 0, "what was written is kept");
	close(fd);
	tap_is(err(unlink("/mnt/fill")), 0, "unlink");
	statfs("/mnt", &after);
	tap_is((long)after.f_bfree, (long)before.f_bfree, "every block comes back");
	tap_is((long)after.f_ffree, (long)before.f_ffree + 1, "and the inode");
}

static void direct(void)
{
	int fd = open("/mnt/direct", O_RDWR | O_CREAT | O_DIRECT, 0644), plain, dir;
	static char block[8192] __attribute__((aligned(4096))),
		back[8192] __attribute__((aligned(4096)));

	memset(block, 'd', sizeof(block));
	tap_is(err(pwrite(fd, block, sizeof(block), 512)), sizeof(block), "a direct write");
	tap_is(err(pwrite(fd, block, 100, 0)), -EINVAL, "of an odd length");
	tap_is(err(pwrite(fd, block, 512, 100)), -EINVAL, "at an odd place");
	tap_is(err(pwrite(fd, block + 1, 512, 0)), -EINVAL, "from an odd address");
	tap_is(err(pread(fd, back, 100, 0)), -EINVAL, "a direct read of an odd length");
	tap_ok(pread(fd, back, sizeof(back), 512) == sizeof(back) &&
		       !memcmp(back, block, sizeof(back)),
	       "a direct read");
	plain = open("/mnt/direct", O_RDWR);
	tap_ok(pread(plain, back, 4, 510) == 4 && !memcmp(back, "\0\0dd", 4),
	       "another reader sees it");
	tap_ok(pwrite(plain, "new", 3, 600) == 3 && pread(fd, back, 512, 512) == 512 &&
		       !memcmp(back + 88, "new", 3),
	       "and it sees another's");
	dir = open("/mnt", O_RDONLY);
	tap_is(err(fsync(dir)), 0, "fsync of a directory");
	tap_is(err(fdatasync(dir)), 0, "fdatasync of one");
	close(dir);
	close(plain);
	close(fd);
	unlink("/mnt/direct");
}

/* A name that is known not to be there must not keep the folder it is not in. */
static void removed_folders(void)
{
	struct statfs before, after;
	struct stat st;

	statfs("/mnt", &before);
	mkdir("/mnt/gone", 0755);
	tap_is(err(stat("/mnt/gone/none", &st)), -ENOENT, "a name that is not there");
	tap_is(err(rmdir("/mnt/gone")), 0, "rmdir");
	mkdir("/mnt/one", 0755);
	mkdir("/mnt/two", 0755);
	stat("/mnt/two/none", &st);
	tap_is(err(rename("/mnt/one", "/mnt/two")), 0, "a rename over a folder");
	tap_is(err(rmdir("/mnt/two")), 0, "rmdir of it");
	statfs("/mnt", &after);
	tap_is((long)after.f_ffree, (long)before.f_ffree, "every inode is free again");
	tap_is((long)after.f_bfree, (long)before.f_bfree, "and every block");
}

static void special_files(void)
{
	struct stat st;
	int fd;

	mkdir("/mnt/special", 0755);
	tap_is(err(mknod("/mnt/special/null", S_IFCHR | 0666, makedev(1, 3))), 0,
	       "a character device");
	tap_is(err(mknod("/mnt/special/disk", S_IFBLK | 0600, makedev(300, 70000))), 0,
	       "a block device of large numbers");
	tap_is(err(mkfifo("/mnt/special/fifo", 0600)), 0, "a FIFO");
	tap_is(err(symlink("../w0/list", "/mnt/special/link")), 0, "a link");
	tap_is(err(link("/mnt/stock/small", "/mnt/special/hard")), 0, "a hard link");
	fd = open("/mnt/special/null", O_RDWR);
	tap_ok(fd >= 0 && write(fd, "x", 1) == 1, "the device opens");
	close(fd);
	tap_ok(!stat("/mnt/special/disk", &st) && st.st_rdev == makedev(300, 70000),
	       "its number is kept");
	tap_is(err(chmod("/mnt/special/hard", 04751)), 0, "chmod");
	tap_is(err(chown("/mnt/special/fifo", 100000, 70000)), 0, "chown to large numbers");
}

/* Removed while open: contents stay to the last close, then the space comes back. */
static void unlinked_but_open(void)
{
	struct statfs before, after;
	char c = 0;
	int fd;

	statfs("/mnt", &before);
	fd = open("/mnt/gone", O_RDWR | O_CREAT, 0600);
	tap_is(err(unlink("/mnt/gone")), 0, "unlink of an open file");
	tap_is(err(pwrite(fd, "z", 1, 100000)), 1, "it can be written");
	tap_ok(pread(fd, &c, 1, 100000) == 1 && c == 'z', "and read");
	close(fd);
	statfs("/mnt", &after);
	tap_is((long)after.f_bfree, (long)before.f_bfree, "its blocks come back at the last close");
}

/* Pages of the file that are in memory. */
static int cached(int fd, size_t bytes)
{
	unsigned char there[64];
	void *map = mmap(NULL, bytes, PROT_READ, MAP_SHARED, fd, 0);
	int n = 0;

	mincore(map, bytes, there);
	for (size_t i = 0; i < bytes / 4096; i++)
		n += there[i] & 1;
	munmap(map, bytes);
	return n;
}

static void drop(const char *what)
{
	int fd = open("/proc/sys/vm/drop_caches", O_WRONLY);

	tap_is(err(write(fd, what, 1)), 1, "drop_caches: %s", what);
	close(fd);
}

/* Field of the whole disk in /proc/diskstats, from 0 behind its name. */
static unsigned long long disk_count(int field)
{
	unsigned long long n = ~0ull;
	char line[300];
	FILE *f = fopen("/proc/diskstats", "r");

	while (fgets(line, sizeof(line), f)) {
		char *at = strstr(line, " vda ");

		if (!at)
			continue;
		at += 5;
		while (field--)
			at = strchr(at, ' ') + 1;
		n = strtoull(at, NULL, 10);
		break;
	}
	fclose(f);
	return n;
}

static void caches(void)
{
	static char data[40 * 4096];
	unsigned long long sectors, life_ms;
	struct timespec now;
	int fd = open("/mnt/cached", O_RDWR | O_CREAT, 0600);

	memset(data, 'c', sizeof(data));
	tap_is(err(write(fd, data, sizeof(data))), sizeof(data), "a file");
	tap_is(cached(fd, sizeof(data)), 40, "is in memory");
	drop("1");
	tap_is(cached(fd, sizeof(data)), 40, "and stays while it is not on the disk");
	sync();
	drop("2");
	tap_is(cached(fd, sizeof(data)), 40, "names go, pages stay");
	drop("1");
	tap_is(cached(fd, sizeof(data)), 0, "clean pages go");
	drop("3");
	sectors = disk_count(2);
	memset(data, 0, sizeof(data));
	tap_is(err(pread(fd, data, sizeof(data), 0)), sizeof(data), "they can be read again");
	tap_ok(data[0] == 'c' && !memcmp(data, data + 1, sizeof(data) - 1), "as they were");
	tap_ok(disk_count(2) - sectors >= sizeof(data) / 512, "from the disk");
	clock_gettime(CLOCK_MONOTONIC, &now);
	/* Each request took less than the machine's life. */
	life_ms = (now.tv_sec + 1) * 1000ull;
	tap_ok(disk_count(3) <= disk_count(0) * life_ms && disk_count(7) <= disk_count(4) * life_ms,
	       "the times of the disk are possible ones");
	close(fd);
	unlink("/mnt/cached");
}

/* Bytes 100 to 4000 that are not 0, once a file of that length was cut to 100 and is as long again. */
static int come_back(bool cached, bool written)
{
	static char data[4000];
	int fd = open("/mnt/tail", O_RDWR | O_CREAT | O_TRUNC, 0600), n = 0;

	memset(data, 't', sizeof(data));
	if (write(fd, data, sizeof(data)) != sizeof(data))
		tap_bail("tail: %s", strerror(errno));
	sync();
	if (!cached)
		drop("1");
	if (ftruncate(fd, 100))
		tap_bail("ftruncate: %s", strerror(errno));
	sync();
	drop("1");
	if (written ? pwrite(fd, "", 1, sizeof(data) - 1) != 1 : ftruncate(fd, sizeof(data)))
		tap_bail("longer: %s", strerror(errno));
	if (pread(fd, data, sizeof(data), 0) != sizeof(data))
		tap_bail("tail: %s", strerror(errno));
	for (unsigned i = 100; i < sizeof(data); i++)
		n += data[i] != 0;
	close(fd);
	unlink("/mnt/tail");
	return n;
}

static void cut_off(void)
{
	tap_is(come_back(true, true), 0, "what truncate cuts off does not come back with a write");
	tap_is(come_back(false, true), 0, "nor where it was not in memory");
	tap_is(come_back(false, false), 0, "nor with another truncate");
}

int main(void)
{
	struct statfs fs;

	/* The runner has mounted it for programs that want to write somewhere. */
	umount("/mnt");
	tap_is(err(mount("/dev/vda", "/mnt", "ext2", MS_NOEXEC, "errors=maybe")), -EINVAL,
	       "unknown options are refused");
	tap_is(err(mount("/dev/vda", "/mnt", "ext2", 0, NULL)), 0, "mount");
	tap_is(err(mount("/dev/null", "/root", "ext2", 0, NULL)), -ENOTBLK, "only block devices");
	tap_is(err(mount("/dev/vda", "/mnt", "ext2", 0, NULL)), -EBUSY, "not twice in one place");
	tap_is(err(mount("/dev/vda", "/root", "ext2", MS_RDONLY, NULL)), -EBUSY,
	       "not read-only beside");
	tap_is(err(mount("/dev/vda", "/root", "ext2", 0, NULL)), 0, "but in two places");
	tap_is(err(access("/root/stock/small", R_OK)), 0, "it is seen in both");
	tap_is(err(umount("/root")), 0, "and leaves one");
	tap_ok(!statfs("/mnt", &fs) && fs.f_type == 0xef53 && fs.f_namelen == 255, "statfs");
	check_stock();
	run_workers();
	direct();
	removed_folders();
	special_files();
	unlinked_but_open();
	caches();
	cut_off();
	fill();
	tap_is(err(umount("/mnt")), 0, "the last unmount");
	return tap_exit();
}
