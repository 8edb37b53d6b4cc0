/* SPDX-License-Identifier: MIT */
/* Resource limits: read, set, inherited, and what happens at each. */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include "child.h"

static int set(int which, long soft)
{
	struct rlimit limit;

	getrlimit(which, &limit);
	limit.rlim_cur = soft;
	return err(setrlimit(which, &limit));
}

static volatile int caught;
static void on_signal(int sig) { caught = sig; }

static void calls(void)
{
	struct rlimit limit, old;

	tap_is(sys(SYS_getrlimit, 16, &limit), -EINVAL, "limit 16");
	tap_is(sys(SYS_setrlimit, 16, &limit), -EINVAL, "set limit 16");
	tap_is(sys(SYS_getrlimit, 0, NULL), -EFAULT, "nowhere");
	getrlimit(RLIMIT_STACK, &limit);
	tap_is(limit.rlim_cur, 8 << 20, "8 MiB of stack");
	tap_is(limit.rlim_max, RLIM_INFINITY, "at most any");
	getrlimit(RLIMIT_NOFILE, &limit);
	tap_is(limit.rlim_cur, 1024, "1024 files");
	tap_is(limit.rlim_max, 4096, "at most 4096");
	getrlimit(RLIMIT_CORE, &limit);
	tap_is(limit.rlim_cur, 0, "no core");
	getrlimit(RLIMIT_NICE, &limit);
	tap_is(limit.rlim_cur, 0, "nice");
	getrlimit(RLIMIT_MSGQUEUE, &limit);
	tap_is(limit.rlim_cur, 819200, "message queues");
	getrlimit(RLIMIT_MEMLOCK, &limit);
	tap_is(limit.rlim_cur, 8 << 20, "locked memory");
	getrlimit(RLIMIT_AS, &limit);
	tap_is(limit.rlim_cur, RLIM_INFINITY, "address space");
	limit = (struct rlimit){ 10, 5 };
	tap_is(err(setrlimit(RLIMIT_CPU, &limit)), -EINVAL, "soft over hard");
	limit = (struct rlimit){ 100, 2000000 };
	tap_is(CODE(_exit(-err(setrlimit(RLIMIT_NOFILE, &limit)))), EPERM, "files over nr_open");
	tap_is(CODE(set(RLIMIT_NOFILE, 77);
		    _exit(CODE(getrlimit(RLIMIT_NOFILE, &limit); _exit(limit.rlim_cur)))),
	       77, "inherited");
	pid_t child = CHILD(pause());
	limit = (struct rlimit){ 55, 66 };
	tap_is(err(prlimit(child, RLIMIT_NOFILE, &limit, &old)), 0, "prlimit of a child");
	tap_is(old.rlim_cur, 1024, "its old limit");
	prlimit(child, RLIMIT_NOFILE, NULL, &old);
	tap_ok(old.rlim_cur == 55 && old.rlim_max == 66, "its new one");
	tap_is(CODE(setuid(1); _exit(-err(prlimit(child, RLIMIT_NOFILE, NULL, &old)))), EPERM,
	       "not a user's business");
	tap_is(err(prlimit(0x3fffff, RLIMIT_NOFILE, NULL, &old)), -ESRCH, "prlimit of nobody");
	kill(child, SIGKILL);
	status_of(child);
}

static void enforced(void)
{
	tap_is(CODE(set(RLIMIT_NOFILE, 3); _exit(-err(dup(1)))), EMFILE, "RLIMIT_NOFILE: dup");
	tap_is(CODE(set(RLIMIT_NOFILE, 3); _exit(-err(open("/", O_RDONLY)))), EMFILE,
	       "RLIMIT_NOFILE: open");
	tap_is(CODE(set(RLIMIT_NOFILE, 3); _exit(-err(dup2(1, 3)))), EBADF, "RLIMIT_NOFILE: dup2");
	tap_is(CODE(set(RLIMIT_NOFILE, 5); _exit(-err(fcntl(1, F_DUPFD, 5)))), EINVAL,
	       "RLIMIT_NOFILE: F_DUPFD beyond");
	tap_is(CODE(int p[2]; set(RLIMIT_NOFILE, 4); _exit(-err(pipe(p)))), EMFILE,
	       "RLIMIT_NOFILE: pipe needs two");
	tap_is(CODE(int fd = open("sized", O_RDWR | O_CREAT | O_TRUNC, 0600); char c[20] = "";
		    signal(SIGXFSZ, SIG_IGN); set(RLIMIT_FSIZE, 10); _exit(write(fd, c, 20))),
	       10, "RLIMIT_FSIZE: a partial write");
	tap_is(CODE(int fd = open("sized", O_RDWR | O_APPEND); signal(SIGXFSZ, SIG_IGN);
		    set(RLIMIT_FSIZE, 10); _exit(-err(write(fd, "x", 1)))), EFBIG, "RLIMIT_FSIZE: EFBIG");
	tap_is(CODE(int fd = open("sized", O_RDWR | O_APPEND); set(RLIMIT_FSIZE, 10); write(fd, "x", 1)), -SIGXFSZ,
	       "RLIMIT_FSIZE: SIGXFSZ");
	tap_is(CODE(signal(SIGXFSZ, SIG_IGN); set(RLIMIT_FSIZE, 10); _exit(-err(truncate("sized", 100)))), EFBIG,
	       "RLIMIT_FSIZE: truncate");
	tap_is(CODE(int fd = memfd_create("m", 0); signal(SIGXFSZ, SIG_IGN); set(RLIMIT_FSIZE, 10);
		    _exit(-err(fallocate(fd, 0, 0, 100)))), EFBIG, "RLIMIT_FSIZE: fallocate");
	tap_is(CODE(int fd = memfd_create("m", 0); set(RLIMIT_FSIZE, 10);
		    fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 100)), -SIGXFSZ, "RLIMIT_FSIZE: fallocate beyond the size");
	tap_is(CODE(int fd = memfd_create("m", 0); (void)!ftruncate(fd, 100); set(RLIMIT_FSIZE, 10);
		    _exit(-err(fallocate(fd, 0, 0, 100)))), 0, "RLIMIT_FSIZE: fallocate within it");
	tap_is(CODE(set(RLIMIT_AS, 64 << 20); _exit(mmap(NULL, 100 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
						     == MAP_FAILED ? errno : 0)), ENOMEM, "RLIMIT_AS");
	tap_is(CODE(set(RLIMIT_DATA, 1 << 20); _exit(sbrk(16 << 20) == (void *)-1 ? errno : 0)),
	       ENOMEM, "RLIMIT_DATA: brk");
	tap_is(CODE(setuid(4321); set(RLIMIT_NPROC, 1); _exit(-err(fork()))), EAGAIN,
	       "RLIMIT_NPROC");
	tap_is(CODE(sigset_t s; sigfillset(&s); sigprocmask(SIG_BLOCK, &s, NULL);
		    set(RLIMIT_SIGPENDING, 3); setuid(4322); int n = 0;
		    while (n < 10 && !sigqueue(getpid(), SIGRTMIN, (union sigval){0})) n++;
		    _exit(n * 16 + errno)),
	       3 * 16 + EAGAIN, "RLIMIT_SIGPENDING");
	tap_is(CODE(set(RLIMIT_CPU, 1); for (;;);), -SIGXCPU, "RLIMIT_CPU: SIGXCPU after a second");
}

static void usage(void)
{
	struct rusage self;

	tap_is(sys(SYS_getrusage, 9, &self), -EINVAL, "getrusage, unknown");
	tap_is(sys(SYS_getrusage, RUSAGE_SELF, NULL), -EFAULT, "getrusage nowhere");
	getrusage(RUSAGE_SELF, &self);
	tap_ok(self.ru_minflt > 0 && self.ru_maxrss > 0 && self.ru_maxrss < 1000000,
	       "faults and resident size are counted");
	tap_is(err(getrusage(RUSAGE_THREAD, &self)), 0, "RUSAGE_THREAD");
}

int main(void)
{
	signal(SIGUSR1, on_signal);
	calls();
	enforced();
	usage();
	return tap_exit();
}
