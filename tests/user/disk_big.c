/* SPDX-License-Identifier: MIT */
/*
 * Files larger than memory, on the ext2 of /dev/vda: read one, write one, map one.
 * Every page of a file begins with its number times an odd constant.
 */
#include <sys/mount.h>
#include <sys/stat.h>
#include "mem.h"

#define CHUNK	(64 * PAGE)
/* each of the files written; a machine of 24 MiB has fewer than either */
#define PAGES	7168ul
#define MAPPED	6144ul

static unsigned long mark(unsigned long page)
{
	return page * 0x9e3779b97f4a7c15ul + 1;
}

static long read_all(const char *name)
{
	static char buf[CHUNK];
	int fd = open(name, O_RDONLY);
	unsigned long page = 0;
	long n;

	if (fd < 0)
		return -errno;
	while ((n = read(fd, buf, CHUNK)) > 0)
		for (long at = 0; at < n; at += PAGE)
			if (*(unsigned long *)(buf + at) != mark(page++))
				return -1000 - (long)page;
	close(fd);
	return n < 0 ? -errno : (long)page;
}

static int write_all(const char *name, unsigned long pages)
{
	static char buf[CHUNK];
	int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);

	if (fd < 0)
		return -errno;
	for (unsigned long page = 0; page < pages; page += CHUNK / PAGE) {
		for (unsigned long i = 0; i < CHUNK / PAGE; i++)
			*(unsigned long *)(buf + i * PAGE) = mark(page + i);
		if (write(fd, buf, CHUNK) != (long)CHUNK)
			return -errno;
	}
	if (fsync(fd))
		return -errno;
	return close(fd);
}

/* Write through a mapping what memory cannot hold at once. */
static long map_all(const char *name, unsigned long pages)
{
	int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);
	char *p;

	if (fd < 0 || ftruncate(fd, pages * PAGE))
		return -errno;
	p = mmap(NULL, pages * PAGE, RW, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		return -errno;
	for (unsigned long i = 0; i < pages; i++)
		*(unsigned long *)(p + i * PAGE) = mark(i);
	if (msync(p, pages * PAGE, MS_SYNC))
		return -errno;
	for (unsigned long i = 0; i < pages; i++)
		if (*(unsigned long *)(p + i * PAGE) != mark(i))
			return -1000 - (long)i;
	munmap(p, pages * PAGE);
	return close(fd);
}

int main(void)
{
	unsigned long pages;
	struct stat st;

	if (mount("/dev/vda", "/mnt", "ext2", 0, NULL) && errno != EBUSY)
		tap_bail("mount: %s", strerror(errno));
	if (stat("/mnt/big", &st))
		tap_bail("big: %s", strerror(errno));
	pages = st.st_size / PAGE;
	tap_is(read_all("/mnt/big"), pages, "a file larger than memory is read");
	tap_is(write_all("/mnt/new", PAGES), 0, "one is written");
	tap_is(read_all("/mnt/new"), PAGES, "and read again");
	tap_is(map_all("/mnt/map", MAPPED), 0, "one is written through a mapping");
	tap_is(read_all("/mnt/map"), MAPPED, "and read");
	tap_is(CODE(for (int i = 0; i < 3; i++) if (read_all("/mnt/new") != PAGES) _exit(1)), 0,
	       "while another");
	sync();
	tap_is(err(umount("/mnt")), 0, "umount");
	return tap_exit();
}
