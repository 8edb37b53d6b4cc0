/* SPDX-License-Identifier: MIT */
/*
 * Interfaces with addresses are taken away while all that an interface can have is under way: frames
 * from the other end of its cable (handshakes, datagrams, fragments, questions for neighbours),
 * connections and datagrams to neighbours that are still asked for, timers of groups, of address
 * checks and of retransmission, and sockets bound to the address and to the interface. Afterwards
 * there is as much memory as before.
 *
 * Both ends of a cable are this machine's. What comes through it comes from hosts that are not
 * there, made by a packet socket at the far end.
 */
#include <linux/if_packet.h>
#include "stress.h"
#include "links.h"

#define PAIRS		2
#define PORT		7000
#define BOUND		1024	/* KiB: caches of each CPU */

/* 10.7.PAIR.HOST; the machine is 1. */
static in_addr_t host_of(int pair, int host)
{
	return htonl(0x0a070000u | (unsigned)pair << 8 | (unsigned)host);
}

static void names_of(int pair, char near[16], char far[16])
{
	snprintf(near, 16, "near%d", pair);
	snprintf(far, 16, "far%d", pair);
}

static void maker(int pair)
{
	unsigned long s = pair + 99;
	char near[16], far[16];

	names_of(pair, near, far);
	while (stress_goes_on()) {
		if (add_link("veth", near, far))
			_exit(1);
		set_up(far, true);
		set_up(near, true);
		if (set_address(near, host_of(pair, 1)))
			_exit(2);
		usleep(draw(&s) % 8000);
		if (draw(&s) % 4 == 0) {
			set_up(near, false);
			set_up(near, true);
		}
		if (delete_link(draw(&s) & 1 ? near : far))
			_exit(3);
	}
	_exit(0);
}

/* --- frames from the far end --- */

static unsigned sum_of(const unsigned char *p, int len, unsigned sum)
{
	for (int i = 0; i < len; i++)
		sum += i & 1 ? p[i] : (unsigned)p[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static void put16(unsigned char *p, unsigned v)
{
	p[0] = v >> 8;
	p[1] = v;
}

/* An IPv4 packet of a host that is not there. Its length. */
static int put_ip(unsigned char *ip, int pair, unsigned long *s)
{
	static const unsigned char protocols[] = { IPPROTO_TCP, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP };
	int protocol = protocols[draw(s) % 4], len = protocol == IPPROTO_TCP ? 20 : 64;
	unsigned char *t = ip + 20;
	in_addr_t from = host_of(pair, 2 + draw(s) % 200), to = host_of(pair, 1);

	memset(ip, 0, 20 + len);
	ip[0] = 0x45;
	put16(ip + 2, 20 + len);
	put16(ip + 4, draw(s) % 64);
	/* Datagrams in part: a first fragment or a later one, whose others may not come. */
	if (protocol == IPPROTO_UDP)
		put16(ip + 6, (const unsigned[]){ 0, 0x2000, 8, 0x2008 }[draw(s) % 4]);
	ip[8] = 64;
	ip[9] = protocol;
	memcpy(ip + 12, &from, 4);
	memcpy(ip + 16, &to, 4);
	put16(ip + 10, ~sum_of(ip, 20, 0));
	put16(t, 1024 + draw(s) % 5000);
	put16(t + 2, PORT);
	if (protocol == IPPROTO_TCP) {
		put16(t + 4, draw(s));
		t[12] = 0x50;
		t[13] = draw(s) % 8 ? 2 : 16;		/* SYN, or ACK of nobody's */
		put16(t + 14, 8000);
		put16(t + 16, ~sum_of(t, len, sum_of(ip + 12, 8, protocol + len)));
	} else if (protocol == IPPROTO_UDP) {
		put16(t + 4, len);
		put16(t + 6, ~sum_of(t, len, sum_of(ip + 12, 8, protocol + len)));
	} else {
		t[0] = 8;				/* echo request */
		put16(t + 2, 0);
		put16(t + 2, ~sum_of(t, len, 0));
	}
	return 20 + len;
}

/* A question for the machine, or an answer to one of its own, by a host that is not there. */
static int put_arp(unsigned char *arp, int pair, unsigned long *s)
{
	in_addr_t from = host_of(pair, 2 + draw(s) % 200), to = host_of(pair, 1);

	memcpy(arp, (const unsigned char[]){ 0, 1, 8, 0, 6, 4, 0, 1 + draw(s) % 2, 2, 0, 0, 0, 0, 9 }, 14);
	memcpy(arp + 14, &from, 4);
	memset(arp + 18, 0, 6);
	memcpy(arp + 24, &to, 4);
	return 28;
}

static void injector(int pair)
{
	struct sockaddr_ll ll = { .sll_family = AF_PACKET, .sll_halen = 6 };
	int fd = socket(AF_PACKET, SOCK_RAW, 0);
	unsigned long s = pair + 7;
	char near[16], far[16];

	names_of(pair, near, far);
	while (stress_goes_on()) {
		unsigned char f[200] = { 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 9, 8 };
		int len;

		mac_of(near, f);
		ll.sll_ifindex = if_nametoindex(far);
		for (int i = 0; i < 20; i++) {
			f[13] = draw(&s) % 8 ? 0 : 6;
			len = 14 + (f[13] ? put_arp : put_ip)(f + 14, pair, &s);
			sendto(fd, f, len, 0, (struct sockaddr *)&ll, sizeof(ll));
		}
	}
	_exit(0);
}

/* --- sockets --- */

static int open_to(int pair, int type, int host, unsigned long *s)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = host_of(pair, 1) };
	int fd = socket(AF_INET, type | SOCK_NONBLOCK, 0);
	char near[16], far[16];

	names_of(pair, near, far);
	if (draw(s) & 1)
		(void)setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, near, strlen(near));
	if (draw(s) & 1)
		(void)!bind(fd, (struct sockaddr *)&in, sizeof(in));
	in.sin_addr.s_addr = host_of(pair, host);
	in.sin_port = htons(PORT);
	(void)!connect(fd, (struct sockaddr *)&in, sizeof(in));
	return fd;
}

static void join(int fd, int pair, unsigned long *s)
{
	struct ip_mreqn m = { .imr_multiaddr.s_addr = htonl(0xe0010100u | (draw(s) & 15)) };
	char near[16], far[16];

	names_of(pair, near, far);
	m.imr_ifindex = if_nametoindex(near);
	(void)setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &m, sizeof(m));
}

/* Connections and datagrams to anybody, and nothing of it is waited for. */
static void user(int pair)
{
	static char data[3000];
	unsigned long s = pair + 31;
	int fds[16];

	memset(fds, -1, sizeof(fds));
	while (stress_goes_on()) {
		int *fd = &fds[draw(&s) % ARRAY_SIZE(fds)];
		int type = draw(&s) & 1 ? SOCK_STREAM : SOCK_DGRAM;

		close(*fd);
		*fd = open_to(pair, type, 1 + draw(&s) % 60, &s);
		if (type == SOCK_DGRAM)
			join(*fd, pair, &s);
		for (int i = 0; i < 3; i++)
			(void)!send(*fd, data, 1 + draw(&s) % sizeof(data), MSG_NOSIGNAL);
	}
	_exit(0);
}

/* Whoever comes is let in, and left alone. */
static void server(int pair)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(PORT) };
	char data[100];
	int l, d, one = 1;

	(void)pair;
	while (stress_goes_on()) {
		l = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		d = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
		set_int(l, SOL_SOCKET, SO_REUSEADDR, one);
		if (bind(l, (struct sockaddr *)&in, sizeof(in)) || listen(l, 20) ||
		    bind(d, (struct sockaddr *)&in, sizeof(in)))
			_exit(4);
		for (int i = 0; i < 50; i++) {
			close(accept(l, NULL, NULL));
			(void)!recv(d, data, sizeof(data), 0);
			sched_yield();
		}
		close(l);
		close(d);
	}
	_exit(0);
}

static void storm(void)
{
	stress_start();
	for (int pair = 0; pair < PAIRS; pair++) {
		CHILD(maker(pair));
		CHILD(injector(pair));
		CHILD(user(pair));
	}
	CHILD(server(0));
	tap_is(reap_failures(3 * PAIRS + 1), 0, "interfaces go while they are used");
}

/* --- what is left --- */

static long free_kib(void)
{
	static char text[4096];
	int fd = open("/proc/meminfo", O_RDONLY);
	long n = read(fd, text, sizeof(text) - 1);
	const char *at;

	close(fd);
	text[n > 0 ? n : 0] = 0;
	at = strstr(text, "MemFree:");
	return at ? atol(at + 8) : 0;
}

/* Of the objects of a cache, those in use. */
static long objects_of(const char *cache)
{
	static char text[16384];
	int fd = open("/proc/slabinfo", O_RDONLY), n = 0, got;
	const char *at;

	while (fd >= 0 && (got = read(fd, text + n, sizeof(text) - 1 - n)) > 0)
		n += got;
	close(fd);
	text[n] = 0;
	at = strstr(text, cache);
	return at ? atol(at + strlen(cache)) : -1;
}

/* IP packets that came in. */
static long received(void)
{
	static char text[4096];
	int fd = open("/proc/net/snmp", O_RDONLY);
	long n = read(fd, text, sizeof(text) - 1), count = -1;
	const char *at;

	close(fd);
	text[n > 0 ? n : 0] = 0;
	at = strstr(text, "\nIp: ");
	return at && sscanf(at, "\nIp: %*d %*d %ld", &count) == 1 ? count : -1;
}

int main(void)
{
	long before, endpoints, came;

	loopback_up();
	storm();		/* fills caches, and makes the interfaces that are used again */
	sleep(1);
	before = free_kib();
	endpoints = objects_of("inet_ep");
	came = received();
	tap_ok(endpoints >= 0 && came >= 0, "there is something to count");
	for (int i = 0; i < 3; i++)
		storm();
	came = received() - came;
	sleep(1);
	tap_note("%ld packets; free before %ld KiB, after %ld; endpoints %ld, %ld", came, before,
		 free_kib(), endpoints, objects_of("inet_ep"));
	tap_ok(came > 500, "packets came");
	tap_ok(free_kib() > before - BOUND, "memory is as before");
	tap_ok(objects_of("inet_ep") <= endpoints + 8, "so are connections");
	return tap_exit();
}
