/* SPDX-License-Identifier: MIT */
/*
 * Terminals that hang up: their leader ends, the other side is closed, vhangup.
 */
#include "session.h"
#include <sys/stat.h>

static char line[64];

static int hears_hup(void)
{
	sigset_t set;
	siginfo_t info;

	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCONT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	seen[100] = 1;
	sigwaitinfo(&set, &info);
	seen[101] = info.si_signo;
	usleep(50000);
	sigpending(&set);
	seen[102] = sigismember(&set, SIGCONT);
	return 0;
}

/*
 * The leader ends while a group of the session is in
 * the foreground. Asked from outside the session.
 */
static void leader_exits(void)
{
	p = pty_open();
	pid_t leader = fork();
	if (!leader) {
		setsid();
		ioctl(p.slave, TIOCSCTTY, 0);
		pid_t pid = in_group(hears_hup);
		tcsetpgrp(p.slave, pid);
		while (!seen[100])
			usleep(1000);
		_exit(0);
	}
	waitpid(leader, NULL, 0);
	for (int i = 0; i < 100 && !seen[101]; i++)
		usleep(10000);
	usleep(100000);
	note(seen[101]);
	note(seen[102]);
	note(get_pid(p.master, TIOCGSID));
	note(get_pid(p.master, TIOCGPGRP));
	note(err(write(p.slave, "x", 1)));
	note(err(ioctl(p.slave, TIOCSCTTY, 0)));
	signal(SIGHUP, SIG_IGN);
}

static const char *const leader_exits_names[] = {
	"the foreground hears", "SIGCONT too", "the session is gone", "and the group", "the pty goes on",
	"and can be taken", NULL,
};

static void master_closes(void)
{
	sigset_t set;
	siginfo_t info;
	struct timespec wait = { 2, 0 };
	int sync[2];

	p = pty_open();
	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCONT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	ioctl(p.slave, TIOCSCTTY, 0);
	signal(SIGTTOU, SIG_IGN);
	if (pipe(sync))
		_exit(1);
	pid_t reader = fork();
	if (!reader) {
		close(p.master);
		sigprocmask(SIG_UNBLOCK, &set, NULL);
		signal(SIGHUP, SIG_IGN);
		long n = err(read(p.slave, line, 64));
		_exit(-n);
	}
	pid_t pid = fork();
	if (!pid) {
		close(p.master);
		setpgid(0, 0);
		seen[100] = 0;
		_exit(hears_hup());
	}
	setpgid(pid, pid);
	while (!seen[100])
		usleep(1000);
	usleep(50000);
	close(p.master);
	note(sigtimedwait(&set, &info, &wait));
	note(info.si_code);
	note(sigtimedwait(&set, &info, &wait));
	note(wait_for(reader, 0));
	note(err(read(p.slave, line, 64)));
	note(err(open("/dev/tty", O_RDWR)));
	note(seen[101]);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static const char *const master_closes_names[] = {
	"the leader hears", "from the kernel", "and then", "a waiting reader gets", "the next", "/dev/tty then",
	"another group hears nothing yet", NULL,
};

/* The leader, told of the hang-up, ends: now the foreground of then hears it. */
static void hung_up_leader_exits(void)
{
	p = pty_open();
	pid_t leader = fork();
	if (!leader) {
		setsid();
		signal(SIGHUP, SIG_IGN);
		ioctl(p.slave, TIOCSCTTY, 0);
		close(p.master);
		pid_t pid = in_group(hears_hup);
		tcsetpgrp(p.slave, pid);
		while (!seen[100])
			usleep(1000);
		while (write(p.slave, "", 0) == 0 && ioctl(p.slave, TIOCOUTQ, &pid) == 0)
			usleep(1000);
		usleep(50000);
		note(seen[101]);
		_exit(0);
	}
	while (!seen[100])
		usleep(1000);
	usleep(20000);
	close(p.master);
	waitpid(leader, NULL, 0);
	nr_seen = seen[0];
	usleep(200000);
	note(seen[101]);
	note(seen[102]);
}

static const char *const hung_up_leader_names[] = {
	"the foreground hears nothing of the hang-up", "but of the leader's end", "and is continued", NULL,
};

static void vhangs_up(void)
{
	int sync[2];

	p = pty_open();
	signal(SIGHUP, catch);
	signal(SIGCONT, catch);
	ioctl(p.slave, TIOCSCTTY, 0);
	if (pipe(sync))
		_exit(1);
	pid_t reader = fork();
	if (!reader) {
		setpgid(0, 0);
		signal(SIGTTOU, SIG_IGN);
		tcsetpgrp(p.slave, getpgrp());
		seen[100] = 1;
		_exit(read(p.slave, line, 64) == 0 ? 7 : errno);
	}
	while (!seen[100])
		usleep(1000);
	usleep(50000);
	note(sys(SYS_vhangup));
	note(wait_for(reader, 0));
	note(caught[SIGHUP]);
	note(caught[SIGCONT]);
	note(err(write(p.slave, "x", 1)));
	note(err(read(p.slave, line, 64)));
	note(err(open("/dev/tty", O_RDWR)));
	int again = pty_slave(p.master, O_RDWR | O_NOCTTY);
	note(again >= 0);
	note(err(write(again, "x", 1)));
	note(err(write(p.slave, "x", 1)));
	note(sys(SYS_vhangup));
	if (setuid(1000))
		_exit(1);
	note(sys(SYS_vhangup));
	note(err(ioctl(again, TIOCVHANGUP)));
}

static const char *const vhangs_up_names[] = {
	"vhangup", "a waiting reader", "SIGHUP", "SIGCONT", "writes then", "reads then", "/dev/tty then",
	"it can be opened again", "that works", "the old one does not", "vhangup without a terminal",
	"vhangup by a user", "TIOCVHANGUP by a user", NULL,
};

int main(void)
{
	sessions_begin();
	session(leader_exits, leader_exits_names);
	session(master_closes, master_closes_names);
	session(hung_up_leader_exits, hung_up_leader_names);
	session(vhangs_up, vhangs_up_names);
	return tap_exit();
}
