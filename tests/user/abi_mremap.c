/* SPDX-License-Identifier: MIT */
/* mremap: grow, shrink, move, leave behind. */
#include "mem.h"

#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif

static long remap(void *p, size_t old, size_t new, int flags, void *to)
{
	return sys(SYS_mremap, p, old, new, flags, to);
}

static bool is_filled(char *p, int first, int pages)
{
	for (int i = 0; i < pages; i++)
		if (p[i * PAGE] != first + i || p[i * PAGE + PAGE - 1] != first + i)
			return false;
	return true;
}

static char *filled(int pages)
{
	char *p = map_at(hole(pages), pages, RW, PRIVATE | MAP_FIXED);

	for (int i = 0; i < pages; i++)
		memset(p + i * PAGE, 1 + i, PAGE);
	return p;
}

static void arguments(void)
{
	char *p = filled(4), *q = hole(8);

	tap_is(remap(p, PAGE, PAGE, 8, NULL), -EINVAL, "unknown flag");
	tap_is(remap(p, PAGE, PAGE, MREMAP_FIXED, q), -EINVAL, "fixed that may not move");
	tap_is(remap(p, PAGE, 2 * PAGE, MREMAP_DONTUNMAP | MREMAP_MAYMOVE, q), -EINVAL,
	       "dontunmap that grows");
	tap_is(remap(p + 1, PAGE, PAGE, 0, NULL), -EINVAL, "not of a page");
	tap_is(remap(p, PAGE, 0, 0, NULL), -EINVAL, "to nothing");
	tap_is(remap(q, PAGE, 2 * PAGE, MREMAP_MAYMOVE, NULL), -EFAULT, "a hole");
	tap_is(remap(p, 8 * PAGE, 9 * PAGE, MREMAP_MAYMOVE, NULL), -EFAULT,
	       "over the end of a mapping");
	tap_is(remap(p, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, q + 1), -EINVAL, "to no page");
	tap_is(remap(p, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, p + PAGE), -EINVAL,
	       "onto itself");
	tap_is(remap(p, 0, 2 * PAGE, MREMAP_MAYMOVE, NULL), -EINVAL,
	       "a second view of private memory");
	tap_is(remap(p, 2 * PAGE, 3 * PAGE, 0, NULL), -ENOMEM, "no room to grow, and may not move");
	tap_ok(is_filled(p, 1, 4), "nothing has changed");
}

static void resizes(void)
{
	char *p = filled(2), *q;

	tap_ok(remap(p, 2 * PAGE, 4 * PAGE, 0, NULL) == (long)p, "grow in place");
	tap_ok(is_filled(p, 1, 2) && !p[2 * PAGE] && !p[4 * PAGE - 1], "with zeroes");
	tap_ok(remap(p, 4 * PAGE, PAGE, 0, NULL) == (long)p, "shrink");
	tap_ok(is_filled(p, 1, 1) && READ(p + PAGE) == 1101, "the rest is gone");
	p = filled(4);
	map_at(p + 4 * PAGE, 1, PROT_READ, PRIVATE | MAP_FIXED);
	q = (char *)remap(p, 4 * PAGE, 600 * PAGE, MREMAP_MAYMOVE, NULL);
	tap_ok((long)q > 0 && q != p, "grow by moving");
	tap_ok(is_filled(q, 1, 4) && !q[4 * PAGE] && !q[599 * PAGE], "the pages came along");
	tap_is(READ(p), 1101, "and left");
	tap_is(WRITE(q + 3 * PAGE), 0, "they can be written");
}

static void moves(void)
{
	char *p = filled(4), *to = hole(8), *q;

	map_at(to, 6, RW, PRIVATE | MAP_FIXED);
	memset(to, 9, 6 * PAGE);
	tap_ok(remap(p, 4 * PAGE, 4 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to + PAGE) ==
		       (long)to + (long)PAGE,
	       "move over something");
	tap_ok(to[0] == 9 && is_filled(to + PAGE, 1, 4) && to[5 * PAGE] == 9, "exactly its range");
	tap_is(READ(p), 1101, "the old place is free");
	p = filled(4);
	tap_ok(remap(p + PAGE, 2 * PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to) == (long)to,
	       "cut the middle out");
	tap_ok(to[0] == 2 && p[0] == 1 && p[3 * PAGE] == 4, "the sides stay");
	tap_ok(READ(p + PAGE) == 1101 && READ(p + 2 * PAGE) == 1101, "the middle is gone");
	p = filled(3);
	q = (char *)remap(p, 3 * PAGE, 3 * PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL);
	tap_ok((long)q > 0 && q != p && is_filled(q, 1, 3), "move the pages, leave the mapping");
	tap_ok(!p[0] && !p[2 * PAGE], "which is empty");
	tap_is(WRITE(p), 0, "and can be written");
	tap_is(q[0], 1, "apart from the other");
}

static void files(void)
{
	int fd = file_of("/tmp/r1", 4);
	char *p = mmap(NULL, 2 * PAGE, RW, MAP_SHARED, fd, PAGE), *q, *to = hole(8);

	q = (char *)remap(p, 0, 2 * PAGE, MREMAP_MAYMOVE, NULL);
	tap_ok((long)q > 0 && q != p && q[0] == 'b', "a second view of shared memory");
	q[0] = 'B';
	tap_is(p[0], 'B', "of the same page");
	q = (char *)remap(p, 2 * PAGE, 3 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to);
	tap_ok(q == to && q[0] == 'B' && q[PAGE] == 'c' && q[2 * PAGE] == 'd',
	       "grow a file mapping");
	q = map_at(NULL, 2, RW, SHARED);
	q[PAGE] = 5;
	to = (char *)remap(q, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, hole(2));
	tap_ok((long)to > 0 && to[PAGE] == 5, "move shared memory");
	tap_ok(CODE(to[PAGE] = 6) == 0 && to[PAGE] == 6, "it is still shared");
}

static void forks(void)
{
	char *p = filled(3), *q;

	tap_is(CODE(q = (char *)remap(p, 3 * PAGE, 3 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
				      hole(3));
		    q[0] = 50; _exit(q[PAGE] == 2 && q[0] == 50 ? 0 : 1)),
	       0, "a child moves what it shares");
	tap_ok(is_filled(p, 1, 3), "the parent's is where it was");
	q = (char *)remap(p, 3 * PAGE, 3 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, hole(3));
	tap_is(CODE(q[2 * PAGE] = 60; _exit(q[PAGE] == 2 ? 0 : 1)), 0, "fork after a move");
	tap_ok(is_filled(q, 1, 3), "copies on write");
	tap_is(CODE(limit_to(RLIMIT_AS, 64 << 20); _exit(-remap(q, 3 * PAGE, 128 << 20, MREMAP_MAYMOVE, NULL))), ENOMEM,
	       "RLIMIT_AS");
}

int main(void)
{
	mem_catch();
	arguments();
	resizes();
	moves();
	files();
	forks();
	return tap_exit();
}
