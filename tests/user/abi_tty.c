/* SPDX-License-Identifier: MIT */
/*
 * Terminals and sessions: who gets one, foreground and background, the keys that
 * send signals, hang-up. Each case is a session of its own; its leader puts what
 * it saw into shared memory, and the first process reports it.
 */
#include "pty.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#define CASE_S 20

static volatile long *seen;	/* shared: what the case saw, by number */
static int nr_seen;		/* only by the leader */
static struct pair p;

static void note(long value)
{
	seen[++nr_seen] = value;
	seen[0] = nr_seen;
}

/* Run fn as the leader of a new session without a terminal, then report with these names. */
static void session(void (*fn)(void), const char *const *names)
{
	pid_t pid;
	int status, n = 0;

	memset((void *)seen, 0, 4096);
	pid = fork();
	if (!pid) {
		setsid();
		alarm(CASE_S);
		fn();
		_exit(0);
	}
	waitpid(pid, &status, 0);
	for (; names[n]; n++)
		tap_says(n < seen[0] ? seen[n + 1] : -9999, "%s", names[n]);
	if (n != seen[0])
		tap_note("%ld answers, status %#x", seen[0], status);
	tap_says(status, "  ended");
}

static long own_or(long pid, long id)
{
	return pid == id ? 1 : pid;
}

static long get_pid(int fd, unsigned long cmd)
{
	pid_t pid = -1;
	long r = err(ioctl(fd, cmd, &pid));

	return r ? r : pid;
}

static long set_pgrp(int fd, pid_t pgrp)
{
	return err(ioctl(fd, TIOCSPGRP, &pgrp));
}

/* Status of a wait, and nothing that differs between runs. */
static long wait_for(pid_t pid, int flags)
{
	int status = -1;
	pid_t r = waitpid(pid, &status, flags);

	return r == pid ? status : r;
}

/* A process in a group of its own that runs fn and ends with its result. */
static pid_t in_group(int (*fn)(void))
{
	pid_t pid;

	seen[103] = 0;
	pid = fork();
	if (!pid) {
		setpgid(0, 0);
		signal(SIGTTOU, SIG_DFL);
		signal(SIGINT, SIG_DFL);
		signal(SIGWINCH, SIG_DFL);
		alarm(CASE_S);
		seen[103] = 1;
		_exit(fn());
	}
	setpgid(pid, pid);
	while (!seen[103])
		usleep(1000);
	return pid;
}

static volatile sig_atomic_t caught[65];

static void catch(int sig)
{
	caught[sig]++;
}

/* --- getting and giving up --- */

__attribute__((noreturn)) static int sleeper(void)
{
	for (;;)
		pause();
}

static void gaining(void)
{
	struct pair q;
	pid_t child;

	p = pty_open();
	note(err(open("/dev/tty", O_RDWR)));
	note(get_pid(p.slave, TIOCGPGRP));
	note(get_pid(p.slave, TIOCGSID));
	note(set_pgrp(p.slave, getpgrp()));
	note(err(ioctl(p.slave, TIOCNOTTY)));
	note(get_pid(p.master, TIOCGPGRP));
	note(get_pid(p.master, TIOCGSID));
	note(err(ioctl(p.slave, TIOCSCTTY, 0)));
	note(own_or(get_pid(p.slave, TIOCGPGRP), getpgrp()));
	note(own_or(get_pid(p.slave, TIOCGSID), getsid(0)));
	note(own_or(get_pid(p.master, TIOCGPGRP), getpgrp()));
	note(own_or(get_pid(p.master, TIOCGSID), getsid(0)));
	note(err(ioctl(p.slave, TIOCSCTTY, 0)));
	note(open("/dev/tty", O_RDWR) >= 0);
	q.master = pty_master();
	q.slave = pty_slave(q.master, O_RDWR);
	note(get_pid(q.slave, TIOCGPGRP));
	note(err(ioctl(q.slave, TIOCSCTTY, 0)));
	note(set_pgrp(p.slave, -1));
	note(set_pgrp(p.slave, 999999));
	note(set_pgrp(p.slave, 1));
	note(set_pgrp(p.master, getpgrp()));
	note(err(ioctl(p.slave, TIOCSPGRP, NULL)));
	child = fork();
	if (!child)
		sleeper();
	note(set_pgrp(p.slave, child));
	note(own_or(get_pid(p.slave, TIOCGPGRP), child));
	signal(SIGTTOU, SIG_IGN);
	note(set_pgrp(p.slave, getpgrp()));
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	signal(SIGHUP, catch);
	signal(SIGCONT, catch);
	note(err(ioctl(p.slave, TIOCNOTTY)));
	note(caught[SIGHUP]);
	note(caught[SIGCONT]);
	note(err(open("/dev/tty", O_RDWR)));
	note(get_pid(p.slave, TIOCGPGRP));
	note(get_pid(p.master, TIOCGSID));
	note(err(write(p.slave, "x", 1)));
}

static const char *const gaining_names[] = {
	"/dev/tty without a terminal",
	"TIOCGPGRP of another's",
	"TIOCGSID of another's",
	"TIOCSPGRP of another's",
	"TIOCNOTTY of another's",
	"TIOCGPGRP by the master",
	"TIOCGSID by the master",
	"TIOCSCTTY",
	"own group is in the foreground",
	"session",
	"group, asked by the master",
	"session, asked by the master",
	"TIOCSCTTY again",
	"/dev/tty",
	"a second terminal is not taken by opening it",
	"nor by TIOCSCTTY",
	"TIOCSPGRP -1",
	"TIOCSPGRP of nobody",
	"TIOCSPGRP of another session's",
	"TIOCSPGRP by the master",
	"TIOCSPGRP from nowhere",
	"TIOCSPGRP of a process that leads no group",
	"is told",
	"back",
	"TIOCNOTTY by the leader",
	"SIGHUP",
	"SIGCONT",
	"/dev/tty then",
	"TIOCGPGRP then",
	"TIOCGSID by the master then",
	"writing goes on",
	NULL,
};

static void opening(void)
{
	int s;

	signal(SIGHUP, SIG_IGN);
	p.master = pty_master();
	s = pty_slave(p.master, O_WRONLY);
	note(err(open("/dev/tty", O_RDWR)));
	note(err(ioctl(s, TIOCSCTTY, 0)) == 0);
	ioctl(s, TIOCNOTTY);
	close(s);
	s = pty_slave(p.master, O_RDWR | O_NOCTTY);
	note(err(open("/dev/tty", O_RDWR)));
	close(s);
	s = pty_slave(p.master, O_RDWR);
	note(open("/dev/tty", O_RDWR) >= 0);
	note(own_or(get_pid(s, TIOCGSID), getsid(0)));
	pid_t child = fork();
	if (!child) {
		note(own_or(get_pid(s, TIOCGSID), getsid(0)));
		note(err(ioctl(s, TIOCNOTTY)));
		note(err(open("/dev/tty", O_RDWR)));
		note(err(ioctl(s, TIOCSCTTY, 0)));
		_exit(0);
	}
	waitpid(child, NULL, 0);
	nr_seen = seen[0];
	child = fork();
	if (!child) {
		setsid();
		note(err(open("/dev/tty", O_RDWR)));
		note(err(ioctl(s, TIOCSCTTY, 0)));
		note(err(ioctl(s, TIOCSCTTY, 1)));
		note(own_or(get_pid(s, TIOCGSID), getsid(0)));
		_exit(0);
	}
	waitpid(child, NULL, 0);
	nr_seen = seen[0];
	note(get_pid(s, TIOCGSID));
}

static const char *const opening_names[] = {
	"opening to write only takes no terminal", "TIOCSCTTY with it (by root)", "O_NOCTTY takes none",
	"a plain open does", "session", "a child has it", "and leaves it", "/dev/tty then",
	"a member cannot take one", "a new session has none", "nor may it take one in use", "but steal it, being root",
	"and has it", "the old one has lost it", NULL,
};

/* --- background --- */

static int tty_fd;
static char line[64];

static int read_line(void)
{
	return read(tty_fd, line, sizeof(line)) > 0 ? 1 : errno;
}

static int read_deaf(void)
{
	signal(SIGTTIN, SIG_IGN);
	return read_line();
}

static int read_blocked(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTTIN);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return read_line();
}

static int read_handled(void)
{
	struct sigaction sa = { .sa_handler = catch };

	sigaction(SIGTTIN, &sa, NULL);
	return read_line() == EINTR ? caught[SIGTTIN] : 99;
}

static int write_out(void)
{
	return write(tty_fd, "x", 1) > 0 ? 1 : errno;
}

static int set_size(void)
{
	struct winsize ws = { 10, 20, 0, 0 };

	return ioctl(tty_fd, TIOCSWINSZ, &ws) ? errno : 1;
}

static int set_attr(void)
{
	struct termios t;

	tcgetattr(tty_fd, &t);
	return tcsetattr(tty_fd, TCSANOW, &t) ? errno : 1;
}

static int set_attr_deaf(void)
{
	signal(SIGTTOU, SIG_IGN);
	return set_attr();
}

static int flush_tty(void)
{
	return tcflush(tty_fd, TCIFLUSH) ? errno : 1;
}

static int take_foreground(void)
{
	return tcsetpgrp(tty_fd, getpgrp()) ? errno : 1;
}

/* It stops; then it gets the foreground and goes on. */
static void stops(int (*fn)(void), const char *input)
{
	pid_t pid = in_group(fn);

	note(wait_for(pid, WUNTRACED));
	if (input)
		type(p.master, input);
	tcsetpgrp(tty_fd, pid);
	kill(-pid, SIGCONT);
	note(wait_for(pid, 0));
	tcsetpgrp(tty_fd, getpgrp());
}

static void ends(int (*fn)(void))
{
	pid_t pid = in_group(fn);
	long status = wait_for(pid, WUNTRACED);

	note(status);
	if (WIFSTOPPED(status)) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
}

static void background(void)
{
	p = pty_open();
	tty_fd = p.slave;
	ioctl(p.slave, TIOCSCTTY, 0);
	signal(SIGTTOU, SIG_IGN);
	set_modes(p.slave, 0, 0, 0, 0, 0, ECHO);
	stops(read_line, "typed\n");
	ends(read_deaf);
	ends(read_blocked);
	ends(read_handled);
	ends(write_out);
	ends(set_size);
	set_modes(p.slave, 0, 0, 0, 0, TOSTOP, 0);
	stops(write_out, NULL);
	set_modes(p.slave, 0, 0, 0, 0, 0, TOSTOP);
	stops(set_attr, NULL);
	ends(set_attr_deaf);
	ends(flush_tty);
	ends(take_foreground);
}

static const char *const background_names[] = {
	"a background read stops",
	"and goes on in the foreground",
	"ignoring SIGTTIN",
	"blocking SIGTTIN",
	"handling SIGTTIN",
	"a background write",
	"a background TIOCSWINSZ",
	"a background write with TOSTOP",
	"goes on",
	"a background tcsetattr",
	"goes on",
	"ignoring SIGTTOU",
	"a background tcflush",
	"a background tcsetpgrp",
	NULL,
};

/* A group whose only parent is gone cannot be stopped: nobody would continue it. */
static void orphans(void)
{
	int sync[2];
	char c;

	p = pty_open();
	tty_fd = p.slave;
	ioctl(p.slave, TIOCSCTTY, 0);
	if (pipe(sync))
		_exit(1);
	pid_t pid = fork();
	if (!pid) {
		setpgid(0, 0);
		pid_t grandchild = fork();
		if (grandchild)
			_exit(0);
		close(sync[1]);
		while (read(sync[0], &c, 1) > 0)
			;
		note(read_line());
		note(set_attr());
		set_modes(p.slave, 0, 0, 0, 0, 0, 0);
		note(take_foreground());
		note(write_out());
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	close(sync[1]);
	for (int i = 0; i < 100 && seen[0] < 4; i++)
		usleep(20000);
}

static const char *const orphans_names[] = {
	"an orphan's read", "an orphan's tcsetattr", "an orphan's tcsetpgrp", "an orphan's write", NULL,
};

/* --- keys and events --- */

static int wait_winch(void)
{
	sigset_t set;
	int sig = 0;

	sigemptyset(&set);
	sigaddset(&set, SIGWINCH);
	sigprocmask(SIG_BLOCK, &set, NULL);
	seen[100] = 1;
	sigwait(&set, &sig);
	return sig;
}

static void key(const char *keys)
{
	pid_t pid = in_group(sleeper);

	tcsetpgrp(p.slave, pid);
	type(p.master, keys);
	note(wait_for(pid, WUNTRACED));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void keys(void)
{
	struct winsize ws = { 30, 100, 0, 0 };
	struct termios t;
	pid_t pid;

	p = pty_open();
	ioctl(p.slave, TIOCSCTTY, 0);
	signal(SIGTTOU, SIG_IGN);
	signal(SIGWINCH, catch);
	signal(SIGINT, catch);
	key("\003");
	key("\034");
	key("\032");
	tcgetattr(p.slave, &t);
	t.c_cc[VINTR] = 'q';
	tcsetattr(p.slave, TCSANOW, &t);
	key("q");
	pid = in_group(sleeper);
	tcsetpgrp(p.slave, pid);
	note(err(ioctl(p.master, TIOCSIG, SIGINT)));
	note(wait_for(pid, 0));
	note(err(ioctl(p.master, TIOCSIG, SIGKILL)));
	seen[100] = 0;
	pid = in_group(wait_winch);
	tcsetpgrp(p.slave, pid);
	while (!seen[100])
		usleep(1000);
	ioctl(p.master, TIOCSWINSZ, &ws);
	note(wait_for(pid, 0));
	note(caught[SIGWINCH]);
	tcsetpgrp(p.slave, getpgrp());
	ioctl(p.slave, TIOCSWINSZ, &ws);
	note(caught[SIGWINCH]);
	ws.ws_row++;
	ioctl(p.slave, TIOCSWINSZ, &ws);
	note(caught[SIGWINCH]);
	/* Without ISIG the keys are data. */
	set_modes(p.slave, 0, 0, 0, 0, 0, ISIG);
	type(p.master, "q\n");
	note(err(read(p.slave, line, 64)));
	note(caught[SIGINT]);
}

static const char *const keys_names[] = {
	"^C", "^\\", "^Z", "another key for VINTR", "TIOCSIG", "  ended", "TIOCSIG of SIGKILL",
	"SIGWINCH for the foreground", "not for the leader", "no SIGWINCH for the same size",
	"one for another size", "without ISIG", "no SIGINT", NULL,
};

/* --- hang-up --- */

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

/* --- rights --- */

static void rights(void)
{
	char name[32], c = 'z';
	struct stat st;
	int v;

	p = pty_open();
	snprintf(name, sizeof(name), "/dev/pts/%d", p.number);
	stat(name, &st);
	note(st.st_mode);
	note(st.st_uid);
	note(major(st.st_rdev));
	note(minor(st.st_rdev) == p.number);
	chmod(name, 0666);
	set_modes(p.slave, 0, 0, 0, 0, 0, ECHO);
	note(err(ioctl(p.slave, TIOCEXCL)));
	note(err(ioctl(p.slave, TIOCGEXCL, &v)));
	note(v);
	note(open(name, O_RDWR | O_NOCTTY) >= 0);
	note(err(ioctl(p.slave, TIOCSTI, &c)));
	c = '\n';
	note(err(ioctl(p.slave, TIOCSTI, &c)));
	usleep(QUIET_MS * 1000);
	note(err(read(p.slave, line, 64)));
	if (setuid(1000))
		_exit(1);
	note(err(open(name, O_RDWR | O_NOCTTY)));
	note(err(ioctl(p.slave, TIOCSTI, &c)));
	note(err(ioctl(p.slave, TIOCNXCL)));
	note(open(name, O_RDWR | O_NOCTTY) >= 0);
	p = pty_open();
	snprintf(name, sizeof(name), "/dev/pts/%d", p.number);
	stat(name, &st);
	note(st.st_uid);
	note(err(ioctl(p.slave, TIOCSCTTY, 0)));
	note(err(ioctl(p.slave, TIOCSTI, &c)));
}

static const char *const rights_names[] = {
	"a slave's mode", "its owner", "its major", "its minor is the number", "TIOCEXCL", "TIOCGEXCL", "is set",
	"root can open it", "TIOCSTI by root", "again", "is read", "a user cannot open it", "TIOCSTI by a user",
	"TIOCNXCL", "then a user can", "a user's slave has its owner", "and is taken by him",
	"TIOCSTI into one's own", NULL,
};

int main(void)
{
	seen = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (seen == MAP_FAILED)
		tap_bail("no shared memory: %s", strerror(errno));
	session(gaining, gaining_names);
	session(opening, opening_names);
	session(background, background_names);
	session(orphans, orphans_names);
	session(keys, keys_names);
	session(leader_exits, leader_exits_names);
	session(master_closes, master_closes_names);
	session(hung_up_leader_exits, hung_up_leader_names);
	session(vhangs_up, vhangs_up_names);
	session(rights, rights_names);
	return tap_exit();
}
