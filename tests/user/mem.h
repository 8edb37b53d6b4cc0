/* SPDX-License-Identifier: MIT */
/* Memory tests: mappings, and what an access to them does. */
#ifndef MEM_H
#define MEM_H

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include "tap.h"
#include "child.h"

#define PAGE	4096ul
#define RW	(PROT_READ | PROT_WRITE)
#define PRIVATE	(MAP_PRIVATE | MAP_ANONYMOUS)
#define SHARED	(MAP_SHARED | MAP_ANONYMOUS)

/* What TRAP() jumps over changes no local variable that is used afterwards. */
#pragma GCC diagnostic ignored "-Wclobbered"

static sigjmp_buf mem_back;
static volatile int mem_signal;

TAP_UNUSED static void mem_trap(int sig, siginfo_t *info, void *context)
{
	(void)context;
	mem_signal = sig * 100 + info->si_code;
	siglongjmp(mem_back, 1);
}

TAP_UNUSED static void mem_catch(void)
{
	struct sigaction sa = { .sa_sigaction = mem_trap, .sa_flags = SA_SIGINFO | SA_NODEFER };

	sigaction(SIGSEGV, &sa, NULL);
	sigaction(SIGBUS, &sa, NULL);
}

/*
 * 0 if the statement runs, else 100 * signal + si_code:
 * 1101 not mapped, 1102 not allowed, 702 no such page.
 */
#define TRAP(...) ({ \
	mem_signal = 0; \
	if (!sigsetjmp(mem_back, 1)) { __VA_ARGS__; } \
	(int)mem_signal; })

#define READ(p)		TRAP((void)*(volatile char *)(p))
#define WRITE(p)	TRAP(*(volatile char *)(p) = 1)

TAP_UNUSED static char *map_at(void *at, size_t pages, int prot, int flags)
{
	char *p = mmap(at, pages * PAGE, prot, flags, -1, 0);

	if (p == MAP_FAILED)
		tap_bail("mmap of %zu pages: %s", pages, strerror(errno));
	return p;
}

TAP_UNUSED static char *map(size_t pages)
{
	return map_at(NULL, pages, RW, PRIVATE);
}

/* A hole of that many pages with nothing next to it. */
TAP_UNUSED static char *hole(size_t pages)
{
	char *p = map_at(NULL, pages + 32, PROT_NONE, PRIVATE | MAP_NORESERVE);

	munmap(p, (pages + 32) * PAGE);
	return p + 16 * PAGE;
}

/* A file of that many pages, page n filled with 'a' + n. */
TAP_UNUSED static int file_of(const char *name, int pages)
{
	static char buf[PAGE];
	int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);

	if (fd < 0)
		tap_bail("open %s: %s", name, strerror(errno));
	for (int i = 0; i < pages; i++) {
		memset(buf, 'a' + i, PAGE);
		if (write(fd, buf, PAGE) != (long)PAGE)
			tap_bail("write %s: %s", name, strerror(errno));
	}
	unlink(name);
	return fd;
}

/* The address is mapped (whatever the protection). */
TAP_UNUSED static bool is_mapped(void *p)
{
	return sys(SYS_msync, p, PAGE, MS_ASYNC) == 0;
}

TAP_UNUSED static void limit_to(int which, rlim_t n)
{
	struct rlimit r = { n, n };

	if (setrlimit(which, &r))
		tap_bail("setrlimit: %s", strerror(errno));
}

/* Become an ordinary user: no capabilities. */
TAP_UNUSED static void drop_root(void)
{
	if (setresgid(1000, 1000, 1000) || setresuid(1000, 1000, 1000))
		tap_bail("setresuid: %s", strerror(errno));
}

#endif
