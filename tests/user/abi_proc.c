/* SPDX-License-Identifier: MIT */
/* /proc/PID: what it says of this process and its children. */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include "child.h"
#include "procfs.h"

extern char **environ;

static void links(void)
{
	char want[64], path[64];
	int fd = open("/tmp/proc_a file", O_RDWR | O_CREAT | O_APPEND, 0600), ends[2];
	struct stat st, to;

	snprintf(want, sizeof(want), "%d", getpid());
	tap_ok(!strcmp(link_of("/proc/self"), want), "self is our number");
	snprintf(want, sizeof(want), "%d/task/%ld", getpid(), sys(SYS_gettid));
	tap_ok(!strcmp(link_of("/proc/thread-self"), want), "thread-self is our thread");
	tap_ok(strstr(link_of("/proc/self/exe"), "abi_proc") != NULL, "exe is this program");
	chdir("/tmp");
	tap_ok(!strcmp(link_of("/proc/self/cwd"), "/tmp"), "cwd follows chdir");
	tap_ok(!strcmp(link_of("/proc/self/root"), "/"), "root");
	tap_ok(!strcmp(link_of("/proc/self/fd/%d", fd), "/tmp/proc_a file"), "fd shows the path");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	lstat(path, &st);
	tap_says(st.st_mode, "mode of the link of a descriptor open for both");
	tap_says(st.st_size, "its size");
	stat(path, &to);
	fstat(fd, &st);
	tap_ok(st.st_ino == to.st_ino && st.st_dev == to.st_dev, "stat through the link is fstat");
	tap_is(err(write(fd, "abc", 3)), 3, "write");
	int again = open(path, O_RDONLY);
	char c;
	tap_ok(again >= 0 && read(again, &c, 1) == 1 && c == 'a',
	       "opened again through the link, with a position of its own");
	close(again);
	close(open("/dev/null", O_RDONLY));
	unlink("/tmp/proc_a file");
	tap_ok(!strcmp(link_of("/proc/self/fd/%d", fd), "/tmp/proc_a file (deleted)"),
	       "an unlinked file is told as deleted");
	tap_ok(open_as(O_RDONLY, "/proc/self/fd/%d", fd) >= 0,
	       "and can be opened through the link");
	pipe(ends);
	fstat(ends[0], &st);
	snprintf(want, sizeof(want), "pipe:[%lu]", (unsigned long)st.st_ino);
	tap_ok(!strcmp(link_of("/proc/self/fd/%d", ends[0]), want), "a pipe by its inode");
	tap_ok(!strcmp(link_of("/proc/self/fd/%d", ends[1]), want), "the other end too");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", ends[1]);
	lstat(path, &st);
	tap_says(st.st_mode, "mode of the link of a descriptor open for writing");
	close(ends[1]);
	tap_is(err(readlink(path, want, 10)), -ENOENT, "a closed descriptor has no link");
	tap_is(open_as(O_RDONLY, "/proc/self/fd/99"), -ENOENT, "one never opened");
	tap_is(open_as(O_RDONLY, "/proc/self/fd/01"), -ENOENT, "a leading zero is no number");
	tap_is(open_as(O_RDONLY | O_NOFOLLOW, "/proc/self/fd/0"), -ELOOP,
	       "O_NOFOLLOW stops at the link");
	close(ends[0]);
	close(fd);
}

static void fdinfo(void)
{
	int fd = open("/tmp/proc_b", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	char *text;

	write(fd, "0123456789", 10);
	lseek(fd, 7, SEEK_SET);
	text = slurp("/proc/self/fdinfo/%d", fd);
	tap_is(number_of(text, "pos"), 7, "fdinfo: position");
	tap_says(number_of(text, "flags"), "fdinfo: flags");
	tap_ok(number_of(text, "mnt_id") > 0, "fdinfo: mount");
	close(fd);
	unlink("/tmp/proc_b");
}

static void strings(int argc, char **argv)
{
	char *cmdline = slurp("/proc/self/cmdline"), *env, *auxv;
	long len;

	tap_ok(!strcmp(cmdline, argv[0]), "cmdline begins with argv[0]");
	cmdline = slurp_steps("/proc/self/cmdline", 1, &len);
	tap_is(len, strlen(argv[0]) + 1, "byte by byte it is as long");
	env = slurp_steps("/proc/self/environ", 4096, &len);
	tap_ok(environ[0] ? !strcmp(env, environ[0]) : len == 0, "environ");
	auxv = slurp_steps("/proc/self/auxv", 4096, &len);
	bool found = false;
	for (long i = 0; i + 16 <= len; i += 16)
		found |= *(unsigned long *)(auxv + i) == AT_PHDR &&
			 *(unsigned long *)(auxv + i + 8) == getauxval(AT_PHDR);
	tap_ok(found, "auxv has what getauxval() says");
	tap_ok(len >= 32 && !*(unsigned long *)(auxv + len - 16), "and ends with AT_NULL");
	prctl(PR_SET_NAME, "a) b (c");
	tap_ok(!strcmp(slurp("/proc/self/comm"), "a) b (c\n"), "comm");
	tap_ok(!strncmp(strchr(slurp("/proc/self/stat"), '('), "(a) b (c) R", 11),
	       "stat has it in parentheses");
	int fd = open("/proc/self/comm", O_WRONLY);
	tap_is(err(write(fd, "a name that is too long", 23)), 23, "comm can be written");
	char name[16];
	prctl(PR_GET_NAME, name);
	tap_ok(!strcmp(name, "a name that is "), "and is cut to fifteen");
	close(fd);
	prctl(PR_SET_NAME, "abi_proc");
}

static void *sleeper(void *pipe_end)
{
	char c;

	read((int)(long)pipe_end, &c, 1);
	return NULL;
}

static int count_dir(const char *path)
{
	char buf[4096];
	int fd = open(path, O_RDONLY | O_DIRECTORY), entries = 0;
	long n;

	while ((n = sys(SYS_getdents64, fd, buf, sizeof(buf))) > 0)
		for (long at = 0; at < n; at += *(unsigned short *)(buf + at + 16))
			entries++;
	close(fd);
	return entries;
}

static void read_into(char buf[2048], const char *path)
{
	int fd = open(path, O_RDONLY);
	ssize_t n = read(fd, buf, 2047);

	buf[n < 0 ? 0 : n] = 0;
	close(fd);
}

static void stat_numbers(const char *stat)
{
	int fields = 2;

	tap_is(stat_field(stat, 1), getpid(), "stat: pid");
	tap_is(stat_field(stat, 3), 'R', "stat: running");
	tap_is(stat_field(stat, 4), getppid(), "stat: parent");
	tap_is(stat_field(stat, 5), getpgrp(), "stat: group");
	tap_is(stat_field(stat, 6), getsid(0), "stat: session");
	tap_is(stat_field(stat, 18), 20, "stat: priority");
	tap_is(stat_field(stat, 19), 0, "stat: nice");
	tap_is(stat_field(stat, 20), 3, "stat: threads");
	tap_is(stat_field(stat, 38), SIGCHLD, "stat: exit signal");
	tap_is(stat_field(stat, 41), SCHED_OTHER, "stat: policy");
	tap_is(stat_field(stat, 25), -1 & ~(1ul << 63) ? stat_field(stat, 25) : 0,
	       "stat: rss limit is there");
	for (char *p = strrchr(stat, ')'); *p; p++)
		fields += *p == ' ';
	tap_is(fields, 52, "stat: fifty-two fields");
}

/* SIGUSR1 is blocked and pending, SIGUSR2 ignored, and there are three threads. */
static void status_numbers(const char *stat, const char *status)
{
	tap_is(number_of(status, "Pid"), getpid(), "status: Pid");
	tap_is(number_of(status, "Tgid"), getpid(), "status: Tgid");
	tap_is(number_of(status, "PPid"), getppid(), "status: PPid");
	tap_is(number_of(status, "Threads"), 3, "status: Threads");
	tap_ok(!strncmp(line_of(status, "State"), "R (running)\n", 12), "status: State");
	tap_ok(!strncmp(line_of(status, "Umask"), "0022\n", 5), "status: Umask");
	tap_is(hex_of(status, "SigBlk"), 1ul << (SIGUSR1 - 1), "status: SigBlk");
	tap_is(hex_of(status, "SigIgn"), 1ul << (SIGUSR2 - 1), "status: SigIgn");
	tap_is(hex_of(status, "SigPnd"), 1ul << (SIGUSR1 - 1), "status: SigPnd");
	tap_is(stat_field(stat, 31), 1ul << (SIGUSR1 - 1), "stat: pending");
	tap_is(stat_field(stat, 32), 1ul << (SIGUSR1 - 1), "stat: blocked");
	tap_is(stat_field(stat, 33), 1ul << (SIGUSR2 - 1), "stat: ignored");
	tap_is(hex_of(status, "CapEff"), 0x1ffffffffff, "status: CapEff of root");
	tap_ok(!strncmp(line_of(status, "Uid"), "0\t0\t0\t0\n", 8), "status: Uid");
	tap_ok(!strncmp(line_of(status, "Gid"), "0\t0\t0\t0\n", 8), "status: Gid");
	tap_is(number_of(status, "TracerPid"), 0, "status: TracerPid");
	tap_is(number_of(status, "NoNewPrivs"), 0, "status: NoNewPrivs");
	tap_is(number_of(status, "Kthread"), 0, "status: Kthread");
}

static void memory_numbers(const char *status)
{
	char still[3][2048];		/* so that the heap does not grow in between */

	tap_is(number_of(status, "VmRSS"),
	       number_of(status, "RssAnon") + number_of(status, "RssFile") +
		       number_of(status, "RssShmem"),
	       "status: VmRSS is the sum of its parts");
	read_into(still[0], "/proc/self/statm");
	read_into(still[1], "/proc/self/stat");
	read_into(still[2], "/proc/self/status");
	tap_is(stat_field(still[1], 23), atol(still[0]) * 4096, "stat: vsize is statm's");
	tap_is(number_of(still[2], "VmSize"), atol(still[0]) * 4, "status: VmSize too");
	tap_ok(number_of(status, "VmPeak") >= number_of(status, "VmSize"), "VmPeak");
	tap_ok(number_of(status, "VmHWM") >= number_of(status, "VmRSS"), "VmHWM");
}

static void three_threads(void)
{
	struct stat st;

	tap_is(count_dir("/proc/self/task"), 5, "task/ lists three threads");
	lstat("/proc/self/task", &st);
	tap_is(st.st_nlink, 5, "and has as many links, and two");
	tap_is(number_of(slurp("/proc/self/task/%d/status", getpid()), "Pid"), getpid(),
	       "task/TID/status");
	tap_is(open_as(O_RDONLY, "/proc/self/task/1/status"), -ENOENT, "init is no thread of ours");
}

static void numbers(void)
{
	struct sigaction ign = { .sa_handler = SIG_IGN }, old;
	sigset_t usr1;
	char *stat, *status;
	int ends[2];
	pthread_t t[2];

	sigaction(SIGUSR2, &ign, &old);
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	sigprocmask(SIG_BLOCK, &usr1, NULL);
	raise(SIGUSR1);
	pipe(ends);
	for (int i = 0; i < 2; i++)
		pthread_create(&t[i], NULL, sleeper, (void *)(long)ends[0]);
	stat = slurp("/proc/self/stat");
	status = slurp("/proc/self/status");
	stat_numbers(stat);
	status_numbers(stat, status);
	memory_numbers(status);
	three_threads();
	write(ends[1], "xx", 2);
	pthread_join(t[0], NULL);
	pthread_join(t[1], NULL);
	/* Joined is who has left its memory, a little before it has left the process. */
	for (int tries = 0; tries < 1000 && number_of(slurp("/proc/self/status"), "Threads") > 1; tries++)
		sched_yield();
	tap_is(number_of(slurp("/proc/self/status"), "Threads"), 1, "status: one thread again");
	sigaction(SIGUSR2, &old, NULL);
	sigaction(SIGUSR1, &ign, &old);
	sigprocmask(SIG_UNBLOCK, &usr1, NULL);
	sigaction(SIGUSR1, &old, NULL);
}

static void cpu_time(void)
{
	long until = now_ms() + 300;
	struct rusage u;
	char *stat;

	while (now_ms() < until)
		for (volatile int i = 0; i < 100000; i++)
			;
	getrusage(RUSAGE_SELF, &u);
	stat = slurp("/proc/self/stat");
	long ticks = stat_field(stat, 14) + stat_field(stat, 15);
	long want = u.ru_utime.tv_sec * 100 + u.ru_utime.tv_usec / 10000 + u.ru_stime.tv_sec * 100 +
		    u.ru_stime.tv_usec / 10000;

	tap_ok(ticks >= want - 2 && ticks <= want + 3, "stat: CPU time is getrusage()'s");
	tap_ok(want >= 10, "which has moved");
}

static void children(void)
{
	int ends[2], fd;
	char c, *text, path[64], link[64];
	pid_t pid;

	pipe(ends);
	pid = CHILD(close(ends[1]); read(ends[0], &c, 1));
	tap_ok(EVENTUALLY(stat_field(slurp("/proc/%d/stat", pid), 3) == 'S'),
	       "a child that reads sleeps");
	kill(pid, SIGSTOP);
	tap_ok(EVENTUALLY(stat_field(slurp("/proc/%d/stat", pid), 3) == 'T'), "stopped");
	kill(pid, SIGCONT);
	tap_ok(EVENTUALLY(stat_field(slurp("/proc/%d/stat", pid), 3) == 'S'), "continued");
	fd = open_as(O_RDONLY, "/proc/%d/stat", pid);
	kill(pid, SIGKILL);
	tap_ok(EVENTUALLY(stat_field(slurp("/proc/%d/stat", pid), 3) == 'Z'), "killed: a zombie");
	tap_is(stat_field(slurp("/proc/%d/stat", pid), 52), SIGKILL,
	       "stat: exit code of the zombie");
	tap_ok(!*slurp("/proc/%d/cmdline", pid), "without command line");
	tap_ok(!*slurp("/proc/%d/maps", pid), "without maps");
	tap_ok(!strcmp(slurp("/proc/%d/statm", pid), "0 0 0 0 0 0 0\n"), "statm of the zombie");
	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	tap_says(err(readlink(path, link, sizeof(link))), "exe of the zombie");
	snprintf(path, sizeof(path), "/proc/%d/cwd", pid);
	tap_says(err(readlink(path, link, sizeof(link))), "cwd of the zombie");
	text = slurp("/proc/%d/status", pid);
	tap_ok(!strncmp(line_of(text, "State"), "Z (zombie)\n", 11), "status of the zombie");
	tap_ok(!line_of(text, "VmSize"), "has no memory");
	tap_is(number_of(text, "FDSize"), 0, "and no descriptors");
	lseek(fd, 0, SEEK_SET);
	status_of(pid);
	tap_is(err(read(fd, &c, 1)), -ESRCH, "reaped: an open file says so");
	tap_is(open_as(O_RDONLY, "/proc/%d/stat", pid), -ENOENT, "and its name is gone");
	close(fd);
	close(ends[0]);
	close(ends[1]);
}

static void names(void)
{
	struct statfs fs;
	char buf[16];
	int fd;

	statfs("/proc", &fs);
	tap_says(fs.f_type, "statfs: type");
	tap_says(err(mkdir("/proc/x", 0700)), "mkdir");
	tap_says(err(open("/proc/x", O_CREAT | O_RDWR, 0600)), "creat");
	tap_says(err(unlink("/proc/self/stat")), "unlink");
	tap_says(err(chmod("/proc/self/stat", 0777)), "chmod");
	tap_says(err(open("/proc/4194304", O_RDONLY)), "a number too large");
	tap_says(err(open("/proc/0", O_RDONLY)), "number 0");
	tap_says(err(open("/proc/-1", O_RDONLY)), "number -1");
	tap_says(err(readlink("/proc/self/stat", buf, 1)), "readlink of a file");
	fd = open("/proc/self/stat", O_RDONLY);
	tap_says(err(lseek(fd, 0, SEEK_END)), "lseek to the end");
	tap_is(err(lseek(fd, 1000000, SEEK_SET)), 1000000, "lseek behind it");
	tap_is(err(read(fd, buf, 1)), 0, "reads nothing");
	tap_is(err(pread(fd, buf, 4, 0)), 4, "pread from the start");
	tap_is(atol(buf) > 0, 1, "reads the pid");
	close(fd);
	fd = open("/proc/self/limits", O_RDWR);
	tap_says(fd >= 0 ? 0 : -errno, "open for writing what cannot be written");
	tap_says(err(write(fd, "x", 1)), "write to it");
	close(fd);
	tap_is(err(open("/proc/self/fd", O_RDWR)), -EISDIR, "a directory for writing");
}

static void limits(void)
{
	struct rlimit l = { 123, 456 };
	char *text, want[160];

	setrlimit(RLIMIT_CPU, &l);
	text = slurp("/proc/self/limits");
	snprintf(want, sizeof(want), "%-25s %-20d %-20d %-10s\n", "Max cpu time", 123, 456,
		 "seconds");
	tap_ok(strstr(text, want) != NULL, "limits: a number");
	snprintf(want, sizeof(want), "%-25s %-20s %-20s %-10s\n", "Max file size", "unlimited",
		 "unlimited", "bytes");
	tap_ok(strstr(text, want) != NULL, "limits: unlimited");
	tap_ok(!strncmp(text, "Limit                     Soft Limit           Hard Limit           Units     \n", 79),
	       "limits: heading");
}

static void oom(void)
{
	int fd = open("/proc/self/oom_score_adj", O_RDWR);

	tap_is(err(write(fd, "500\n", 4)), 4, "oom_score_adj: write");
	tap_is(atol(slurp("/proc/self/oom_score_adj")), 500, "oom_score_adj: read");
	tap_is(err(write(fd, "1001", 4)), -EINVAL, "oom_score_adj: out of range");
	tap_is(err(write(fd, "x", 1)), -EINVAL, "oom_score_adj: no number");
	tap_is(err(write(fd, "0", 1)), 1, "oom_score_adj: back");
	tap_ok(atol(slurp("/proc/self/oom_score")) > 0, "oom_score");
	close(fd);
}

/* Another user and this process. */
static void strangers(void)
{
	static const char *const files[] = { "stat", "status", "statm", "cmdline", "comm", "maps", "smaps", "environ",
					     "auxv", "limits", "mem", "pagemap", "mounts", "io", "stack", "wchan",
					     "fd", "task", "ns", "oom_score_adj", "fdinfo", "personality" };
	int root = getpid(), ends[2], told[2];
	char path[64];
	pid_t pid;
	struct stat st;
	char c;

	for (unsigned i = 0; i < ARRAY_SIZE(files); i++) {
		if (!strcmp(files[i], "io"))
			continue;
		snprintf(path, sizeof(path), "/proc/%d/%s", root, files[i]);
		int got = CODE(setgid(1000); setuid(1000);
			       int fd = open(path, O_RDONLY); _exit(fd < 0 ? errno : 0));
		tap_says(got, "another user opens %s", files[i]);
	}
	snprintf(path, sizeof(path), "/proc/%d/exe", root);
	tap_says(CODE(setgid(1000); setuid(1000); char b[64];
		      _exit(readlink(path, b, 64) < 0 ? errno : 0)),
		 "another user reads the link exe");
	snprintf(path, sizeof(path), "/proc/%d/cwd", root);
	tap_says(CODE(setgid(1000); setuid(1000); char b[64];
		      _exit(readlink(path, b, 64) < 0 ? errno : 0)),
		 "another user reads the link cwd");
	tap_says(CODE(setgid(1000); setuid(1000);
		      _exit(stat_field(slurp("/proc/%d/stat", root), 26) == 1 ? 1 : 0)),
		 "another user sees no addresses in stat");
	pipe(ends);
	pipe(told);
	pid = CHILD(setgid(1000); setuid(1000); write(told[1], "x", 1); read(ends[0], &c, 1));
	read(told[0], &c, 1);
	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	stat(path, &st);
	tap_says(st.st_uid, "owner of stat of a child that changed its user");
	snprintf(path, sizeof(path), "/proc/%d", pid);
	stat(path, &st);
	tap_says(st.st_uid, "owner of its directory");
	tap_says(CODE(setgid(1000); setuid(1000);
		      int fd = open_as(O_RDONLY, "/proc/%d/environ", pid); _exit(fd < 0 ? -fd : 0)),
		 "the same user opens its environ");
	tap_says(CODE(int fd = open_as(O_RDONLY, "/proc/%d/environ", pid); _exit(fd < 0 ? -fd : 0)),
		 "root opens its environ");
	tap_says(CODE(setgid(1000); setuid(1000); int fd = open_as(O_RDONLY, "/proc/self/fd");
		      _exit(fd < 0 ? errno : 0)),
		 "its own descriptors a process may list");
	kill(pid, SIGKILL);
	status_of(pid);
}

int main(int argc, char **argv)
{
	links();
	fdinfo();
	strings(argc, argv);
	numbers();
	cpu_time();
	children();
	names();
	limits();
	oom();
	strangers();
	return tap_exit();
}
