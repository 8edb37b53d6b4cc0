/* SPDX-License-Identifier: MIT */
/* mmap, munmap, brk: arguments, placement, sharing, limits. */
#include "mem.h"

static long do_mmap(void *at, long len, long prot, long flags, long fd, long off)
{
	long r = sys(SYS_mmap, at, len, prot, flags, fd, off);

	return r < 0 && r > -4096 ? r : 0;
}

static void arguments(void)
{
	int fd = file_of("/tmp/m1", 2), ro = open("/init", O_RDONLY), wo;
	char *at = hole(4);

	tap_is(do_mmap(NULL, 0, RW, PRIVATE, -1, 0), -EINVAL, "no length");
	tap_is(do_mmap(NULL, PAGE, RW, MAP_ANONYMOUS, -1, 0), -EINVAL,
	       "neither shared nor private");
	tap_is(do_mmap(NULL, PAGE, RW, PRIVATE, -1, 1), -EINVAL, "offset not of a page");
	tap_is(do_mmap(NULL, -1, RW, PRIVATE, -1, 0), -ENOMEM, "length that wraps");
	tap_is(do_mmap(NULL, 1l << 40, RW, PRIVATE, -1, 0), -ENOMEM,
	       "larger than the address space");
	tap_is(do_mmap(NULL, PAGE, RW, MAP_PRIVATE, 77, 0), -EBADF, "not open");
	tap_is(do_mmap(NULL, PAGE, RW, MAP_SHARED_VALIDATE | MAP_ANONYMOUS, -1, 0), -EINVAL,
	       "validate without a file");
	tap_is(do_mmap(NULL, PAGE, RW, MAP_SHARED_VALIDATE | 0x200000, fd, 0), -EOPNOTSUPP,
	       "validate an unknown flag");
	tap_is(do_mmap(NULL, PAGE, RW, MAP_SHARED_VALIDATE, fd, 0), 0, "validate");
	tap_is(do_mmap(NULL, PAGE, RW, MAP_SHARED, ro, 0), -EACCES,
	       "shared writable of a read-only file");
	tap_is(do_mmap(NULL, PAGE, RW, MAP_PRIVATE, ro, 0), 0,
	       "private writable of a read-only file");
	tap_is(do_mmap(NULL, PAGE, RW, SHARED | MAP_GROWSDOWN, -1, 0), -EINVAL,
	       "shared that grows");
	tap_is(do_mmap(at + 1, PAGE, RW, PRIVATE | MAP_FIXED, -1, 0), -EINVAL,
	       "fixed, not of a page");
	tap_is(do_mmap((void *)(1l << 62), PAGE, RW, PRIVATE | MAP_FIXED, -1, 0), -ENOMEM,
	       "fixed in the kernel");
	tap_is(do_mmap(NULL, PAGE, RW, MAP_PRIVATE, fd, 0x7ffffffffffff000), -EOVERFLOW,
	       "offset that wraps");
	wo = open("/tmp/m2", O_WRONLY | O_CREAT, 0600);
	tap_is(do_mmap(NULL, PAGE, PROT_READ, MAP_SHARED, wo, 0), -EACCES, "file without reading");
	tap_is(do_mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, open("/tmp", O_RDONLY), 0), -ENODEV,
	       "a directory");
	tap_is(sys(SYS_munmap, at + 1, PAGE), -EINVAL, "munmap: not of a page");
	tap_is(sys(SYS_munmap, at, 0), -EINVAL, "munmap: no length");
	tap_is(sys(SYS_munmap, at, -1), -EINVAL, "munmap: too long");
	tap_is(sys(SYS_munmap, at, PAGE), 0, "munmap of a hole");
}

static void placement(void)
{
	char *at = hole(8), *p = map_at(at, 4, RW, PRIVATE | MAP_FIXED);

	tap_ok(p == at, "fixed is where it was asked");
	memset(p, 5, 4 * PAGE);
	tap_is(do_mmap(at, PAGE, RW, PRIVATE | MAP_FIXED_NOREPLACE, -1, 0), -EEXIST,
	       "noreplace over something");
	tap_is(p[0], 5, "what was there stays");
	tap_ok(map_at(at + 4 * PAGE, 1, RW, PRIVATE | MAP_FIXED_NOREPLACE) == at + 4 * PAGE,
	       "noreplace in a hole");
	map_at(at + PAGE, 2, RW, PRIVATE | MAP_FIXED);
	tap_ok(p[0] == 5 && !p[PAGE] && !p[2 * PAGE] && p[3 * PAGE] == 5,
	       "fixed replaces exactly its range");
	tap_is(do_mmap(at, PAGE, RW, MAP_PRIVATE | MAP_FIXED, open("/tmp", O_RDONLY), 0), -ENODEV,
	       "fixed that fails");
	tap_is(p[0], 5, "has unmapped nothing");
	tap_ok(map_at(at + 6 * PAGE, 1, RW, PRIVATE) == at + 6 * PAGE, "a free hint is taken");
	tap_ok(map_at(at, 1, RW, PRIVATE) != at, "a taken hint is not");
	munmap(at + PAGE, PAGE);
	tap_is(READ(at + PAGE), 1101, "a hole in the middle");
	tap_is(READ(at), 0, "below it");
	tap_is(READ(at + 2 * PAGE), 0, "above it");
	munmap(at, 8 * PAGE);
	tap_is(READ(at + 3 * PAGE), 1101, "a range with holes is unmapped");
}

static void contents(void)
{
	int fd = file_of("/tmp/m3", 3);
	char *p = mmap(NULL, 4 * PAGE, RW, MAP_PRIVATE, fd, 0),
	     *s = mmap(NULL, 3 * PAGE, RW, MAP_SHARED, fd, 0);
	char c = 0;

	tap_ok(p[0] == 'a' && p[2 * PAGE] == 'c', "a private file mapping shows the file");
	tap_is(READ(p + 3 * PAGE), 702, "beyond the end: SIGBUS");
	p[0] = 'x';
	tap_ok(pread(fd, &c, 1, 0) == 1 && c == 'a', "a private write stays private");
	s[PAGE] = 'y';
	tap_ok(pread(fd, &c, 1, PAGE) == 1 && c == 'y', "a shared write is in the file");
	tap_is(p[PAGE], 'y', "and in private mappings that have no copy");
	tap_ok(pwrite(fd, "z", 1, 2 * PAGE) == 1 && s[2 * PAGE] == 'z',
	       "a write to the file is in the mapping");
	tap_is(ftruncate(fd, PAGE + 10), 0, "cut the file");
	tap_is(READ(s + 2 * PAGE), 702, "pages beyond the cut are gone");
	tap_ok(s[PAGE] == 'y' && !s[PAGE + 10], "the tail of the last page is zero");
	tap_is(p[0], 'x', "the private copy stays");
	p = map(2);
	tap_ok(!p[0] && !p[PAGE + 7], "anonymous memory is zero");
}

static void sharing(void)
{
	char *s = map_at(NULL, 3, RW, SHARED), *p = map(1), *z;
	int fd = open("/dev/zero", O_RDWR);

	tap_ok(!s[0] && !s[2 * PAGE], "shared anonymous memory is zero");
	tap_is(CODE(s[0] = 1; p[0] = 1), 0, "a child writes");
	tap_ok(s[0] == 1 && !p[0], "shared memory is shared, private is not");
	tap_is(CODE(_exit(s[PAGE] != 0 || (s[PAGE] = 2, s[PAGE] != 2))), 0,
	       "a child writes a fresh page");
	tap_is(s[PAGE], 2, "and the parent sees it");
	tap_is(CODE(munmap(s, 3 * PAGE)), 0, "a child unmaps");
	tap_is(s[0], 1, "the parent has it still");
	z = mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0);
	tap_ok(z != MAP_FAILED && !z[0], "shared /dev/zero");
	tap_ok(CODE(z[0] = 9) == 0 && z[0] == 9, "is shared");
	z = mmap(NULL, PAGE, RW, MAP_PRIVATE, fd, 0);
	tap_ok(z != MAP_FAILED && CODE(z[0] = 9) == 0 && !z[0], "private /dev/zero is not");
	tap_is(mprotect(s, PAGE, PROT_READ), 0, "protect a shared page");
	tap_is(WRITE(s), 1102, "against writing");
	tap_is(CODE(_exit(s[0] != 1)), 0, "fork after that");
}

static void heap(void)
{
	char *start = sbrk(0), *p = sbrk(3 * PAGE);

	tap_ok(p == start && sbrk(0) == start + 3 * PAGE, "the heap grows");
	p[3 * PAGE - 1] = 4;
	tap_is(p[0], 0, "with zeroes");
	tap_ok(sbrk(-2 * (long)PAGE) != (void *)-1, "and shrinks");
	tap_is(READ((char *)(((unsigned long)sbrk(0) + PAGE - 1) & -PAGE)), 1101,
	       "what it left is gone");
	sbrk(2 * PAGE);
	tap_is(p[3 * PAGE - 1], 0, "grown again: zero again");
	tap_ok(sys(SYS_brk, 0) == (long)sbrk(0), "brk(0) tells the end");
	tap_ok(sys(SYS_brk, 1l << 39) == (long)sbrk(0), "too far: nothing happens");
}

static void limits(void)
{
	tap_is(CODE(limit_to(RLIMIT_AS, 64 << 20); _exit(-do_mmap(NULL, 128 << 20, RW, PRIVATE, -1, 0))), ENOMEM,
	       "RLIMIT_AS");
	tap_is(CODE(limit_to(RLIMIT_DATA, 1 << 20); _exit(-do_mmap(NULL, 4 << 20, RW, PRIVATE, -1, 0))), ENOMEM,
	       "RLIMIT_DATA, private and writable");
	tap_is(CODE(limit_to(RLIMIT_DATA, 1 << 20); _exit(-do_mmap(NULL, 4 << 20, PROT_READ, PRIVATE, -1, 0))), 0,
	       "RLIMIT_DATA, read-only");
	tap_is(CODE(limit_to(RLIMIT_DATA, 1 << 20);
		    _exit(-err(mprotect(map_at(NULL, 1024, PROT_READ, PRIVATE), 1024 * PAGE, RW)))), ENOMEM,
	       "RLIMIT_DATA, made writable");
	tap_is(CODE(limit_to(RLIMIT_DATA, 1 << 20); _exit(sbrk(4 << 20) == (void *)-1 ? errno : 0)),
	       ENOMEM,
	       "RLIMIT_DATA, brk");
	tap_is(CODE(drop_root(); _exit(-do_mmap(NULL, PAGE, RW, PRIVATE | MAP_FIXED, -1, 0))),
	       EPERM,
	       "below mmap_min_addr");
}

/* How deep it went; each call's frame is in use until the last has returned. */
static __attribute__((noinline)) int depth_below(int n, volatile char *above)
{
	volatile char pad[1024];

	pad[0] = 1;
	return n ? depth_below(n - 1, pad) + above[0] : 0;
}

static int depth(int n)
{
	volatile char one = 1;

	return depth_below(n, &one);
}

static void stack(void)
{
	char *p;

	tap_is(CODE(_exit(depth(4000) == 4000 ? 0 : 1)), 0, "the stack grows by 4 MiB");
	tap_is(CODE(signal(SIGSEGV, SIG_DFL); limit_to(RLIMIT_STACK, 256 << 10); depth(4000)),
	       -SIGSEGV,
	       "but not beyond RLIMIT_STACK");
	p = map_at(hole(600) + 599 * PAGE, 1, RW, PRIVATE | MAP_GROWSDOWN | MAP_FIXED);
	tap_is(WRITE(p - PAGE), 0, "MAP_GROWSDOWN grows");
	tap_is(WRITE(p - 40 * PAGE), 0, "by more than a page");
	tap_is(READ(p - 20 * PAGE), 0, "and covers what is between");
	map_at(p - 300 * PAGE, 1, RW, PRIVATE | MAP_FIXED);
	tap_is(WRITE(p - 200 * PAGE), 1101, "but keeps its distance");
}

int main(void)
{
	mem_catch();
	arguments();
	placement();
	contents();
	sharing();
	heap();
	limits();
	stack();
	return tap_exit();
}
