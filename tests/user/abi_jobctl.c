/* SPDX-License-Identifier: MIT */
/* Job control without a terminal: stopping, continuing, groups, sessions, orphans. */
#include "child.h"

static volatile sig_atomic_t count;
static void on_signal(int sig) { count++; }

static void stops(void)
{
	int stop[] = { SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU }, status;
	pid_t child = CHILD(for (;;) pause());

	setpgid(child, child);
	for (unsigned i = 0; i < 4; i++) {
		kill(child, stop[i]);
		waitpid(child, &status, WUNTRACED);
		tap_ok(WIFSTOPPED(status) && WSTOPSIG(status) == stop[i], "signal %d stops",
		       stop[i]);
		kill(child, SIGCONT);
		waitpid(child, &status, WCONTINUED);
		tap_ok(WIFCONTINUED(status), "SIGCONT continues");
	}
	kill(child, SIGKILL);
	status_of(child);
	child = CHILD(signal(SIGTSTP, on_signal); raise(SIGTSTP); _exit(count));
	tap_is(code_of(status_of(child)), 1, "a handled SIGTSTP does not stop");
	child = CHILD(signal(SIGCONT, on_signal); raise(SIGSTOP); _exit(count));
	waitpid(child, &status, WUNTRACED);
	kill(child, SIGCONT);
	tap_is(code_of(status_of(child)), 1, "SIGCONT's handler runs after the continuation");
	child = CHILD(sigset_t s; sigemptyset(&s); sigaddset(&s, SIGCONT);
		      sigprocmask(SIG_BLOCK, &s, NULL); raise(SIGSTOP); _exit(7));
	waitpid(child, &status, WUNTRACED);
	kill(child, SIGCONT);
	tap_is(code_of(status_of(child)), 7, "a blocked SIGCONT continues too");
	child = CHILD(sigset_t s; sigset_t p; sigfillset(&s); sigprocmask(SIG_BLOCK, &s, NULL);
		      raise(SIGTSTP); raise(SIGCONT); sigpending(&p);
		      _exit(sigismember(&p, SIGTSTP) + 2 * sigismember(&p, SIGCONT)));
	tap_is(code_of(status_of(child)), 2, "SIGCONT drops a pending stop");
	child = CHILD(sigset_t s; sigset_t p; sigfillset(&s); sigprocmask(SIG_BLOCK, &s, NULL);
		      raise(SIGCONT); raise(SIGTSTP); sigpending(&p);
		      _exit(sigismember(&p, SIGTSTP) + 2 * sigismember(&p, SIGCONT)));
	tap_is(code_of(status_of(child)), 1, "a stop drops a pending SIGCONT");
	child = CHILD(raise(SIGTSTP); _exit(5));
	tap_is(code_of(status_of(child)), 5, "SIGTSTP does nothing in an orphaned group");
	child = CHILD(raise(SIGSTOP); _exit(5));
	waitpid(child, &status, WUNTRACED);
	tap_ok(WIFSTOPPED(status), "SIGSTOP does");
	status_of(CHILD(_exit(0)));
	sleep_ms(20);
	tap_is(waitpid(child, &status, WNOHANG | WCONTINUED), 0,
	       "another member's end does not continue it");
	kill(child, SIGCONT);
	status_of(child);
}

/* A group that becomes orphaned while a member is stopped gets SIGHUP and SIGCONT. */
static void orphaned(void)
{
	int link[2], status;
	char buffer[8] = "";

	pipe(link);
	pid_t leader = CHILD(
		setsid();
		pid_t middle = CHILD(
			pid_t member = CHILD(
				setpgid(0, 0);
				signal(SIGHUP, on_signal);
				raise(SIGSTOP);
				buffer[0] = '0' + count;
				write(link[1], buffer, 1));
			waitpid(member, &status, WUNTRACED);
			_exit(0));
		status_of(middle));
	status_of(leader);
	close(link[1]);
	read(link[0], buffer, 1);
	tap_is(buffer[0], '1',
	       "a stopped member of a newly orphaned group is hung up and continued");
	close(link[0]);
}

static void groups(void)
{
	pid_t child, me = getpid();
	int link[2];
	char c;

	pipe(link);
	tap_is(sys(SYS_setpgid, 0, 0), -EPERM, "a session leader has its group");
	tap_is(sys(SYS_setsid), -EPERM, "a group leader makes no session");
	tap_is(sys(SYS_setpgid, -1, 0), -EINVAL, "setpgid of -1");
	tap_is(sys(SYS_setpgid, 0, -1), -EINVAL, "setpgid to -1");
	tap_is(sys(SYS_setpgid, 1, 0), -ESRCH, "setpgid of another's");
	tap_is(sys(SYS_getpgid, -1), -ESRCH, "getpgid of -1");
	tap_is(sys(SYS_getpgid, 0x3fffff), -ESRCH, "getpgid of nobody");
	tap_is(sys(SYS_getsid, 0x3fffff), -ESRCH, "getsid of nobody");
	tap_is(sys(SYS_getsid, 1) >= 0, 1, "getsid of init");
	child = CHILD(pause());
	tap_is(sys(SYS_setpgid, child, 0x3fffff), -EPERM, "a group that does not exist");
	tap_is(sys(SYS_setpgid, child, 1), -EPERM, "a group of another session");
	tap_is(sys(SYS_setpgid, child, child), 0, "a child into its own");
	tap_is(getpgid(child), child, "there it is");
	tap_is(sys(SYS_setpgid, child, me), 0, "and back into mine");
	tap_is(getpgid(child), me, "there it is");
	kill(child, SIGKILL);
	status_of(child);
	child = CHILD(execl("/tests/abi_jobctl", "abi_jobctl", "wait", NULL));
	sleep_ms(100);
	tap_is(sys(SYS_setpgid, child, child), -EACCES, "a child that has called exec");
	kill(child, SIGKILL);
	status_of(child);
	child = CHILD(_exit(setsid() == getpid() && getpgid(0) == getpid() && getsid(0) == getpid() ? 3 : 4));
	tap_is(code_of(status_of(child)), 3, "setsid");
	child = CHILD(setsid(); write(link[1], "x", 1); pause());
	read(link[0], &c, 1);
	tap_is(sys(SYS_setpgid, child, child), -EPERM, "a child that is a session leader");
	tap_is(sys(SYS_getsid, child), child, "its session");
	kill(child, SIGKILL);
	status_of(child);
}

int main(int argc, char **argv)
{
	if (argc == 2) {
		pause();
		return 0;
	}
	stops();
	orphaned();
	groups();
	return tap_exit();
}
