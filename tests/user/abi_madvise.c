/* SPDX-License-Identifier: MIT */
/* madvise, mincore, msync. */
#include "mem.h"

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif
#ifndef MADV_COLD
#define MADV_COLD 20
#define MADV_PAGEOUT 21
#endif

static long advise(void *p, size_t pages, int advice)
{
	return sys(SYS_madvise, p, pages * PAGE, advice);
}

static int resident(void *p, int pages)
{
	unsigned char vec[64];
	int n = 0;

	if (mincore(p, pages * PAGE, vec))
		return -errno;
	for (int i = 0; i < pages; i++)
		n += vec[i] & 1;
	return n;
}

static void arguments(void)
{
	char *p = map_at(hole(4), 4, RW, PRIVATE | MAP_FIXED);
	static const int known[] = { MADV_NORMAL, MADV_RANDOM, MADV_SEQUENTIAL, MADV_WILLNEED, MADV_DONTNEED, MADV_FREE,
		MADV_DONTFORK, MADV_DOFORK, MADV_DONTDUMP, MADV_DODUMP, MADV_WIPEONFORK, MADV_KEEPONFORK, MADV_COLD,
		MADV_PAGEOUT, MADV_POPULATE_READ, MADV_POPULATE_WRITE, 24 };

	tap_is(advise(p, 1, 77), -EINVAL, "unknown advice");
	tap_is(advise(p, 0, 77), -EINVAL, "unknown advice for nothing");
	tap_is(advise(p + 1, 1, MADV_NORMAL), -EINVAL, "not of a page");
	tap_is(sys(SYS_madvise, p, -1, MADV_NORMAL), -EINVAL, "length that wraps to nothing");
	tap_is(sys(SYS_madvise, p, -PAGE, MADV_NORMAL), -EINVAL, "length that wraps");
	tap_is(advise(p, 0, MADV_DONTNEED), 0, "no length");
	for (unsigned i = 0; i < ARRAY_SIZE(known); i++)
		tap_is(advise(p, 4, known[i]), 0, "advice %d", known[i]);
	munmap(p + PAGE, PAGE);
	tap_is(advise(p, 4, MADV_NORMAL), -ENOMEM, "a hole in the range");
	memset(p + 2 * PAGE, 1, PAGE);
	tap_is(advise(p, 4, MADV_DONTNEED), -ENOMEM, "the same");
	tap_is(p[2 * PAGE], 0, "done on both sides of it");
	tap_is(advise(p, 4, MADV_POPULATE_READ), -ENOMEM, "populate up to a hole");
	tap_is(advise(map_at(NULL, 1, SHARED ? PROT_READ : 0, PRIVATE), 1, MADV_POPULATE_WRITE),
	       -EINVAL,
	       "populate for writing what is read-only");
	tap_is(advise(map_at(NULL, 1, RW, SHARED), 1, MADV_WIPEONFORK), -EINVAL,
	       "wipe shared memory");
	tap_is(advise(map_at(NULL, 1, RW, SHARED), 1, MADV_FREE), -EINVAL, "free shared memory");
}

static void pages(void)
{
	char *p = map(4);
	int fd = file_of("/tmp/a1", 3), hole_fd;
	char *f = mmap(NULL, 3 * PAGE, RW, MAP_PRIVATE, fd, 0), *s;

	memset(p, 4, 4 * PAGE);
	tap_is(resident(p, 4), 4, "written pages are there");
	advise(p + PAGE, 2, MADV_DONTNEED);
	tap_is(resident(p, 4), 2, "two are not any more");
	tap_ok(p[0] == 4 && !p[PAGE] && !p[2 * PAGE] && p[3 * PAGE] == 4, "and read as zero");
	tap_is(advise(map(8), 8, MADV_POPULATE_WRITE), 0, "populate");
	p = map(8);
	advise(p, 8, MADV_POPULATE_WRITE);
	tap_is(resident(p, 8), 8, "makes all of it present");
	f[0] = 'x';
	advise(f, 3, MADV_DONTNEED);
	tap_is(f[0], 'a', "the file's page instead of the private copy");
	tap_is(READ(mmap(NULL, 4 * PAGE, PROT_READ, MAP_PRIVATE, fd, 0) + 3 * PAGE), 702,
	       "beyond the file");
	tap_is(advise(mmap(NULL, 4 * PAGE, PROT_READ, MAP_PRIVATE, fd, 0), 4, MADV_POPULATE_READ),
	       -EFAULT,
	       "populate beyond the file");
	tap_is(advise(f, 3, MADV_REMOVE), -EACCES, "remove of a private mapping");
	hole_fd = memfd_create("a", 0);
	ftruncate(hole_fd, 3 * PAGE);
	s = mmap(NULL, 3 * PAGE, RW, MAP_SHARED, hole_fd, 0);
	memset(s, 6, 3 * PAGE);
	tap_is(advise(s + PAGE, 1, MADV_REMOVE), 0, "remove");
	tap_ok(s[0] == 6 && !s[PAGE] && s[2 * PAGE] == 6, "makes a hole");
	tap_is(advise(map(1), 1, MADV_REMOVE), -EINVAL, "remove without a file");
}

static void forks(void)
{
	char *p = map(3);

	memset(p, 8, 3 * PAGE);
	advise(p, 1, MADV_DONTFORK);
	advise(p + PAGE, 1, MADV_WIPEONFORK);
	tap_is(CODE(_exit(READ(p) == 1101 ? 0 : 1)), 0, "DONTFORK: a child has it not");
	tap_is(CODE(_exit(p[PAGE])), 0, "WIPEONFORK: a child has zeroes");
	tap_is(CODE(_exit(p[2 * PAGE])), 8, "the rest is copied");
	tap_is(p[PAGE], 8, "the parent's stays");
	advise(p, 1, MADV_DOFORK);
	advise(p + PAGE, 1, MADV_KEEPONFORK);
	tap_is(CODE(_exit(p[0] + p[PAGE])), 16, "both taken back");
}

static void core(void)
{
	char *p = map_at(hole(2), 2, RW, PRIVATE | MAP_FIXED);
	unsigned char vec[4];

	tap_is(err(mincore(p + 1, PAGE, vec)), -EINVAL, "mincore: not of a page");
	tap_is(err(mincore(p, 3 * PAGE, vec)), -ENOMEM, "mincore: a hole");
	tap_is(sys(SYS_mincore, p, PAGE, 8), -EFAULT, "mincore: nowhere to tell");
	tap_is(sys(SYS_mincore, p, -PAGE, vec), -ENOMEM, "mincore: too long");
	tap_is(resident(p, 2), 0, "untouched memory is not there");
	p[0] = 1;
	tap_is(resident(p, 2), 1, "touched memory is");
}

static void sync_calls(void)
{
	int fd = file_of("/tmp/a2", 2);
	char *p = mmap(NULL, 2 * PAGE, RW, MAP_SHARED, fd, 0),
	     *q = map_at(hole(2), 2, RW, PRIVATE | MAP_FIXED);

	p[0] = 'z';
	tap_is(err(msync(p, 2 * PAGE, MS_SYNC)), 0, "msync");
	tap_is(err(msync(p, 2 * PAGE, MS_ASYNC)), 0, "msync, asynchronous");
	tap_is(err(msync(p, 2 * PAGE, MS_INVALIDATE)), 0, "msync, invalidate");
	tap_is(err(msync(p, 2 * PAGE, MS_SYNC | MS_ASYNC)), -EINVAL, "msync: both");
	tap_is(err(msync(p, 2 * PAGE, 8)), -EINVAL, "msync: unknown flag");
	tap_is(err(msync(p + 1, PAGE, MS_SYNC)), -EINVAL, "msync: not of a page");
	tap_is(err(msync(q, 3 * PAGE, MS_SYNC)), -ENOMEM, "msync: a hole");
	tap_is(err(msync(q, 2 * PAGE, MS_SYNC)), 0, "msync of anonymous memory");
	tap_is(err(msync(q, 0, MS_SYNC)), 0, "msync of nothing");
	mlock(q, PAGE);
	tap_is(err(msync(q, 2 * PAGE, MS_INVALIDATE)), -EBUSY, "msync: invalidate what is locked");
	tap_is(advise(q, 1, MADV_DONTNEED), -EINVAL, "DONTNEED of what is locked");
	tap_is(advise(q, 1, 24), 0, "DONTNEED_LOCKED of it");
}

int main(void)
{
	mem_catch();
	arguments();
	pages();
	forks();
	core();
	sync_calls();
	return tap_exit();
}
