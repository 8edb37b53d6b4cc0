/* SPDX-License-Identifier: MIT */
/*
 * PID 1 of a guest that runs tests: every program of /tests in the order of
 * their names, each for at most a time counted by the guest's own clock.
 *
 * What the host reads on the console, one program after another:
 *
 *	# begin NAME
 *	(the program's own output)
 *	# end NAME exit 0		or: signal 11, time-out, not started
 *
 * "# left NAME N" tells of processes that survived the program, "# stuck NAME" of
 * some that SIGKILL did not end: the kernel's fault in any case. "# all done"
 * precedes power off. A program has its own process group and session, a fresh
 * empty working directory, and /dev/console as its descriptors 0, 1 and 2.
 *
 * The time-out is 60 s, or what the program's name ends in: stress_x.300.
 *
 * With /etc/line-sums in the archive every line of this program and of tap.h ends
 * with its sum: the console is a serial line that may lose characters.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tap.h"

#define TIMEOUT_S	60
#define STUCK_S		10

static sigset_t sigchld;

__attribute__((format(printf, 1, 2))) static void say(const char *format, ...)
{
	char line[512];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(line, sizeof(line) - 8, format, args);
	va_end(args);
	if (n > (int)sizeof(line) - 9)
		n = sizeof(line) - 9;
	n = tap_end_line(line, n);
	if (write(1, line, n) != n)
		reboot(RB_POWER_OFF);
}

static long seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

/* What is missing on a young kernel is no reason to stop. */
static void set_up(void)
{
	mount("proc", "/proc", "proc", 0, NULL);
	mount("sysfs", "/sys", "sysfs", 0, NULL);
	mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
	mkdir("/dev/pts", 0755);
	mount("devpts", "/dev/pts", "devpts", 0, NULL);
	mkdir("/dev/shm", 01777);
	mount("tmpfs", "/dev/shm", "tmpfs", 0, NULL);
	mount("tmpfs", "/tmp", "tmpfs", 0, NULL);
	chmod("/tmp", 01777);
	mkdir("/mnt", 0755);
	mount("/dev/vda", "/mnt", "ext2", 0, NULL);
}

/* Reap what has ended. Returns true if pid was among it, with its status. */
static int reap(pid_t pid, int *status)
{
	int found = 0, s;
	pid_t r;

	while ((r = waitpid(-1, &s, WNOHANG)) > 0)
		if (r == pid) {
			*status = s;
			found = 1;
		}
	return found;
}

static int wait_for(pid_t pid, int *status, long limit)
{
	struct timespec tick = { .tv_nsec = 200000000 };
	long end = seconds() + limit;

	while (!reap(pid, status)) {
		if (seconds() >= end)
			return 0;
		sigtimedwait(&sigchld, NULL, &tick);
	}
	return 1;
}

/* End whatever the program left behind. */
static void sweep(const char *name)
{
	struct timespec tick = { .tv_nsec = 10000000 };
	long end = seconds() + STUCK_S;
	int left = 0, status;
	pid_t r;

	kill(-1, SIGKILL);
	while ((r = waitpid(-1, &status, WNOHANG)) >= 0) {
		left += r > 0;
		if (r > 0)
			continue;
		if (seconds() >= end) {
			say("# stuck %s", name);
			return;
		}
		kill(-1, SIGKILL);
		sigtimedwait(&sigchld, NULL, &tick);
	}
	if (left)
		say("# left %s %d", name, left);
}

static void start(const char *name)
{
	char path[300], dir[300];
	char *argv[] = { path, NULL };
	char *envp[] = { "PATH=/bin:/sbin:/usr/bin:/usr/sbin", "HOME=/", "TERM=vt100",
			 getenv("TAP_SUMS") ? "TAP_SUMS=1" : NULL, NULL };

	snprintf(path, sizeof(path), "/tests/%s", name);
	snprintf(dir, sizeof(dir), "/tmp/%s", name);
	setsid();
	mkdir(dir, 0755);
	if (chdir(dir))
		say("# no directory %s: %s", dir, strerror(errno));
	sigprocmask(SIG_UNBLOCK, &sigchld, NULL);
	execve(path, argv, envp);
	say("# cannot run %s: %s", path, strerror(errno));
	_exit(97);
}

static void run(const char *name)
{
	const char *dot = strrchr(name, '.');
	long limit = dot && atol(dot + 1) > 0 ? atol(dot + 1) : TIMEOUT_S;
	int status = 0;
	pid_t pid;

	say("# begin %s", name);
	pid = fork();
	if (!pid)
		start(name);
	if (pid < 0)
		say("# end %s not started: %s", name, strerror(errno));
	else if (!wait_for(pid, &status, limit))
		say("# end %s time-out", name);
	else if (WIFSIGNALED(status))
		say("# end %s signal %d", name, WTERMSIG(status));
	else
		say("# end %s exit %d", name, WEXITSTATUS(status));
	sweep(name);
}

int main(void)
{
	struct dirent **entry;
	int count;

	set_up();
	sigemptyset(&sigchld);
	sigaddset(&sigchld, SIGCHLD);
	sigprocmask(SIG_BLOCK, &sigchld, NULL);
	if (!access("/etc/line-sums", F_OK))
		setenv("TAP_SUMS", "1", 1);
	say("%s", "");
	say("# guest is up");
	count = scandir("/tests", &entry, NULL, alphasort);
	for (int i = 0; i < count; i++)
		if (entry[i]->d_name[0] != '.')
			run(entry[i]->d_name);
	if (count < 0)
		say("# cannot read /tests: %s", strerror(errno));
	chdir("/");
	umount("/mnt");
	sync();
	say("# all done");
	reboot(RB_POWER_OFF);
	for (;;)
		pause();
}
