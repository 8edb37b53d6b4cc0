/* SPDX-License-Identifier: MIT */
/* mprotect: arguments, what an access does afterwards, sharing and fork. */
#include "mem.h"

static void arguments(void)
{
	char *p = map(4), *end = hole(4);

	tap_is(sys(SYS_mprotect, p + 1, PAGE, PROT_READ), -EINVAL, "not of a page");
	tap_is(sys(SYS_mprotect, p, 0, 0x1234), 0, "no length: nothing is looked at");
	tap_is(sys(SYS_mprotect, p, PAGE, 0x10), -EINVAL, "unknown protection");
	tap_is(sys(SYS_mprotect, p, PAGE, PROT_READ | 8), 0, "PROT_SEM");
	tap_is(sys(SYS_mprotect, p, -PAGE, PROT_READ), -ENOMEM, "length that wraps");
	tap_is(sys(SYS_mprotect, end, PAGE, PROT_READ), -ENOMEM, "a hole");
	tap_is(sys(SYS_mprotect, p, PAGE, PROT_READ | 0x03000000), -EINVAL, "grows both ways");
	tap_is(sys(SYS_mprotect, p, PAGE, PROT_READ | 0x01000000), -EINVAL,
	       "grows down, and does not");
	tap_is(sys(SYS_mprotect, p, PAGE, PROT_READ | 0x02000000), -EINVAL,
	       "grows up, and does not");
	p = map_at(end, 2, RW, PRIVATE | MAP_FIXED);
	tap_is(sys(SYS_mprotect, p, 3 * PAGE, PROT_READ), -ENOMEM, "into a hole");
	tap_is(WRITE(p + PAGE), 1102, "what lies before the hole has changed");
	p = map_at(end, 2, RW, PRIVATE | MAP_FIXED | MAP_GROWSDOWN);
	tap_is(sys(SYS_mprotect, p + PAGE, PAGE, PROT_READ | 0x01000000), 0, "grows down");
	tap_is(WRITE(p), 1102, "changes from its start");
}

static void accesses(void)
{
	char *p = map(3);

	memset(p, 7, 3 * PAGE);
	tap_is(mprotect(p + PAGE, PAGE, PROT_READ), 0, "the middle read-only");
	tap_is(WRITE(p + PAGE), 1102, "a write to it");
	tap_is(READ(p + PAGE), 0, "a read of it");
	tap_is(WRITE(p), 0, "a write below it");
	tap_is(WRITE(p + 2 * PAGE), 0, "a write above it");
	tap_is(mprotect(p, 3 * PAGE, PROT_NONE), 0, "nothing allowed");
	tap_is(READ(p), 1102, "a read");
	tap_is(WRITE(p + 2 * PAGE), 1102, "a write");
	tap_is(mprotect(p, 3 * PAGE, RW), 0, "all allowed again");
	tap_ok(p[PAGE] == 7 && p[2 * PAGE + 1] == 7, "the contents are there");
	tap_is(WRITE(p + PAGE), 0, "a write");
	p = map_at(NULL, 1, PROT_NONE, PRIVATE);
	tap_is(READ(p), 1102, "mapped without access");
	tap_is(mprotect(p, PAGE, PROT_WRITE), 0, "write alone");
	tap_is(WRITE(p), 0, "allows writing");
	tap_is(READ(p), 0, "and reading");
	tap_is(mprotect(p, PAGE, PROT_READ), 0, "read-only");
	tap_is(TRAP(((void (*)(void))p)()), 1102, "does not execute");
}

static void executes(void)
{
	static const unsigned code[] = { 0x02a00513, 0x00008067 };	/* li a0, 42; ret */
	char *p = map(1);

	memcpy(p, code, sizeof(code));
	tap_is(mprotect(p, PAGE, PROT_READ | PROT_EXEC), 0, "make it executable");
	__builtin___clear_cache(p, p + sizeof(code));
	tap_is(((int (*)(void))p)(), 42, "and call it");
	tap_is(WRITE(p), 1102, "it is not writable");
	tap_is(mprotect(p, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC), 0, "both");
	p[0] = 0x13;
	tap_is(mprotect(p, PAGE, PROT_EXEC), 0, "execute alone");
	tap_is(READ(p), 1102, "is not readable");
}

static void files(void)
{
	int fd = file_of("/tmp/p1", 2), ro;
	char *p = mmap(NULL, 2 * PAGE, PROT_READ, MAP_SHARED, fd, 0), c;

	tap_is(mprotect(p, PAGE, RW), 0, "shared file, opened for writing");
	p[0] = 'X';
	tap_ok(pread(fd, &c, 1, 0) == 1 && c == 'X', "is written");
	tap_is(WRITE(p + PAGE), 1102, "the second page is not");
	ro = open("/init", O_RDONLY);
	p = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, ro, 0);
	tap_is(err(mprotect(p, PAGE, RW)), -EACCES, "shared file, opened for reading");
	p = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, ro, 0);
	tap_is(err(mprotect(p, PAGE, RW)), 0, "private");
	tap_is(WRITE(p), 0, "copies");
}

static void forks(void)
{
	char *p = map(2);

	memset(p, 3, 2 * PAGE);
	mprotect(p, PAGE, PROT_NONE);
	tap_is(CODE(mprotect(p, PAGE, RW); _exit(p[0] == 3 ? (p[0] = 4, p[0] == 4 ? 0 : 1) : 2)), 0,
	       "a child gives itself access, and writes");
	mprotect(p, PAGE, RW);
	tap_is(p[0], 3, "the parent's page is as it was");
	tap_is(CODE(mprotect(p, 2 * PAGE, PROT_READ); _exit(WRITE(p) == 1102 ? 0 : 1)), 0,
	       "a child takes it away");
	tap_is(WRITE(p), 0, "from itself only");
}

int main(void)
{
	mem_catch();
	arguments();
	accesses();
	executes();
	files();
	forks();
	return tap_exit();
}
