/* SPDX-License-Identifier: MIT */
/* wait4 and waitid: which children, which events, what is told, what is left. */
#include <fcntl.h>
#include <sys/resource.h>
#include "child.h"

static long waitid_raw(int type, long id, siginfo_t *info, int options)
{
	memset(info, 0x55, sizeof(*info));
	return sys(SYS_waitid, type, id, info, options, NULL);
}

static void which_children(void)
{
	pid_t a = CHILD(_exit(1)), b = CHILD(_exit(2)), got;
	int status;

	tap_is(waitpid(b, &status, 0), b, "by number");
	tap_is(code_of(status), 2, "its code");
	tap_is(waitpid(-1, &status, 0), a, "any");
	tap_is(sys(SYS_wait4, -1, &status, 0, NULL), -ECHILD, "none left");
	tap_is(sys(SYS_wait4, getpid(), &status, 0, NULL), -ECHILD, "oneself");
	tap_is(sys(SYS_wait4, 1, &status, 0, NULL), -ECHILD, "not a child");
	tap_is(sys(SYS_wait4, -1, &status, WNOHANG, NULL), -ECHILD, "WNOHANG without children");
	tap_is(sys(SYS_wait4, -1, &status, 0x100, NULL), -EINVAL, "an unknown option");
	tap_is(sys(SYS_wait4, -1, &status, WEXITED, NULL), -EINVAL, "WEXITED is waitid's");
	tap_is(sys(SYS_wait4, 0x80000000, &status, 0, NULL), -ESRCH, "the most negative number");
	a = CHILD(setpgid(0, 0); pause());
	setpgid(a, a);
	b = CHILD(_exit(4));
	tap_is(waitpid(0, &status, 0), b, "of my group");
	tap_is(sys(SYS_wait4, 0, &status, 0, NULL), -ECHILD, "the other one is not");
	tap_is(waitpid(-1, &status, WNOHANG), 0, "WNOHANG: not yet");
	kill(a, SIGTERM);
	got = waitpid(-a, &status, 0);
	tap_is(got, a, "of a group by number");
	tap_is(code_of(status), -SIGTERM, "the signal");
	a = CHILD(_exit(0));
	tap_is(sys(SYS_wait4, a, NULL, 0, NULL), a, "no status wanted");
	a = CHILD(_exit(0));
	tap_is(sys(SYS_wait4, a, 8, 0, NULL), -EFAULT, "a wild status pointer");
	tap_is(sys(SYS_wait4, a, NULL, WNOHANG, NULL), -ECHILD, "the child is gone all the same");
}

static void usage(void)
{
	struct rusage use;
	pid_t pid = CHILD(long until = now_ms() + 30; while (now_ms() < until) ;);

	memset(&use, 0xff, sizeof(use));
	wait4(pid, NULL, 0, &use);
	tap_ok(use.ru_utime.tv_sec * 1000000 + use.ru_utime.tv_usec +
			       use.ru_stime.tv_sec * 1000000 + use.ru_stime.tv_usec >
		       1000,
	       "rusage: it used time");
	tap_ok(use.ru_utime.tv_sec < 10 && use.ru_maxrss > 0, "rusage: sane");
	getrusage(RUSAGE_CHILDREN, &use);
	tap_ok(use.ru_utime.tv_usec + use.ru_stime.tv_usec > 1000, "rusage of waited children");
}

static void ids(void)
{
	siginfo_t info;
	pid_t pid = CHILD(_exit(300));

	tap_is(waitid_raw(P_PID, pid, &info, WEXITED | WNOWAIT), 0, "waitid WNOWAIT");
	tap_ok(info.si_signo == SIGCHLD && info.si_code == CLD_EXITED && info.si_pid == pid &&
		       info.si_uid == 0,
	       "siginfo of an exit");
	tap_is(info.si_status, 44, "its status is the low byte");
	tap_is(info.si_errno, 0, "no error");
	tap_is(waitid_raw(P_PID, pid, &info, WEXITED), 0, "it was left");
	tap_is(waitid_raw(P_PID, pid, &info, WEXITED), -ECHILD, "now it is gone");
	tap_is(info.si_signo, 0, "ECHILD clears siginfo");
	tap_is(waitid_raw(P_ALL, 0, &info, 0), -EINVAL, "no event wanted");
	tap_is(waitid_raw(P_ALL, 0, &info, WEXITED | 0x100), -EINVAL, "an unknown option");
	tap_is(waitid_raw(9, 0, &info, WEXITED), -EINVAL, "an unknown type");
	tap_is(waitid_raw(P_PID, 0, &info, WEXITED), -EINVAL, "P_PID 0");
	tap_is(waitid_raw(P_PID, -5, &info, WEXITED), -EINVAL, "P_PID negative");
	tap_is(waitid_raw(P_PGID, -5, &info, WEXITED), -EINVAL, "P_PGID negative");
	tap_is(waitid_raw(P_PGID, 0, &info, WEXITED), -ECHILD, "P_PGID 0 is my group");
	tap_is(waitid_raw(P_PIDFD, -1, &info, WEXITED), -EINVAL, "P_PIDFD -1");
	tap_is(waitid_raw(P_PIDFD, 1, &info, WEXITED), -EBADF, "P_PIDFD of no process");
	pid = CHILD(pause());
	tap_is(waitid_raw(P_PID, pid, &info, WEXITED | WNOHANG), 0, "WNOHANG: nothing yet");
	tap_ok(info.si_signo == 0 && info.si_pid == 0, "siginfo says so");
	kill(pid, SIGKILL);
	tap_is(waitid_raw(P_ALL, 0, &info, WEXITED), 0, "P_ALL");
	tap_ok(info.si_code == CLD_KILLED && info.si_status == SIGKILL, "siginfo of a kill");
	pid = CHILD(abort());
	waitid_raw(P_PID, pid, &info, WEXITED);
	tap_ok(info.si_status == SIGABRT &&
		       (info.si_code == CLD_DUMPED || info.si_code == CLD_KILLED),
	       "siginfo of an abort");
	pid = CHILD(_exit(0));
	tap_is(sys(SYS_waitid, P_PID, pid, NULL, WEXITED, NULL), 0, "no siginfo wanted");
}

static void pidfds(void)
{
	siginfo_t info;
	pid_t pid = CHILD(pause());
	int fd = sys(SYS_pidfd_open, pid, 0);

	tap_ok(fd >= 0, "pidfd_open");
	tap_is(waitid_raw(P_PIDFD, fd, &info, WEXITED | WNOHANG), 0, "P_PIDFD: not yet");
	tap_is(sys(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0), 0, "pidfd_send_signal");
	tap_is(waitid_raw(P_PIDFD, fd, &info, WEXITED), 0, "P_PIDFD");
	tap_ok(info.si_pid == pid && info.si_status == SIGKILL, "its end");
	tap_is(sys(SYS_pidfd_open, pid, 0), -ESRCH, "pidfd_open of none");
	tap_is(sys(SYS_pidfd_open, 0, 0), -EINVAL, "pidfd_open of 0");
	tap_is(sys(SYS_pidfd_open, getpid(), 1), -EINVAL, "pidfd_open, an unknown flag");
	close(fd);
}

/* As pidfds were before pidfd_open(): the directory of the process. */
static void proc_directory_takes_signals(void)
{
	pid_t pid = CHILD(pause());
	char name[32];
	int fd, status;

	snprintf(name, sizeof(name), "/proc/%d", pid);
	fd = open(name, O_DIRECTORY | O_CLOEXEC);
	tap_is(sys(SYS_pidfd_send_signal, fd, 0, NULL, 0), 0, "/proc/PID as a pidfd");
	tap_is(sys(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0), 0, "/proc/PID: a signal");
	tap_is(waitpid(pid, &status, 0), pid, "/proc/PID: it ended");
	tap_is(sys(SYS_pidfd_send_signal, fd, 0, NULL, 0), -ESRCH, "/proc/PID of nobody");
	close(fd);
	fd = open("/proc/self/task", O_DIRECTORY | O_CLOEXEC);
	tap_is(sys(SYS_pidfd_send_signal, fd, 0, NULL, 0), -EBADF, "another directory of /proc");
	close(fd);
	fd = open("/proc", O_DIRECTORY | O_CLOEXEC);
	tap_is(sys(SYS_pidfd_send_signal, fd, 0, NULL, 0), -EBADF, "/proc itself");
	close(fd);
}

static void stops(void)
{
	siginfo_t info;
	int status;
	pid_t pid = CHILD(for (;;) pause());

	/* A group of its own: in an orphaned one like ours SIGTSTP does nothing. */
	setpgid(pid, pid);
	kill(pid, SIGSTOP);
	tap_is(waitpid(pid, &status, WUNTRACED), pid, "WUNTRACED");
	tap_ok(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP, "stopped by SIGSTOP");
	tap_is(waitpid(pid, &status, WUNTRACED | WNOHANG), 0, "told once");
	kill(pid, SIGCONT);
	tap_is(waitpid(pid, &status, WCONTINUED), pid, "WCONTINUED");
	tap_ok(WIFCONTINUED(status) && status == 0xffff, "continued");
	tap_is(waitpid(pid, &status, WCONTINUED | WNOHANG), 0, "told once");
	kill(pid, SIGTSTP);
	tap_is(waitid_raw(P_PID, pid, &info, WSTOPPED | WNOWAIT), 0, "WSTOPPED WNOWAIT");
	tap_ok(info.si_code == CLD_STOPPED && info.si_status == SIGTSTP, "siginfo of a stop");
	tap_is(waitid_raw(P_PID, pid, &info, WSTOPPED), 0, "it was left");
	kill(pid, SIGCONT);
	tap_is(waitid_raw(P_PID, pid, &info, WCONTINUED), 0, "waitid WCONTINUED");
	tap_ok(info.si_code == CLD_CONTINUED && info.si_status == SIGCONT,
	       "siginfo of a continuation");
	kill(pid, SIGSTOP);
	waitpid(pid, &status, WUNTRACED);
	kill(pid, SIGKILL);
	tap_is(waitpid(pid, &status, 0), pid, "SIGKILL ends a stopped process");
	tap_is(code_of(status), -SIGKILL, "by SIGKILL");
	pid = CHILD(for (;;) pause());
	kill(pid, SIGSTOP);
	waitpid(pid, &status, WUNTRACED);
	kill(pid, SIGTERM);
	sleep_ms(20);
	tap_is(waitpid(pid, &status, WNOHANG), 0, "SIGTERM waits while it is stopped");
	kill(pid, SIGCONT);
	tap_is(code_of(status_of(pid)), -SIGTERM, "until it goes on");
}

static void ignored(void)
{
	struct sigaction act = { .sa_handler = SIG_IGN }, nocld = { .sa_handler = SIG_DFL, .sa_flags = SA_NOCLDWAIT };
	int status;
	pid_t pid;

	sigaction(SIGCHLD, &act, NULL);
	pid = CHILD(_exit(3));
	tap_is(err(waitpid(pid, &status, 0)), -ECHILD,
	       "SIGCHLD ignored: wait lasts until all are gone");
	sigaction(SIGCHLD, &nocld, NULL);
	pid = CHILD(_exit(3));
	tap_is(err(waitpid(-1, &status, 0)), -ECHILD, "SA_NOCLDWAIT: no zombie");
	tap_is(err(kill(pid, 0)), -ESRCH, "it is gone");
	signal(SIGCHLD, SIG_DFL);
	pid = CHILD(_exit(3));
	sleep_ms(20);
	tap_is(err(kill(pid, SIGTERM)), 0, "a zombie can be signalled");
	tap_is(code_of(status_of(pid)), 3, "to no effect");
}

static void orphans(void)
{
	int link[2];
	pid_t ppid = 0;

	pipe(link);
	status_of(CHILD(
		if (!fork()) {
			while (getppid() != 1)
				sleep_ms(1);
			ppid = getppid();
			write(link[1], &ppid, sizeof(ppid));
			_exit(0);
		}));
	read(link[0], &ppid, sizeof(ppid));
	tap_is(ppid, 1, "an orphan's parent is init");
}

int main(void)
{
	which_children();
	usage();
	ids();
	pidfds();
	proc_directory_takes_signals();
	stops();
	ignored();
	orphans();
	return tap_exit();
}
