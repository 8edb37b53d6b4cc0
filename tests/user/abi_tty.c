/* SPDX-License-Identifier: MIT */
/*
 * Terminals and sessions: who gets one, foreground and background, the keys that send signals,
 * who may do what.
 */
#include "session.h"
#include <sys/stat.h>
#include <sys/sysmacros.h>

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
	sessions_begin();
	session(gaining, gaining_names);
	session(opening, opening_names);
	session(background, background_names);
	session(orphans, orphans_names);
	session(keys, keys_names);
	session(rights, rights_names);
	return tap_exit();
}
