/* SPDX-License-Identifier: MIT */
/* mlock, mlock2, munlock, mlockall, munlockall. */
#include "mem.h"

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

static void calls(void)
{
	char *p = map_at(hole(8), 6, RW, PRIVATE | MAP_FIXED);

	tap_is(sys(SYS_mlock, p + 5, 10), 0, "mlock rounds its range");
	tap_is(resident(p, 6), 1, "to one page here");
	tap_is(sys(SYS_mlock, p, 6 * PAGE), 0, "mlock");
	tap_is(resident(p, 6), 6, "makes pages present");
	tap_is(sys(SYS_munlock, p, 6 * PAGE), 0, "munlock");
	tap_is(sys(SYS_mlock, p, 0), 0, "mlock of nothing");
	tap_is(sys(SYS_mlock, p, 7 * PAGE), -ENOMEM, "mlock of a hole");
	tap_is(sys(SYS_munlock, p, 7 * PAGE), -ENOMEM, "munlock of a hole");
	tap_is(sys(SYS_mlock, p, -PAGE), -EINVAL, "mlock: length that wraps");
	tap_is(sys(SYS_mlock2, p, PAGE, 2), -EINVAL, "mlock2: unknown flag");
	p = map(4);
	tap_is(sys(SYS_mlock2, p, 4 * PAGE, 1), 0, "mlock2, on fault");
	tap_is(resident(p, 4), 0, "brings nothing in");
	tap_is(sys(SYS_mlock, map_at(NULL, 1, PROT_NONE, PRIVATE), PAGE), -ENOMEM,
	       "mlock of what cannot be read");
	p = map_at(NULL, 3, RW, PRIVATE | MAP_LOCKED);
	tap_is(resident(p, 3), 3, "MAP_LOCKED");
	p = map_at(NULL, 3, RW, PRIVATE | MAP_POPULATE);
	tap_is(resident(p, 3), 3, "MAP_POPULATE");
	tap_is(sys(SYS_mlockall, 0), -EINVAL, "mlockall: no flag");
	tap_is(sys(SYS_mlockall, 8), -EINVAL, "mlockall: unknown flag");
	tap_is(sys(SYS_mlockall, 4), -EINVAL, "mlockall: on fault alone");
	tap_is(sys(SYS_mlockall, MCL_FUTURE), 0, "mlockall, future");
	tap_is(resident(map(2), 2), 2, "new memory is present at once");
	tap_is(CODE(_exit(resident(map(2), 2))), 0, "a child does not inherit it");
	tap_is(sys(SYS_mlockall, MCL_CURRENT), 0, "mlockall, current");
	tap_is(resident(map(2), 2), 0, "ends the other");
	tap_is(sys(SYS_munlockall), 0, "munlockall");
}

static void limits(void)
{
	char *p = map(16);

	tap_is(CODE(limit_to(RLIMIT_MEMLOCK, 0); drop_root(); _exit(-sys(SYS_mlock, p, PAGE))),
	       EPERM, "no limit at all");
	tap_is(CODE(limit_to(RLIMIT_MEMLOCK, 0); drop_root(); _exit(-sys(SYS_munlock, p, PAGE))), 0,
	       "munlock is allowed");
	tap_is(CODE(limit_to(RLIMIT_MEMLOCK, 4 * PAGE); drop_root(); _exit(-sys(SYS_mlock, p, 5 * PAGE))), ENOMEM,
	       "more than the limit");
	tap_is(CODE(limit_to(RLIMIT_MEMLOCK, 4 * PAGE); drop_root(); _exit(-sys(SYS_mlock, p, 4 * PAGE))), 0,
	       "as much as the limit");
	tap_is(CODE(limit_to(RLIMIT_MEMLOCK, 4 * PAGE); drop_root(); mlock(p, 3 * PAGE);
		    _exit(-sys(SYS_mlock, p, 4 * PAGE))),
	       0, "what is locked already does not count twice");
	tap_is(CODE(limit_to(RLIMIT_MEMLOCK, 4 * PAGE); drop_root(); mlock(p, 3 * PAGE);
		    _exit(-err(mmap(NULL, 2 * PAGE, RW, PRIVATE | MAP_LOCKED, -1, 0)))),
	       EAGAIN, "MAP_LOCKED beyond it");
	tap_is(CODE(limit_to(RLIMIT_MEMLOCK, 4 * PAGE); drop_root(); _exit(-sys(SYS_mlockall, MCL_CURRENT))), ENOMEM,
	       "mlockall beyond it");
	tap_is(CODE(limit_to(RLIMIT_MEMLOCK, 4 * PAGE); drop_root(); mlock(p, 4 * PAGE);
		    munlock(p, 2 * PAGE); _exit(-sys(SYS_mlock, p + 8 * PAGE, 2 * PAGE))),
	       0, "munlock gives back");
	tap_is(CODE(limit_to(RLIMIT_MEMLOCK, 4 * PAGE); drop_root(); mlock(p, 4 * PAGE);
		    munmap(p, 4 * PAGE); _exit(-sys(SYS_mlock, p + 8 * PAGE, 4 * PAGE))),
	       0, "so does munmap");
}

int main(void)
{
	mem_catch();
	calls();
	limits();
	return tap_exit();
}
