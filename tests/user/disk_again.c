/* SPDX-License-Identifier: MIT */
/*
 * What is used again and again stays in the cache while a file as large as memory streams
 * through, read by another CPU, on the ext2 of /dev/vda of a small machine. Counted in sectors
 * that the device reads while it is used.
 */
#include <dirent.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include "mem.h"

#define KEPT		256ul		/* pages */
#define STEP		3072ul		/* pages of the large file between two uses: 12 MiB */
#define USES		2
#define NAMES		250
#define SECTORS		(PAGE / 512)

static char buf[16 * PAGE];
static int kept = -1;

static void check(bool ok, const char *what)
{
	if (!ok)
		tap_bail("%s: %s", what, strerror(errno));
}

/* Once nothing is under way: what was read ahead of the stream does not count. */
static unsigned long sectors_read(void)
{
	unsigned long n = 0, under_way;
	char line[256];

	do {
		FILE *f = fopen("/proc/diskstats", "r");

		under_way = 1;
		check(f, "diskstats");
		while (fgets(line, sizeof(line), f))
			if (strstr(line, " vda "))
				sscanf(line, "%*u %*u %*s %*u %*u %lu %*u %*u %*u %*u %*u %lu", &n, &under_way);
		fclose(f);
	} while (under_way);
	return n;
}

/* --- ways to use it --- */

static void use_read(void)
{
	for (unsigned long at = 0; at < KEPT * PAGE; at += sizeof(buf))
		check(pread(kept, buf, sizeof(buf), at) == sizeof(buf), "pread");
}

static void use_write(void)
{
	for (unsigned long i = 0; i < KEPT; i++)
		check(pwrite(kept, "changed", 7, i * PAGE + 100) == 7, "pwrite");
}

static void use_sendfile(void)
{
	off_t at = 0;
	int p[2];

	check(!pipe(p), "pipe");
	while (at < (off_t)(KEPT * PAGE)) {
		check(sendfile(p[1], kept, &at, sizeof(buf)) == sizeof(buf), "sendfile");
		for (size_t got = 0; got < sizeof(buf); got += PAGE)
			check(read(p[0], buf, PAGE) == (long)PAGE, "read of the pipe");
	}
	close(p[0]);
	close(p[1]);
}

static void use_mapping(void)
{
	volatile char *p = mmap(NULL, KEPT * PAGE, PROT_READ, MAP_SHARED, kept, 0);

	check(p != MAP_FAILED, "mmap");
	for (unsigned long i = 0; i < KEPT; i++)
		(void)p[i * PAGE];
	munmap((void *)p, KEPT * PAGE);
}

static void use_names(void)
{
	DIR *d = opendir("/mnt/names");
	unsigned n = 0;

	check(d, "opendir");
	while (readdir(d))
		n++;
	closedir(d);
	if (n != NAMES + 2)
		tap_bail("%u names", n);
}

/* --- and what streams by --- */

/* The CPU with that number, if there is one. */
static void run_on(int cpu)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	if (sched_setaffinity(0, sizeof(one), &one))
		check(errno == EINVAL, "sched_setaffinity");
}

static void stream(int fd, unsigned long pages, size_t part)
{
	run_on(1);
	for (unsigned long bytes = pages * PAGE; bytes; bytes -= part)
		check(read(fd, buf, part) == (long)part, "read of the large file");
	run_on(0);
}

/* How many sectors were read for the uses after the first two, all of it being on disk alone before. */
static unsigned long sectors_for(void (*use)(void), size_t part)
{
	int big = open("/mnt/big", O_RDONLY), drop = open("/proc/sys/vm/drop_caches", O_WRONLY);
	unsigned long sum = 0;

	check(big >= 0, "big");
	sync();
	check(drop >= 0 && write(drop, "1", 1) == 1, "drop_caches");
	close(drop);
	use();
	use();
	for (unsigned i = 0; i < USES; i++) {
		unsigned long before;

		stream(big, STEP, part);
		before = sectors_read();
		use();
		sum += sectors_read() - before;
	}
	close(big);
	return sum;
}

static void make_kept(void)
{
	kept = open("/mnt/kept", O_RDWR | O_CREAT | O_TRUNC, 0600);
	check(kept >= 0, "kept");
	for (unsigned long i = 0; i < KEPT; i++)
		check(write(kept, buf, PAGE) == (long)PAGE, "write");
}

/* Names so long that they fill as many blocks of a directory. */
static void make_names(void)
{
	char name[300];

	check(!mkdir("/mnt/names", 0755), "mkdir");
	for (int i = 0; i < NAMES; i++) {
		sprintf(name, "/mnt/names/%0240d", i);
		check(!symlink("x", name), "symlink");
	}
}

int main(void)
{
	static const struct {
		const char *name;
		void (*use)(void);
		unsigned long sectors;		/* of what is used */
		size_t part;
	} cases[] = {
		{ "read", use_read, KEPT * SECTORS, sizeof(buf) },
		{ "read while small parts stream by", use_read, KEPT * SECTORS, 512 },
		{ "written", use_write, KEPT * SECTORS, sizeof(buf) },
		{ "sent", use_sendfile, KEPT * SECTORS, sizeof(buf) },
		{ "mapped", use_mapping, KEPT * SECTORS, sizeof(buf) },
		{ "a directory", use_names, NAMES * 256 / 512, sizeof(buf) },
	};

	if (mount("/dev/vda", "/mnt", "ext2", 0, NULL) && errno != EBUSY)
		tap_bail("mount: %s", strerror(errno));
	run_on(0);
	make_kept();
	make_names();
	for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		unsigned long sectors = sectors_for(cases[i].use, cases[i].part);

		tap_note("%lu sectors of %lu were read again", sectors, cases[i].sectors);
		tap_ok(sectors <= cases[i].sectors / 8, "%s again and again: stays", cases[i].name);
	}
	close(kept);
	tap_is(err(umount("/mnt")), 0, "umount");
	return tap_exit();
}
