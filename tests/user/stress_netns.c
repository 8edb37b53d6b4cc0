/* SPDX-License-Identifier: MIT */
/*
 * Network namespaces with a cable between them: first what interfaces do that pass from one to
 * another.
 *
 * Then they are made, used and left all the time: a process with a namespace of its
 * own, a child in a second one, and a cable between them; datagrams, fragments, connections, packet
 * and netlink sockets in both. They end in any order, by exit or by SIGKILL, while that goes on, and
 * some of their sockets are closed by a keeper when their last process has gone. Others look on
 * through /proc. Afterwards there are as many namespaces and as much memory as before.
 */
#include <linux/if_packet.h>
#include "stress.h"
#include "netns.h"

/* --- what they do --- */

static int home;			/* the namespace this program was started in */

static long udp_to(int fd, int host, const char *text)
{
	struct sockaddr_in to = host_addr(host, 7);

	return err(sendto(fd, text, strlen(text), 0, (void *)&to, sizeof(to)));
}

static void talk(int other)
{
	struct sockaddr_in here = host_addr(1, 7), there = host_addr(2, 7);
	int a = socket(AF_INET, SOCK_DGRAM, 0), b, l, s;
	char text[16] = "";

	bind(a, (void *)&here, sizeof(here));
	netns_enter(other);
	b = socket(AF_INET, SOCK_DGRAM, 0);
	bind(b, (void *)&there, sizeof(there));
	l = socket(AF_INET, SOCK_STREAM, 0);
	bind(l, (void *)&there, sizeof(there));
	listen(l, 1);
	netns_enter(home);
	tap_is(udp_to(a, 2, "over"), 4, "a datagram to the other namespace");
	tap_ok(events_in(b, POLLIN, 5000) & POLLIN, "arrives");
	tap_is(err(recv(b, text, sizeof(text), 0)), 4, "whole");
	tap_is(udp_to(b, 1, "back"), 4, "and one comes back");
	tap_ok(events_in(a, POLLIN, 5000) & POLLIN, "to here");
	s = socket(AF_INET, SOCK_STREAM, 0);
	tap_is(err(connect(s, (void *)&there, sizeof(there))), 0, "a connection");
	close(a);
	a = accept(l, NULL, NULL);
	tap_is(err(send(s, "bytes", 5, 0)), 5, "with data");
	tap_ok(events_in(a, POLLIN, 5000) & POLLIN, "it has come");
	tap_is(err(recv(a, text, sizeof(text), 0)), 5, "all");
	close(a);
	close(b);
	close(l);
	close(s);
}

static void cable(void)
{
	int other = netns_new(), packet, e = 0;
	struct sockaddr_ll ll = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	socklen_t len = sizeof(e);

	netns_enter(home);
	tap_is(add_link("veth", "near", "far"), 0, "a pair");
	packet = socket(AF_PACKET, SOCK_RAW, 0);
	set_up("far", true);
	ll.sll_ifindex = if_nametoindex("far");
	tap_is(err(bind(packet, (void *)&ll, sizeof(ll))), 0, "somebody listens to one end");
	tap_is(move_link("far", IFLA_NET_NS_FD, other), 0, "that goes into another namespace");
	tap_is(if_nametoindex("far"), 0, "and is here no more");
	getsockopt(packet, SOL_SOCKET, SO_ERROR, &e, &len);
	tap_is(e, ENETDOWN, "who listened learns it");
	close(packet);
	tap_is(move_link("lo", IFLA_NET_NS_FD, other), -EINVAL, "loopback stays");
	tap_is(add_link("veth", "far", "rest"), 0, "the name is free");
	tap_is(move_link("far", IFLA_NET_NS_FD, other), -EEXIST, "but taken there");
	tap_is(delete_link("rest"), 0, "away");
	tap_is(move_link("near", IFLA_NET_NS_FD, 99), -EBADF, "no file");
	tap_is(move_link("near", IFLA_NET_NS_PID, 99999), -ESRCH, "no process");
	tap_is(give_address("near", 1) | set_up("near", true), 0, "an address here");
	netns_enter(other);
	tap_ok(if_nametoindex("far") > 1, "it is there");
	tap_is(give_address("far", 2) | set_up("far", true), 0, "and one there");
	netns_enter(home);
	talk(other);
	tap_is(delete_link("near"), 0, "one end is deleted");
	netns_enter(other);
	tap_is(if_nametoindex("far"), 0, "and the other with it");
	netns_enter(home);
	close(other);
}

static void by_process(void)
{
	char name[16], c;
	pid_t child;
	int p[2];

	pipe(p);
	child = CHILD(unshare(CLONE_NEWNET); (void)!write(p[1], "x", 1); pause());
	(void)!read(p[0], &c, 1);
	snprintf(name, sizeof(name), "%d", child);
	add_link("veth", "mine", "its");
	tap_is(move_link("its", IFLA_NET_NS_PID, child), 0, "to a process");
	tap_is(if_nametoindex("its"), 0, "gone from here");
	tap_ok(if_nametoindex("mine"), "the other end stays");
	kill(child, SIGKILL);
	status_of(child);
	/* Nobody keeps the namespace: what was made in it, or sent there, ends with it. */
	tap_ok(EVENTUALLY(!if_nametoindex("mine")), "until that namespace ends");
}

#define LEFT	150000

/* Sends more than the other side takes at once, and is the last of its namespace. */
static void leave_data(int ready, int go)
{
	static char data[LEFT];
	struct sockaddr_in to = host_addr(1, 7001);
	char c;
	int s;

	close(netns_new());
	(void)!write(ready, "x", 1);
	(void)!read(go, &c, 1);
	give_address("its", 2);
	set_up("its", true);
	s = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(s, (void *)&to, sizeof(to)) || send(s, data, LEFT, 0) != LEFT)
		_exit(2);
	_exit(0);
}

static void left_behind(void)
{
	struct sockaddr_in here = host_addr(1, 7001);
	int ready[2], go[2], l = socket(AF_INET, SOCK_STREAM, 0), s, got = 0;
	char buf[4096], c;
	pid_t child;
	long n;

	pipe(ready);
	pipe(go);
	child = CHILD(leave_data(ready[1], go[0]));
	(void)!read(ready[0], &c, 1);
	add_link("veth", "mine", "its");
	move_link("its", IFLA_NET_NS_PID, child);
	give_address("mine", 1);
	set_up("mine", true);
	set_int(l, SOL_SOCKET, SO_RCVBUF, 8192);
	bind(l, (void *)&here, sizeof(here));
	listen(l, 1);
	(void)!write(go[1], "x", 1);
	tap_is(code_of(status_of(child)), 0, "somebody sends, and is gone");
	sleep_ms(100);
	s = events_in(l, POLLIN, 10000) & POLLIN ? accept(l, NULL, NULL) : -1;
	while (events_in(s, POLLIN, 10000) & POLLIN && (n = recv(s, buf, sizeof(buf), 0)) > 0)
		got += n;
	tap_is(got, LEFT, "all of it arrives");
	close(s);
	close(l);
	tap_ok(EVENTUALLY(!if_nametoindex("mine")), "and then the namespace ends");
}

/* --- in numbers --- */

#define MAKERS		3
#define PORT		7000
#define BOUND		1024	/* KiB: caches of each CPU */

static int keeper[2];			/* sockets go to the keeper by this */

static void pass_on(int fd)
{
	char c = 'x', control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec v = { &c, 1 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = control,
			    .msg_controllen = sizeof(control) };
	struct cmsghdr *h = CMSG_FIRSTHDR(&m);

	h->cmsg_len = CMSG_LEN(sizeof(int));
	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_RIGHTS;
	memcpy(CMSG_DATA(h), &fd, sizeof(fd));
	(void)err(sendmsg(keeper[1], &m, MSG_DONTWAIT));
}

/* Keeps some sockets, and closes each in a while. Uses what it has, too. */
static void keep(void)
{
	unsigned long s = 77;
	int fds[24];

	memset(fds, -1, sizeof(fds));
	while (stress_goes_on()) {
		char c, control[CMSG_SPACE(sizeof(int))];
		struct iovec v = { &c, 1 };
		struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = control,
				    .msg_controllen = sizeof(control) };
		int *fd = &fds[draw(&s) % ARRAY_SIZE(fds)];
		struct ifreq r = { .ifr_name = "lo" };

		if (!(events_in(keeper[0], POLLIN, 20) & POLLIN) || recvmsg(keeper[0], &m, MSG_DONTWAIT) < 1 ||
		    !CMSG_FIRSTHDR(&m))
			continue;
		if (*fd >= 0)
			(void)!send(*fd, "late", 4, MSG_DONTWAIT | MSG_NOSIGNAL);
		close(*fd);
		memcpy(fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(*fd));
		(void)err(ioctl(*fd, SIOCGIFFLAGS, &r));
	}
	_exit(0);
}

/* --- in a namespace --- */

static void use_datagrams(int host, unsigned long *s)
{
	static char data[5000];
	struct sockaddr_in own = host_addr(host, PORT), to;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	(void)!bind(fd, (void *)&own, sizeof(own));
	for (int i = 0; i < 10; i++) {
		to = host_addr(1 + draw(s) % 4, PORT);
		(void)!sendto(fd, data, 1 + draw(s) % sizeof(data), 0, (void *)&to, sizeof(to));
	}
	if (draw(s) % 4 == 0)
		pass_on(fd);
	close(fd);
}

static void use_streams(int host, unsigned long *s)
{
	static char data[20000];
	struct sockaddr_in any = { .sin_family = AF_INET, .sin_port = htons(PORT) };
	struct sockaddr_in to = host_addr(draw(s) % 4 ? 3 - host : host, PORT);
	int l = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1;
	int c = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	set_int(l, SOL_SOCKET, SO_REUSEADDR, one);
	set_int(l, IPPROTO_TCP, TCP_USER_TIMEOUT, 500);
	set_int(c, IPPROTO_TCP, TCP_USER_TIMEOUT, 500);
	(void)(!bind(l, (void *)&any, sizeof(any)) && !listen(l, 3));
	(void)!connect(c, (void *)&to, sizeof(to));
	(void)events_in(c, POLLOUT, draw(s) % 10);
	(void)!send(c, data, 1 + draw(s) % sizeof(data), MSG_NOSIGNAL);
	close(accept(l, NULL, NULL));
	if (draw(s) % 4 == 0)
		pass_on(draw(s) & 1 ? c : l);
	close(c);
	close(l);
}

static void use_others(unsigned long *s)
{
	struct if_nameindex *list = if_nameindex();
	int fd = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));

	if (list)
		if_freenameindex(list);
	if (draw(s) % 4 == 0)
		pass_on(fd);
	close(fd);
}

static void use(int host, unsigned long *s)
{
	use_datagrams(host, s);
	use_streams(host, s);
	if (draw(s) % 3 == 0)
		use_others(s);
}

/* The child: waits for its end of the cable, uses it, and is gone. */
static void far_side(int go, unsigned long s)
{
	char c;

	(void)!read(go, &c, 1);
	loopback_up();
	give_address("far", 2);
	set_up("far", true);
	for (int n = draw(&s) % 6; n; n--)
		use(2, &s);
	_exit(0);
}

/* A namespace from its beginning to its end. */
static void near_side(unsigned long s)
{
	int go[2], ready[2];
	pid_t child;
	char c;

	if (unshare(CLONE_NEWNET) || pipe(go) || pipe(ready))
		_exit(1);
	loopback_up();
	child = fork();
	if (!child) {
		if (unshare(CLONE_NEWNET))
			_exit(2);
		/* The near side may be killed: then nobody writes. */
		close(go[1]);
		(void)!write(ready[1], "x", 1);
		far_side(go[0], s * 31);
	}
	close(ready[1]);
	(void)!read(ready[0], &c, 1);
	if (add_link("veth", "near", "far") || move_link("far", IFLA_NET_NS_PID, child))
		_exit(3);
	give_address("near", 1);
	set_up("near", true);
	(void)!write(go[1], "x", 1);
	for (int n = 1 + draw(&s) % 6; n; n--)
		use(1, &s);
	if (draw(&s) & 1)
		kill(child, SIGKILL);
	if (draw(&s) & 1)
		status_of(child);
	if (draw(&s) % 3 == 0)
		(void)delete_link("near");
	_exit(0);
}

static void maker(int id)
{
	unsigned long s = id + 11;

	while (stress_goes_on()) {
		pid_t child = CHILD(near_side(draw(&s)));

		draw(&s);
		if (draw(&s) % 8 == 0) {
			usleep(draw(&s) % 20000);
			kill(child, SIGKILL);
			status_of(child);
		} else if (status_of(child)) {
			_exit(1);
		}
	}
	_exit(0);
}

/* What /proc tells of processes in other namespaces, and entering those. */
static void onlooker(void)
{
	static const char *const files[] = { "net/dev", "net/tcp", "net/route", "net/unix", "net/sockstat",
					     "net/snmp", "ns/net" };
	unsigned long s = 5;
	char path[64], text[2048];

	while (stress_goes_on()) {
		int pid = 2 + draw(&s) % 2000, fd;

		snprintf(path, sizeof(path), "/proc/%d/%s", pid, files[draw(&s) % ARRAY_SIZE(files)]);
		fd = open(path, O_RDONLY);
		if (fd < 0)
			continue;
		(void)!read(fd, text, sizeof(text));
		if (!setns(fd, CLONE_NEWNET))
			close(socket(AF_INET, SOCK_STREAM, 0));
		close(fd);
	}
	_exit(0);
}

static int storm(void)
{
	int failed;

	socketpair(AF_UNIX, SOCK_DGRAM, 0, keeper);
	stress_start();
	for (int id = 0; id < MAKERS; id++)
		CHILD(maker(id));
	CHILD(keep());
	CHILD(onlooker());
	failed = reap_failures(MAKERS + 2);
	close(keeper[0]);
	close(keeper[1]);
	return failed;
}

/* --- what is left --- */

static long number_in(const char *file, const char *name)
{
	static char text[32768];
	int fd = open(file, O_RDONLY), n = 0, got;
	const char *at;

	while (fd >= 0 && (got = read(fd, text + n, sizeof(text) - 1 - n)) > 0)
		n += got;
	close(fd);
	text[n] = 0;
	at = strstr(text, name);
	return at ? atol(at + strlen(name)) : -1;
}

static long objects_of(const char *cache)
{
	return number_in("/proc/slabinfo", cache);
}

static long free_kib(void)
{
	return number_in("/proc/meminfo", "MemFree:");
}

/* Connections that were closed keep a namespace until they have given up, which is soon. */
static bool all_end(void)
{
	for (int i = 0; i < 300 && objects_of("net_namespace"); i++)
		sleep_ms(100);
	return !objects_of("net_namespace");
}

int main(void)
{
	long before, endpoints;

	home = netns_of("self");
	cable();
	by_process();
	left_behind();
	loopback_up();
	forget_netlink();
	tap_is(storm(), 0, "namespaces come and go");
	tap_ok(all_end(), "none is left");
	before = free_kib();
	endpoints = objects_of("inet_ep");
	tap_is(storm() + storm(), 0, "again");
	tap_ok(all_end(), "and none is left");
	tap_ok(EVENTUALLY(objects_of("inet_ep") <= endpoints + 8), "connections are as before");
	tap_ok(EVENTUALLY(free_kib() > before - BOUND), "and so is memory");
	tap_note("free before %ld KiB, after %ld; endpoints %ld, %ld", before, free_kib(), endpoints,
		 objects_of("inet_ep"));
	return tap_exit();
}
