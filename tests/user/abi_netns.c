/* SPDX-License-Identifier: MIT */
/*
 * Network namespaces: made and entered, and what is each one's own. Interfaces between two:
 * stress_netns.c, since Debian's Linux that is the oracle has none to move.
 */
#include <stddef.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include "netns.h"

#define NS_GET_NSTYPE	0xb703

static int home;			/* the namespace this program was started in */

/* --- made and entered --- */

/* "net:[N]" as a number; 0: it is none. */
static unsigned long link_of(const char *whose)
{
	char path[64], text[64] = "";
	unsigned long n = 0;

	snprintf(path, sizeof(path), "/proc/%s/ns/net", whose);
	if (readlink(path, text, sizeof(text) - 1) < 0 || sscanf(text, "net:[%lu]", &n) != 1)
		return 0;
	return n;
}

static bool same(int a, int b)
{
	struct stat x, y;

	return !fstat(a, &x) && !fstat(b, &y) && x.st_ino == y.st_ino && x.st_dev == y.st_dev;
}

static void files(void)
{
	struct stat st;
	int other, p[2];
	char c;

	home = netns_of("self");
	tap_ok(home >= 0, "a process's namespace opens");
	tap_ok(!fstat(home, &st) && st.st_ino == link_of("self"), "its number is the link's");
	tap_is(st.st_mode, S_IFREG | 0444, "a file to read");
	tap_is(err(read(home, &c, 1)), -EINVAL, "with nothing in it");
	tap_is(err(ioctl(home, NS_GET_NSTYPE)), CLONE_NEWNET, "it is of this kind");
	other = netns_new();
	tap_ok(other >= 0 && !same(home, other), "a fresh one is another");
	tap_ok(!fstat(other, &st) && st.st_ino == link_of("self"), "and the process's now");
	tap_is(netns_enter(home), 0, "back");
	tap_ok(same(netns_of("self"), home), "there it is");
	tap_is(err(setns(other, 0)), 0, "any kind will do");
	tap_ok(same(netns_of("self"), other), "entered");
	tap_is(CODE(_exit(!same(netns_of("self"), other))), 0, "a child is in it");
	tap_is(netns_enter(home), 0, "home");
	tap_is(err(setns(other, CLONE_NEWUTS)), -EINVAL, "not of that kind");
	tap_is(err(setns(-1, CLONE_NEWNET)), -EBADF, "no file");
	pipe(p);
	tap_is(err(setns(p[0], CLONE_NEWNET)), -EINVAL, "no namespace");
	close(p[0]);
	close(p[1]);
	close(other);
}

static void clones(void)
{
	pid_t child;
	int p[2], pidfd, mine;
	char c;

	pipe(p);
	child = syscall(SYS_clone, CLONE_NEWNET | SIGCHLD, 0, 0, 0, 0);
	if (!child) {
		(void)!read(p[0], &c, 1);
		_exit(link_of("self") == 0);
	}
	tap_ok(child > 0, "clone into a fresh one");
	{
		char name[16];

		snprintf(name, sizeof(name), "%d", child);
		tap_ok(link_of(name) && link_of(name) != link_of("self"), "it is the child's");
		mine = netns_of(name);
	}
	pidfd = syscall(SYS_pidfd_open, child, 0);
	tap_is(err(setns(pidfd, 0)), -EINVAL, "of a process, one must say what");
	tap_is(netns_enter(pidfd), 0, "enter the child's");
	tap_ok(same(netns_of("self"), mine), "there it is");
	tap_is(netns_enter(home), 0, "home");
	(void)!write(p[1], "x", 1);
	tap_is(code_of(status_of(child)), 0, "the child ends");
	tap_is(netns_enter(pidfd), -ESRCH, "it is gone");
	tap_is(netns_enter(mine), 0, "its namespace is kept by a file");
	tap_is(netns_enter(home), 0, "home again");
	close(mine);
	close(pidfd);
}

static void rights(void)
{
	int other = netns_new();

	netns_enter(home);
	tap_is(CODE(setuid(1000); _exit(unshare(CLONE_NEWNET) ? errno : 0)), EPERM,
	       "only who may make one");
	tap_is(CODE(setuid(1000); _exit(syscall(SYS_clone, CLONE_NEWNET | SIGCHLD, 0, 0, 0, 0) < 0 ?
					errno : 0)), EPERM, "nor by clone");
	tap_is(CODE(setuid(1000); _exit(setns(other, CLONE_NEWNET) ? errno : 0)), EPERM,
	       "or enter one");
	close(other);
}

/* --- what is each one's own --- */

static int lo_flags(void)
{
	struct ifreq r = { .ifr_name = "lo" };
	int fd = socket(AF_INET, SOCK_DGRAM, 0), e = ioctl(fd, SIOCGIFFLAGS, &r);

	close(fd);
	return e ? -errno : r.ifr_flags & (IFF_UP | IFF_LOOPBACK);
}

static void loopbacks(void)
{
	int other, s, port, l;

	loopback_up();
	l = listener(AF_INET, 1, &port);
	other = netns_new();
	tap_is(lo_flags(), IFF_LOOPBACK, "a fresh loopback is down");
	tap_is(if_nametoindex("lo"), 1, "and the first interface");
	s = socket(AF_INET, SOCK_STREAM, 0);
	tap_is(connect_port(s, AF_INET, port), -ENETUNREACH, "nobody is reached");
	close(s);
	loopback_up();
	tap_is(lo_flags(), IFF_LOOPBACK | IFF_UP, "up");
	s = socket(AF_INET, SOCK_STREAM, 0);
	tap_is(connect_port(s, AF_INET, port), -ECONNREFUSED, "and nobody listens there");
	close(s);
	s = socket(AF_INET, SOCK_STREAM, 0);
	tap_is(bind_port(s, AF_INET, port), 0, "ports are one's own");
	tap_is(err(listen(s, 1)), 0, "to listen at");
	netns_enter(home);
	tap_is(port_of(s), port, "a socket stays in its namespace");
	close(s);
	/* A socket made here, in use there. */
	s = socket(AF_INET, SOCK_STREAM, 0);
	netns_enter(other);
	tap_is(connect_port(s, AF_INET, port), 0, "and connects in it");
	close(accept(l, NULL, NULL));
	netns_enter(home);
	close(s);
	close(l);
	close(other);
}

static int abstract(int type, const char *name, bool do_bind)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, type, 0), e;
	socklen_t len = offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name);

	strcpy(a.sun_path + 1, name);
	e = do_bind ? bind(fd, (void *)&a, len) : connect(fd, (void *)&a, len);
	if (e) {
		e = -errno;
		close(fd);
		return e;
	}
	return fd;
}

static bool listed(const char *file, const char *what)
{
	static char text[65536];
	int fd = open(file, O_RDONLY), n = 0, got;

	while (fd >= 0 && (got = read(fd, text + n, sizeof(text) - 1 - n)) > 0)
		n += got;
	close(fd);
	text[n] = 0;
	return strstr(text, what);
}

static void names(void)
{
	int here = abstract(SOCK_DGRAM, "netns-test", true), other, there, path, p2;
	struct sockaddr_un a = { .sun_family = AF_UNIX, .sun_path = "/tmp/netns.sock" };

	unlink(a.sun_path);
	path = socket(AF_UNIX, SOCK_DGRAM, 0);
	bind(path, (void *)&a, sizeof(a));
	tap_is(abstract(SOCK_DGRAM, "netns-test", true), -EADDRINUSE, "an abstract name is taken");
	other = netns_new();
	tap_is(abstract(SOCK_DGRAM, "netns-test", false), -ECONNREFUSED, "elsewhere nobody has it");
	there = abstract(SOCK_DGRAM, "netns-test", true);
	tap_ok(there >= 0, "and it is free");
	p2 = socket(AF_UNIX, SOCK_DGRAM, 0);
	tap_is(err(connect(p2, (void *)&a, sizeof(a))), 0, "a path leads everywhere");
	tap_ok(listed("/proc/net/unix", "@netns-test"), "/proc/net/unix lists those of here");
	tap_ok(!listed("/proc/net/unix", "/tmp/netns.sock"), "and no others");
	netns_enter(home);
	tap_ok(listed("/proc/net/unix", "/tmp/netns.sock"), "which are at home");
	close(here);
	close(there);
	close(path);
	close(p2);
	close(other);
}

static long setting(const char *file, const char *set)
{
	char text[32] = "";
	int fd = open(file, set ? O_RDWR : O_RDONLY);
	long n = -1;

	if (set && write(fd, set, strlen(set)) < 0)
		n = -errno;
	else if (pread(fd, text, sizeof(text) - 1, 0) > 0)
		n = atol(text);
	close(fd);
	return n;
}

static void settings(void)
{
	static const char file[] = "/proc/sys/net/core/somaxconn";
	static const char cookies[] = "/proc/sys/net/ipv4/tcp_syncookies";
	int other;

	tap_is(setting(file, "77"), 77, "a setting");
	other = netns_new();
	tap_is(setting(file, NULL), 4096, "is as usual in a fresh namespace");
	tap_is(setting(file, "55"), 55, "and set there");
	tap_is(setting(cookies, "0"), 0, "another");
	netns_enter(home);
	tap_is(setting(file, NULL), 77, "for that one alone");
	tap_is(setting(cookies, NULL), 1, "the other too");
	tap_is(setting(file, "4096"), 4096, "as it was");
	close(other);
}

static bool listed_of(const char *whose, const char *file, const char *what)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%s/net/%s", whose, file);
	return listed(path, what);
}

static void listings(void)
{
	char link[64] = "", name[16];
	int p[2], port, l = listener(AF_INET, 1, &port);
	pid_t child;
	char c;

	(void)!readlink("/proc/net", link, sizeof(link) - 1);
	tap_ok(!strcmp(link, "self/net"), "/proc/net is the caller's");
	pipe(p);
	child = CHILD(unshare(CLONE_NEWNET); (void)!write(p[1], "x", 1); pause());
	(void)!read(p[0], &c, 1);
	snprintf(name, sizeof(name), "%d", child);
	tap_ok(listed_of(name, "dev", "lo:"), "another process's interfaces");
	tap_ok(!listed_of(name, "tcp", " 0A "), "nobody listens there");
	tap_ok(listed_of("self", "tcp", " 0A "), "but here");
	kill(child, SIGKILL);
	status_of(child);
	close(p[0]);
	close(p[1]);
	close(l);
}

/* --- sockets after everybody has gone --- */

static void left_alone(void)
{
	int p[2], fd, port = 0;
	struct msghdr m = { 0 };
	char c, control[CMSG_SPACE(sizeof(int))];
	struct iovec v = { &c, 1 };
	struct ifreq r = { .ifr_name = "lo" };
	pid_t child;

	socketpair(AF_UNIX, SOCK_STREAM, 0, p);
	child = fork();
	m = (struct msghdr){ .msg_iov = &v, .msg_iovlen = 1, .msg_control = control,
			     .msg_controllen = sizeof(control) };
	if (!child) {
		netns_new();
		loopback_up();
		fd = listener(AF_INET, 1, &port);
		c = 'x';
		*CMSG_FIRSTHDR(&m) = (struct cmsghdr){ CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS };
		memcpy(CMSG_DATA(CMSG_FIRSTHDR(&m)), &fd, sizeof(fd));
		sendmsg(p[1], &m, 0);
		_exit(0);
	}
	tap_is(code_of(status_of(child)), 0, "the last process of a namespace ends");
	tap_is(err(recvmsg(p[0], &m, 0)), 1, "a socket of it was passed on");
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(fd));
	tap_ok(port_of(fd) > 0, "it has its port");
	tap_is(err(ioctl(fd, SIOCGIFFLAGS, &r)), 0, "its namespace is there");
	tap_ok(r.ifr_flags & IFF_UP, "with an interface that is up");
	close(fd);
	close(p[0]);
	close(p[1]);
}

int main(void)
{
	files();
	clones();
	rights();
	loopbacks();
	names();
	settings();
	listings();
	left_alone();
	return tap_exit();
}
