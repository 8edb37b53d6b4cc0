/* SPDX-License-Identifier: MIT */
/* kill: whom it reaches, who may, and that init is immune. */
#include <fcntl.h>
#include "child.h"

static void targets(void)
{
	pid_t a, b, leader;

	tap_is(sys(SYS_kill, getpid(), 0), 0, "signal 0 to oneself");
	tap_is(sys(SYS_kill, getpid(), 65), -EINVAL, "signal 65");
	tap_is(sys(SYS_kill, getpid(), -1), -EINVAL, "signal -1");
	tap_is(sys(SYS_kill, 0x3fffff, 0), -ESRCH, "nobody");
	tap_is(sys(SYS_kill, -0x3fffff, 0), -ESRCH, "no group");
	tap_is(sys(SYS_kill, 0x80000000, 0), -ESRCH, "the most negative number");
	a = leader = CHILD(setpgid(0, 0); pause());
	setpgid(a, a);
	b = CHILD(setpgid(0, leader); pause());
	setpgid(b, leader);
	tap_is(err(kill(-leader, 0)), 0, "a group exists");
	tap_is(err(kill(-leader, SIGTERM)), 0, "signal a group");
	tap_is(code_of(status_of(a)), -SIGTERM, "its leader got it");
	tap_is(code_of(status_of(b)), -SIGTERM, "its member got it");
	tap_is(err(kill(-leader, 0)), -ESRCH, "the group is gone");
	tap_is(CODE(signal(SIGUSR1, SIG_IGN); setpgid(0, 0); kill(0, SIGTERM)), -SIGTERM,
	       "one's own group");
	a = CHILD(setpgid(0, 0); pause());
	b = CHILD(
		sleep_ms(1);
		_exit(kill(-1, 0) ? errno : 0));
	tap_is(code_of(status_of(b)), 0, "kill -1 finds others");
	kill(a, SIGKILL);
	status_of(a);
}

static void permissions(void)
{
	pid_t root = CHILD(pause()), user, other;
	int ready[2];
	char c;

	pipe(ready);
	user = CHILD(setuid(1000); write(ready[1], "x", 1); pause());
	read(ready[0], &c, 1);
	tap_is(CODE(setuid(1000); _exit(kill(root, 0) ? errno : 0)), EPERM,
	       "a user may not signal root");
	tap_is(CODE(setuid(1000); _exit(kill(user, 0) ? errno : 0)), 0,
	       "a user may signal its own");
	tap_is(CODE(setuid(1001); _exit(kill(user, 0) ? errno : 0)), EPERM, "not another's");
	tap_is(CODE(setresuid(1001, 1000, 1000); _exit(kill(user, 0) ? errno : 0)), 0,
	       "its effective user counts");
	tap_is(CODE(setuid(1001); _exit(kill(1, 0) ? errno : 0)), EPERM,
	       "a user may not signal init");
	tap_is(CODE(setuid(1000); _exit(kill(root, SIGCONT) ? errno : 0)), 0,
	       "SIGCONT within a session");
	other = CHILD(setsid(); write(ready[1], "x", 1); pause());
	read(ready[0], &c, 1);
	tap_is(CODE(setuid(1000); _exit(kill(other, SIGCONT) ? errno : 0)), EPERM,
	       "SIGCONT to another session");
	kill(root, SIGKILL);
	kill(user, SIGKILL);
	kill(other, SIGKILL);
	status_of(root), status_of(user), status_of(other);
}

static void init_is_immune(void)
{
	tap_is(err(kill(1, SIGKILL)), 0, "SIGKILL to init: accepted");
	tap_is(err(kill(1, SIGTERM)), 0, "SIGTERM to init: accepted");
	tap_is(err(kill(1, SIGSTOP)), 0, "SIGSTOP to init: accepted");
	tap_is(err(kill(1, SIGSEGV)), 0, "SIGSEGV to init: accepted");
	tap_is(sys(SYS_tgkill, 1, 1, SIGKILL), 0, "tgkill to init: accepted");
	sleep_ms(20);
	tap_is(CODE(if (!fork()) { sleep_ms(10); _exit(getppid() != 1); }), 0, "init still adopts");
	tap_is(err(kill(1, 0)), 0, "init lives");
}

static void queue(void)
{
	union sigval value = { .sival_int = 5 };
	siginfo_t info = { .si_code = SI_USER };

	tap_is(err(sigqueue(getpid(), 0, value)), 0, "sigqueue of signal 0");
	tap_is(err(sigqueue(0x3fffff, SIGUSR1, value)), -ESRCH, "sigqueue to nobody");
	tap_is(err(sigqueue(getpid(), 65, value)), -EINVAL, "sigqueue of signal 65");
	tap_is(sys(SYS_rt_sigqueueinfo, 1, SIGUSR1, &info), -EPERM, "a forged SI_USER to another");
	tap_is(sys(SYS_rt_sigqueueinfo, getpid(), 0, &info), 0, "to oneself");
	info.si_code = SI_TKILL;
	tap_is(sys(SYS_rt_sigqueueinfo, 1, SIGUSR1, &info), -EPERM, "a forged SI_TKILL");
	tap_is(sys(SYS_rt_tgsigqueueinfo, getpid(), getpid(), 0, &info), 0, "rt_tgsigqueueinfo");
	tap_is(sys(SYS_rt_tgsigqueueinfo, getpid(), 0, 0, &info), -EINVAL,
	       "rt_tgsigqueueinfo to 0");
}

/* How many signals are queued for processes of this user, as /proc says. */
static int queued(void)
{
	static char text[4096];
	int fd = open("/proc/self/status", O_RDONLY), n = read(fd, text, sizeof(text) - 1);
	const char *at;

	close(fd);
	text[n > 0 ? n : 0] = 0;
	at = strstr(text, "SigQ:");
	return at ? atoi(at + 5) : -1;
}

static void pending_signals_end_with_the_process(void)
{
	union sigval value = { .sival_int = 5 };
	int before = queued(), during;
	sigset_t all;
	pid_t pid;

	sigfillset(&all);
	pid = CHILD(sigprocmask(SIG_BLOCK, &all, NULL); pause());
	sleep_ms(20);
	for (int i = 0; i < 10; i++)
		sigqueue(pid, SIGRTMIN, value);
	sigqueue(pid, SIGUSR1, value);
	during = queued();
	tap_is(during - before, 11, "signals wait for a process");
	kill(pid, SIGKILL);
	status_of(pid);
	tap_is(queued(), before, "not for one that has ended");
}

int main(void)
{
	targets();
	permissions();
	init_is_immune();
	queue();
	pending_signals_end_with_the_process();
	return tap_exit();
}
