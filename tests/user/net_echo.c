/* SPDX-License-Identifier: MIT */
/*
 * TCP through a network card, to a peer that sends back what it gets: port 7 of 10.0.2.100, and
 * where there is a file /etc/ipv6, of fe80::100, and by UDP. Writes, files by reference, and the
 * program's own memory by reference, with its notices. Where there is a file /etc/large-tx or -rx,
 * the card has cut or merged segments; /etc/bridge puts a bridge between; /etc/queues says how many
 * queues the card has. tests/user/test_net.py.
 */
#include <stddef.h>
#include <time.h>
#include <linux/errqueue.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include "inetsock.h"
#include "links.h"

#ifndef SO_ZEROCOPY
#define SO_ZEROCOPY	60
#endif

#define BYTES	(1 << 20)
#define PIECE	30000

static char data[BYTES], got[BYTES];
static const char *card = "eth0";	/* that has the address */

static int card_up(void)
{
	struct ifreq r = { 0 };
	struct sockaddr_in *a = (struct sockaddr_in *)&r.ifr_addr;
	int fd = socket(AF_INET, SOCK_DGRAM, 0), e;

	strcpy(r.ifr_name, card);
	a->sin_family = AF_INET;
	inet_pton(AF_INET, "10.0.2.15", &a->sin_addr);
	e = err(ioctl(fd, SIOCSIFADDR, &r));
	inet_pton(AF_INET, "255.255.255.0", &a->sin_addr);
	if (!e)
		e = err(ioctl(fd, SIOCSIFNETMASK, &r));
	if (!e)
		e = err(ioctl(fd, SIOCGIFFLAGS, &r));
	r.ifr_flags |= IFF_UP;
	if (!e)
		e = err(ioctl(fd, SIOCSIFFLAGS, &r));
	close(fd);
	return e;
}

/* A bridge stands between the card and us: what the card has merged is cut for the next port. */
static int behind_bridge(void)
{
	if (add_link("bridge", "br0", NULL) || add_link("veth", "v0", "v1") ||
	    set_master("eth0", "br0") || set_master("v0", "br0") || set_up("eth0", true) ||
	    set_up("v0", true) || set_up("br0", true))
		return -1;
	card = "v1";
	return 0;
}

static int dial(int family, int type)
{
	union addr a = { .sa.sa_family = family };
	int fd = socket(family, type, 0), e;

	if (family == AF_INET) {
		a.in.sin_port = htons(7);
		inet_pton(AF_INET, "10.0.2.100", &a.in.sin_addr);
	} else {
		a.in6.sin6_port = htons(7);
		a.in6.sin6_scope_id = if_nametoindex(card);
		inet_pton(AF_INET6, "fe80::100", &a.in6.sin6_addr);
	}
	e = err(connect(fd, &a.sa, addr_len(family)));
	if (!e)
		return fd;
	close(fd);
	return e;
}

/* A child that reads all that comes back, and says whether it is what was sent. */
static pid_t reader(int fd)
{
	return CHILD(
		long done = 0, n;

		while (done < BYTES && (n = read(fd, got + done, BYTES - done)) > 0)
			done += n;
		_exit(done != BYTES ? 1 : memcmp(got, data, BYTES) ? 2 : 0);
	);
}

struct counts {
	long rx_bytes, rx, tx_bytes, tx;
};

static struct counts card_counts(void)
{
	FILE *f = fopen("/proc/net/dev", "r");
	struct counts c = { 0 };
	char line[300];

	while (fgets(line, sizeof(line), f)) {
		char *at = strstr(line, card);

		if (at)
			sscanf(strchr(at, ':') + 1, "%ld %ld %*d %*d %*d %*d %*d %*d %ld %ld", &c.rx_bytes,
			       &c.rx, &c.tx_bytes, &c.tx);
	}
	fclose(f);
	return c;
}

/* Half of the packets have no data: acknowledgements. */
static void are_large(const char *file, long bytes, long packets)
{
	if (access(file, F_OK))
		return;
	tap_note("%ld bytes in %ld packets", bytes, packets);
	tap_ok(bytes / packets > 2000, "%s", file);
}

static void by_writes(int fd)
{
	struct counts before = card_counts(), c;
	pid_t child = reader(fd);
	long done = 0, n;

	while (done < BYTES && (n = write(fd, data + done, BYTES - done)) > 0)
		done += n;
	tap_is(done, BYTES, "written");
	tap_is(code_of(status_of(child)), 0, "and come back as they were");
	c = card_counts();
	are_large("/etc/large-tx", c.tx_bytes - before.tx_bytes, c.tx - before.tx);
	are_large("/etc/large-rx", c.rx_bytes - before.rx_bytes, c.rx - before.rx);
}

static void by_file(int fd)
{
	int file = memfd_create("file", 0);
	pid_t child = reader(fd);
	off_t at = 0;

	(void)!write(file, data, BYTES);
	while (at < BYTES && sendfile(fd, file, &at, BYTES - at) > 0)
		;
	tap_is(at, BYTES, "sendfile");
	close(file);
	tap_is(code_of(status_of(child)), 0, "come back as they were");
}

/* The next range of sends that are over; false: none came. */
static bool notice(int fd, struct sock_extended_err *ee)
{
	char control[200];
	struct msghdr m = { .msg_control = control, .msg_controllen = sizeof(control) };
	struct pollfd p = { fd, 0, 0 };

	if (poll(&p, 1, 10000) != 1 || recvmsg(fd, &m, MSG_ERRQUEUE) || !CMSG_FIRSTHDR(&m))
		return false;
	memcpy(ee, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(*ee));
	return true;
}

static void by_memory(int fd)
{
	struct sock_extended_err ee = { 0 };
	pid_t child = reader(fd);
	long done = 0, n, sends = 0, copied = 0;
	unsigned next = 0;

	set_int(fd, SOL_SOCKET, SO_ZEROCOPY, 1);
	for (; done < BYTES; done += n, sends++) {
		n = BYTES - done < PIECE ? BYTES - done : PIECE;
		n = send(fd, data + done, n, MSG_ZEROCOPY);
		if (n <= 0)
			break;
	}
	tap_is(done, BYTES, "sent by reference");
	while (next < sends && notice(fd, &ee)) {
		if (ee.ee_info != next)
			break;
		copied += ee.ee_code;
		next = ee.ee_data + 1;
	}
	tap_is(next, sends, "a notice for each send, in order");
	tap_is(copied, 0, "none was copied");
	tap_is(code_of(status_of(child)), 0, "come back as they were");
}

/* Of one piece, and of several. */
static void by_datagrams(int family)
{
	static const int sizes[] = { 1, 1000, 9001 };
	int fd = dial(family, SOCK_DGRAM);

	for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct pollfd p = { fd, POLLIN, 0 };

		(void)!send(fd, data, sizes[i], 0);
		tap_ok(poll(&p, 1, 5000) == 1 && recv(fd, got, BYTES, 0) == sizes[i] &&
		       !memcmp(got, data, sizes[i]), "a datagram of %d bytes comes back", sizes[i]);
	}
	close(fd);
}

static void all(int family)
{
	int fd;

	/* The card's own address must be good before. */
	(void)EVENTUALLY((fd = dial(family, SOCK_STREAM)) >= 0);
	if (!tap_ok(fd >= 0, "connect by %s", family == AF_INET ? "IPv4" : "IPv6")) {
		tap_note("%d", fd);
		return;
	}
	by_writes(fd);
	by_file(fd);
	by_memory(fd);
	close(fd);
}

/* Sends by reference what never is waited for: closed, or reset, with all of it under way. */
static void give_up(void)
{
	struct linger at_once = { 1, 0 };

	for (int i = 0; i < 20; i++) {
		int fd = dial(AF_INET, SOCK_STREAM);
		char *own = mmap(NULL, PIECE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		memset(own, i, PIECE);
		set_int(fd, SOL_SOCKET, SO_ZEROCOPY, 1);
		fcntl(fd, F_SETFL, O_NONBLOCK);
		while (send(fd, own, PIECE, MSG_ZEROCOPY) > 0)
			;
		if (i % 2)
			setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
		munmap(own, PIECE);
		close(fd);
	}
}

/* Many connections, while others are given up. */
static void at_once(void)
{
	pid_t child[6];
	int failed = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(child); i++)
		child[i] = CHILD(
			if (i >= 4) {
				give_up();
				_exit(0);
			}
			int fd = dial(i % 2 ? AF_INET6 : AF_INET, SOCK_STREAM);
			pid_t back = reader(fd);

			set_int(fd, SOL_SOCKET, SO_ZEROCOPY, 1);
			for (long done = 0, n; done < BYTES; done += n) {
				n = BYTES - done < PIECE ? BYTES - done : PIECE;
				n = send(fd, data + done, n, i & 2 ? MSG_ZEROCOPY : 0);
				if (n <= 0)
					_exit(3);
			}
			_exit(code_of(status_of(back)));
		);
	for (unsigned i = 0; i < ARRAY_SIZE(child); i++)
		failed += !!status_of(child[i]);
	tap_is(failed, 0, "many at once, and others given up");
}

static long free_kib(void)
{
	FILE *f = fopen("/proc/meminfo", "r");
	char line[100];
	long n = 0;

	while (fgets(line, sizeof(line), f))
		sscanf(line, "MemFree: %ld", &n);
	fclose(f);
	return n;
}

/* What was under way has gone, and its pages are free again: give_up() has more than a MiB. */
static void loses_nothing(void)
{
	long before = free_kib(), after;

	at_once();
	tap_ok(EVENTUALLY((after = free_kib()) > before - 512), "and no memory is lost");
	tap_note("%ld KiB less", before - after);
}

/* Attribute of the card's link that is a number; -1: it has none. */
static int link_number(int type)
{
	struct request r = begin(RTM_GETLINK, 0, card);
	struct {
		struct nlmsghdr h;
		struct ifinfomsg i;
		char attributes[2048];
	} answer = { 0 };
	int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE), left, found = -1;
	struct rtattr *a = (void *)answer.attributes;

	r.h.nlmsg_flags = NLM_F_REQUEST;
	(void)!send(fd, &r, r.h.nlmsg_len, 0);
	left = recv(fd, &answer, sizeof(answer), 0) - offsetof(__typeof__(answer), attributes);
	for (; left > 0 && RTA_OK(a, left); a = RTA_NEXT(a, left))
		if (a->rta_type == type)
			found = *(int *)RTA_DATA(a);
	close(fd);
	return found;
}

/* What each CPU has received, by /proc/net/softnet_stat; how many CPUs there are. */
static int received(unsigned *counts, int room)
{
	FILE *f = fopen("/proc/net/softnet_stat", "r");
	char line[300];
	int n = 0;

	while (n < room && fgets(line, sizeof(line), f))
		counts[n++] = strtoul(line, NULL, 16);
	fclose(f);
	return n;
}

#define FLOWS	24

/* As many queues as are wanted, and of many connections no CPU receives all. */
static void several_queues(void)
{
	unsigned before[8], after[8], busy = 0;
	FILE *f = fopen("/etc/queues", "r");
	int cpus = received(before, 8), wanted, fd[FLOWS], whole = 0;

	if (fscanf(f, "%d", &wanted) != 1)
		return;
	fclose(f);
	tap_is(link_number(IFLA_NUM_TX_QUEUES), wanted, "queues to send");
	tap_is(link_number(IFLA_NUM_RX_QUEUES), wanted, "queues to receive");
	for (int i = 0; i < FLOWS; i++)
		fd[i] = dial(AF_INET, SOCK_STREAM);
	for (int round = 0; round < 20; round++)
		for (int i = 0; i < FLOWS; i++) {
			(void)!write(fd[i], data, 1000);
			whole += recv(fd[i], got, 1000, MSG_WAITALL) == 1000 && !memcmp(got, data, 1000);
		}
	for (int i = 0; i < FLOWS; i++)
		close(fd[i]);
	tap_is(whole, 20 * FLOWS, "pieces come back by all queues");
	received(after, 8);
	for (int i = 0; i < cpus; i++) {
		busy += after[i] - before[i] >= 20;
		tap_note("CPU %d received %u", i, after[i] - before[i]);
	}
	tap_ok(busy > 1, "several CPUs have received");
}

int main(void)
{
	if (!access("/etc/bridge", F_OK))
		tap_is(behind_bridge(), 0, "bridge");
	tap_is(card_up(), 0, "%s", card);
	for (int i = 0; i < BYTES; i++)
		data[i] = (char)(i * 5 + i / 253);
	all(AF_INET);
	if (!access("/etc/ipv6", F_OK)) {
		all(AF_INET6);
		by_datagrams(AF_INET);
		by_datagrams(AF_INET6);
		at_once();
		loses_nothing();
	}
	if (!access("/etc/queues", F_OK))
		several_queues();
	return tap_exit();
}
