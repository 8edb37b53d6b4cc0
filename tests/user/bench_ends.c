/* SPDX-License-Identifier: MIT */
/*
 * What idle ends cost in kernel memory: that of TCP connections, whose other end is of this
 * namespace or of another, and of what else has no name. The objects of all slab caches before and
 * after many of a kind have been made, each with its share of what its slab wastes.
 *
 * The bounds are of the kernel as it is shipped: debugging makes objects larger.
 */
#include <sys/eventfd.h>
#include <sys/resource.h>
#include "netns.h"
#include "procfs.h"

#define ROUNDS	2000		/* against the few objects of each cache that every CPU keeps */
#define CACHES	128
#define REST_S	10		/* after which TCP has given up what it kept to go on quickly */

struct cache {
	char name[32];
	long used;			/* objects */
	double size;			/* bytes of a slab for each */
};
struct slabs {
	struct cache cache[CACHES];
	int n;
	long free_kib;
};

static struct slabs before, after;
static int fds[2 * ROUNDS], nr_fds;

/* --- measuring --- */

static bool take_line(const char *line, struct cache *c)
{
	long per_slab, pages;

	if (sscanf(line, "%31s %ld %*d %*d %ld %ld", c->name, &c->used, &per_slab, &pages) != 4)
		return false;
	c->size = pages * 4096.0 / per_slab;
	return true;
}

static void measure(struct slabs *s)
{
	char *text = slurp("/proc/slabinfo"), *line = text;

	s->n = 0;
	while (s->n < CACHES && (line = strchr(line, '\n')))
		s->n += take_line(++line, &s->cache[s->n]);
	free(text);
	text = slurp("/proc/meminfo");
	line = strstr(text, "MemFree:");
	s->free_kib = line ? atol(line + 8) : 0;
	free(text);
}

static double slabs_of_one(int ends)
{
	double cost = 0;

	for (int i = 0; i < after.n; i++)
		cost += (after.cache[i].used - (i < before.n ? before.cache[i].used : 0)) *
			after.cache[i].size / ends;
	return cost;
}

static long memory_of_one(int ends)
{
	return (before.free_kib - after.free_kib) * 1024 / ends;
}

/* Caches stay in their order, new ones come behind. */
static void tell(const char *kind, int ends)
{
	for (int i = 0; i < after.n; i++) {
		const struct cache *c = &after.cache[i];
		double more = c->used - (i < before.n ? before.cache[i].used : 0);

		if (more >= ends / 4)
			tap_note("%s: %.2f of %s, %.0f bytes each", kind, more / ends, c->name, c->size);
	}
	tap_note("%s: %.0f bytes of slabs an end, %ld of all memory", kind, slabs_of_one(ends),
		 memory_of_one(ends));
}

static bool costs_at_most(int ends, long bound)
{
	measure(&after);
	return slabs_of_one(ends) <= bound && memory_of_one(ends) <= bound;
}

/* What open_one() leaves in fds ROUNDS times over costs at most so many bytes each, in the end. */
static void costs(const char *kind, int (*open_one)(int *to), long bound)
{
	int got = 0, ends, first;

	nr_fds = first = open_one(fds);		/* what the first one needs stays */
	measure(&before);
	while (nr_fds + 2 <= 2 * ROUNDS && (got = open_one(fds + nr_fds)) > 0)
		nr_fds += got;
	ends = nr_fds - first;
	tap_ok(got > 0, "%s: all are open", kind);
	for (int i = 0; i < REST_S && !costs_at_most(ends, bound); i++)
		sleep(1);
	tell(kind, ends);
	tap_ok(costs_at_most(ends, bound), "%s: an end costs at most %ld bytes", kind, bound);
	while (nr_fds)
		close(fds[--nr_fds]);
	sleep(1);		/* memory is free a grace period later */
}

/* --- kinds: how many ends were made, 0: that failed --- */

static int listening;			/* a socket that accepts */
static struct sockaddr_in listens_at;

/* One that is reset when it is closed: nothing of it stays. */
static int tcp(int *to)
{
	struct linger reset = { 1, 0 };

	to[0] = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(to[0], (struct sockaddr *)&listens_at, sizeof(listens_at)))
		return 0;
	to[1] = accept(listening, NULL, NULL);
	return to[1] < 0 || setsockopt(to[1], SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)) ? 0 : 2;
}

/* One over which something was said each way. */
static int tcp_used(int *to)
{
	char text[300] = "";
	int n = tcp(to);

	for (int i = 0; i < n; i++)
		if (write(to[i], text, sizeof(text)) != sizeof(text) ||
		    recv(to[!i], text, sizeof(text), MSG_WAITALL) != sizeof(text))
			return 0;
	return n;
}

static int udp(int *to)
{
	to[0] = socket(AF_INET, SOCK_DGRAM, 0);
	return to[0] >= 0;
}

static int unix_stream(int *to)
{
	return socketpair(AF_UNIX, SOCK_STREAM, 0, to) ? 0 : 2;
}

static int pipes(int *to)
{
	return pipe(to) ? 0 : 2;
}

static int eventfds(int *to)
{
	to[0] = eventfd(0, 0);
	return to[0] >= 0;
}

static void listen_at(struct sockaddr_in at)
{
	socklen_t len = sizeof(listens_at);

	listens_at = at;
	listening = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(listening, (struct sockaddr *)&at, sizeof(at)) || listen(listening, 16) ||
	    getsockname(listening, (struct sockaddr *)&listens_at, &len))
		tap_bail("listen: %s", strerror(errno));
}

/* Two namespaces with a cable between them; what listens is in the other one. */
static void listen_elsewhere(void)
{
	int home = netns_of("self"), other = netns_new();

	netns_enter(home);
	if (add_link("veth", "near", "far") || move_link("far", IFLA_NET_NS_FD, other) ||
	    give_address("near", 1) || set_up("near", true) || netns_enter(other) ||
	    give_address("far", 2) || set_up("far", true))
		tap_bail("no cable");
	listen_at(host_addr(2, 0));
	netns_enter(home);
}

int main(void)
{
	struct rlimit many = { 3 * ROUNDS, 3 * ROUNDS };

	if (setrlimit(RLIMIT_NOFILE, &many))
		tap_bail("descriptors: %s", strerror(errno));
	loopback_up();
	listen_at(local(AF_INET, 0).in);
	costs("TCP over loopback", tcp, 2048);
	costs("TCP over loopback, used", tcp_used, 2048);
	close(listening);
	listen_elsewhere();
	costs("TCP with elsewhere", tcp, 2048);
	costs("TCP with elsewhere, used", tcp_used, 2048);
	costs("UDP", udp, 1792);
	costs("socket pair", unix_stream, 1152);
	costs("pipe", pipes, 672);
	costs("eventfd", eventfds, 320);
	return tap_exit();
}
