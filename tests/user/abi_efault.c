/* SPDX-License-Identifier: MIT */
/*
 * Wild pointers in calls that are right otherwise: EFAULT where Linux says so, nothing half done.
 */
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/uio.h>
#include "child.h"

static char *ro, *end;		/* a read-only page; the end of a page with nothing behind */
static long wild[6];
static const long none[2];
static const int five[1] = { 5 };
static const char *what[6] = { "NULL", "page 0", "the kernel", "unmapped", "read-only", "straddling" };

static void make_addresses(void)
{
	char *map =
		mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	memset(map, 0, 3 * 4096);
	ro = map;
	mprotect(ro, 4096, PROT_READ);
	end = map + 2 * 4096;
	munmap(end, 4096);
	wild[0] = 0;
	wild[1] = 8;
	wild[2] = (long)0xffffffff80000000ul;
	wild[3] = (long)end;
	wild[4] = (long)ro;
	wild[5] = (long)end - 3;
}

/* expr has a p in it. Read: the kernel reads from p, so a read-only page will do. */
#define EACH(count, name, expr) do { \
	for (int i_ = 0; i_ < 6; i_++) { \
		long p __attribute__((unused)) = wild[i_]; \
		if (i_ == 4 && (count) == 5) continue; \
		tap_says((long)(expr), "%s, %s", name, what[i_]); \
	} } while (0)
#define READS(name, expr) EACH(5, name, expr)
#define WRITES(name, expr) EACH(6, name, expr)

static void files(void)
{
	int fd = open("file", O_RDWR | O_CREAT | O_TRUNC, 0644), dir = open(".", O_RDONLY), p2[2];
	struct iovec v;
	char name[8] = "file";

	write(fd, "0123456789abcdefghij", 20);
	pipe(p2);
	READS("openat", sys(SYS_openat, AT_FDCWD, p, O_RDONLY));
	READS("mkdirat", sys(SYS_mkdirat, AT_FDCWD, p, 0700));
	READS("unlinkat", sys(SYS_unlinkat, AT_FDCWD, p, 0));
	READS("symlinkat target", sys(SYS_symlinkat, p, AT_FDCWD, "newlink"));
	READS("symlinkat name", sys(SYS_symlinkat, "x", AT_FDCWD, p));
	READS("linkat", sys(SYS_linkat, AT_FDCWD, "file", AT_FDCWD, p, 0));
	READS("renameat2", sys(SYS_renameat2, AT_FDCWD, "file", AT_FDCWD, p, 0));
	READS("chdir", sys(SYS_chdir, p));
	READS("truncate", sys(SYS_truncate, p, 0));
	READS("faccessat", sys(SYS_faccessat, AT_FDCWD, p, 0));
	READS("fchmodat", sys(SYS_fchmodat, AT_FDCWD, p, 0600));
	READS("fchownat", sys(SYS_fchownat, AT_FDCWD, p, 0, 0, 0));
	READS("mknodat", sys(SYS_mknodat, AT_FDCWD, p, S_IFREG | 0600, 0));
	READS("statfs name", sys(SYS_statfs, p, name));
	WRITES("statfs", sys(SYS_statfs, "/", p));
	WRITES("fstatfs", sys(SYS_fstatfs, fd, p));
	WRITES("fstat", sys(SYS_fstat, fd, p));
	WRITES("newfstatat", sys(SYS_newfstatat, AT_FDCWD, "file", p, 0));
	WRITES("statx", sys(SYS_statx, AT_FDCWD, "file", 0, 0x7ff, p));
	symlink("somewhere", "link");
	WRITES("readlinkat", sys(SYS_readlinkat, AT_FDCWD, "link", p, 9));
	WRITES("getcwd", sys(SYS_getcwd, p, 100));
	WRITES("getdents64", sys(SYS_getdents64, dir, p, 500));
	lseek(fd, 0, SEEK_SET);
	WRITES("read", sys(SYS_read, fd, p, 20));
	tap_says(lseek(fd, 0, SEEK_CUR), "position after failed reads");
	READS("write", sys(SYS_write, fd, p, 20));
	WRITES("pread64", sys(SYS_pread64, fd, p, 20, 0));
	READS("pwrite64", sys(SYS_pwrite64, fd, p, 20, 0));
	READS("readv", sys(SYS_readv, fd, p, 1));
	for (int i = 0; i < 6; i++) {
		v = (struct iovec){ (void *)wild[i], 20 };
		lseek(fd, 0, SEEK_SET);
		tap_says(sys(SYS_readv, fd, &v, 1), "readv's piece, %s", what[i]);
		tap_says(sys(SYS_writev, fd, &v, 1), "writev's piece, %s", what[i]);
		tap_says(sys(SYS_write, p2[1], wild[i], 20), "pipe write, %s", what[i]);
		tap_says(sys(SYS_write, p2[1], "0123456789", 10), "pipe write");
		tap_says(sys(SYS_read, p2[0], wild[i], 5), "pipe read, %s", what[i]);
	}
	WRITES("pipe2", sys(SYS_pipe2, p, 0));
	READS("utimensat", sys(SYS_utimensat, AT_FDCWD, "file", p, 0));
	close(fd);
	close(dir);
	tap_says(dup(0), "no descriptor was lost");
}

static void processes(void)
{
	pid_t child;

	READS("execve", sys(SYS_execve, p, NULL, NULL));
	for (int i = 0; i < 6; i++) {
		child = CHILD(_exit(0));
		siginfo_t info;
		waitid(P_PID, child, &info, WEXITED | WNOWAIT);
		tap_says(sys(SYS_wait4, child, wild[i], 0, 0) == child ? 0 : sys(SYS_wait4, child, wild[i], 0, 0),
			 "wait4, %s", what[i]);
	}
	child = CHILD(pause());
	WRITES("waitid", sys(SYS_waitid, P_PID, child, p, WEXITED | WNOHANG, NULL));
	kill(child, SIGKILL);
	status_of(child);
	WRITES("getrlimit", sys(SYS_getrlimit, 0, p));
	READS("setrlimit", sys(SYS_setrlimit, 99, p));
	WRITES("prlimit64 old", sys(SYS_prlimit64, 0, 0, NULL, p));
	WRITES("getrusage", sys(SYS_getrusage, 0, p));
	WRITES("times", sys(SYS_times, p) < 0 ? -EFAULT : 0);
	WRITES("uname", sys(SYS_uname, p));
	READS("sethostname", sys(SYS_sethostname, p, 4));
	WRITES("getresuid", sys(SYS_getresuid, p, p, p));
	WRITES("getgroups", (sys(SYS_setgroups, 1, five), sys(SYS_getgroups, 1, p)));
	READS("setgroups", sys(SYS_setgroups, 1, p));
	WRITES("capget", sys(SYS_capget, p, NULL));
	WRITES("sysinfo", sys(SYS_sysinfo, p));
	WRITES("getrandom", sys(SYS_getrandom, p, 16, 0));
	WRITES("prctl get name", sys(SYS_prctl, 16, p));
	READS("prctl set name", sys(SYS_prctl, 15, p));
	READS("clone3", sys(SYS_clone3, p, 64));
	WRITES("sched_getaffinity", sys(SYS_sched_getaffinity, 0, 8, p) < 0 ? -EFAULT : 0);
	READS("sched_setaffinity", sys(SYS_sched_setaffinity, 0, 8, p));
	WRITES("sched_getparam", sys(SYS_sched_getparam, 0, p));
	READS("sched_setparam", sys(SYS_sched_setparam, 0, p));
}

static void signals(void)
{
	unsigned long set = 0;

	READS("rt_sigaction", sys(SYS_rt_sigaction, SIGUSR1, p, NULL, 8));
	WRITES("rt_sigaction old", sys(SYS_rt_sigaction, SIGUSR1, NULL, p, 8));
	READS("rt_sigprocmask", sys(SYS_rt_sigprocmask, SIG_BLOCK, p, NULL, 8));
	WRITES("rt_sigprocmask old", sys(SYS_rt_sigprocmask, SIG_BLOCK, NULL, p, 8));
	WRITES("rt_sigpending", sys(SYS_rt_sigpending, p, 8));
	READS("sigaltstack", sys(SYS_sigaltstack, p, NULL) == -EFAULT ? -EFAULT : 0);
	WRITES("sigaltstack old", sys(SYS_sigaltstack, NULL, p));
	READS("rt_sigtimedwait set", sys(SYS_rt_sigtimedwait, p, NULL, none, 8));
	READS("rt_sigtimedwait time", sys(SYS_rt_sigtimedwait, &set, NULL, p ? p : 8, 8));
	READS("rt_sigqueueinfo", sys(SYS_rt_sigqueueinfo, getpid(), 0, p));
	set = 1ul << (SIGUSR1 - 1);
	sys(SYS_rt_sigprocmask, SIG_BLOCK, &set, NULL, 8);
	for (int i = 1; i < 6; i++) {
		raise(SIGUSR1);
		tap_says(sys(SYS_rt_sigtimedwait, &set, wild[i], none, 8),
			 "rt_sigtimedwait info, %s", what[i]);
	}
}

static void waits(void)
{
	unsigned word = 0;

	READS("nanosleep", sys(SYS_nanosleep, p, NULL));
	READS("clock_nanosleep", sys(SYS_clock_nanosleep, 1, 0, p, NULL));
	WRITES("clock_gettime", sys(SYS_clock_gettime, 1, p));
	WRITES("clock_getres", sys(SYS_clock_getres, 1, p));
	WRITES("gettimeofday", sys(SYS_gettimeofday, p, NULL));
	READS("clock_settime", sys(SYS_clock_settime, 1, p));
	WRITES("getitimer", sys(SYS_getitimer, 0, p));
	READS("setitimer", sys(SYS_setitimer, 0, p, NULL));
	WRITES("timer_create", sys(SYS_timer_create, 1, NULL, p));
	READS("ppoll", sys(SYS_ppoll, p, 1, none, NULL, 0));
	READS("ppoll time", sys(SYS_ppoll, NULL, 0, p ? p : 8, NULL, 0));
	READS("pselect6", sys(SYS_pselect6, 4, p, NULL, NULL, none, NULL));
	READS("futex wait", sys(SYS_futex, p, 0, 1, none));
	READS("futex time", sys(SYS_futex, &word, 0, 0, p ? p : 8));
	READS("set_robust_list", sys(SYS_set_robust_list, p, 23));
	WRITES("get_robust_list", sys(SYS_get_robust_list, 0, p, p));
}

int main(void)
{
	make_addresses();
	files();
	processes();
	signals();
	waits();
	return tap_exit();
}
