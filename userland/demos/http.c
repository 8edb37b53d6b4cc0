/* SPDX-License-Identifier: MIT */
/*
 * A web server of one page, in each of the ways that a server can wait for its clients:
 *
 *	http one	one thread accepts, reads and answers, one client after the other
 *	http threads	one thread accepts, each client gets a thread of its own
 *	http acceptors	several threads accept from one socket
 *	http reuseport	several threads, each with a listening socket of its own on the same port
 *	http select	one thread asks select(2) which of its sockets are ready
 *	http epoll	the same by epoll(7), told as long as a socket is ready (level-triggered)
 *	http edge	the same, told once when it becomes ready (edge-triggered)
 *
 * "http one 8080 3" ends after three clients; "http one 8080 0 128" lets 128 connections wait, not
 * 10: one that finds the queue full is not answered, and the client tries again after a second,
 * two, four. From the host: curl http://localhost:8080/
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

#define REQUEST_MAX	1024
#define THREADS		4

static int port = 8080;
static int clients_left;		/* 0: for ever; atomic */
static int backlog = 10;		/* connections that wait to be accepted */

static const char page[] = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 13\r\n"
			   "Connection: close\r\n\r\nHello world!\n";

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

/* A socket with its two queues: of connections being made, and of those made. */
static int listen_on(int extra_option)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;

	if (fd < 0)
		fail("socket");
	a.sin_addr.s_addr = htonl(INADDR_ANY);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (extra_option && setsockopt(fd, SOL_SOCKET, extra_option, &on, sizeof(on)))
		fail("setsockopt");
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)))
		fail("bind");
	if (listen(fd, backlog))
		fail("listen");
	return fd;
}

/* Empties the accept queue by one; waits if it is empty. */
static int accept_one(int listener)
{
	int fd = accept(listener, NULL, NULL);

	if (fd < 0 && errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
		fail("accept");
	return fd;
}

/* One client less to come; the last one ends the program. */
static void served(void)
{
	if (__atomic_load_n(&clients_left, __ATOMIC_RELAXED) > 0 &&
	    !__atomic_sub_fetch(&clients_left, 1, __ATOMIC_RELAXED))
		exit(0);
}

/* From the receive queue to our memory, from our memory to the send queue. */
static void answer(int fd)
{
	char request[REQUEST_MAX];
	ssize_t n = read(fd, request, sizeof(request));

	if (n > 0 && write(fd, page, sizeof(page) - 1) < 0)
		perror("write");
	close(fd);
	if (n > 0)
		served();
}

/* --- one thread for all, or one for each --- */

static void serve_one(void)
{
	int listener = listen_on(0);

	for (;;) {
		int fd = accept_one(listener);

		if (fd >= 0)
			answer(fd);
	}
}

static void *answer_in_thread(void *arg)
{
	answer((int)(long)arg);
	return NULL;
}

static void serve_threads(void)
{
	int listener = listen_on(0);

	for (;;) {
		int fd = accept_one(listener);
		pthread_t t;

		if (fd < 0)
			continue;
		if (pthread_create(&t, NULL, answer_in_thread, (void *)(long)fd))
			answer(fd);
		else
			pthread_detach(t);
	}
}

/* arg: the listener, or -1 for one of its own. */
static void *accept_for_ever(void *arg)
{
	int listener = (int)(long)arg;

	if (listener < 0)
		listener = listen_on(SO_REUSEPORT);
	for (;;) {
		int fd = accept_one(listener);

		if (fd >= 0)
			answer(fd);
	}
	return NULL;
}

static void serve_acceptors(bool shared)
{
	long listener = shared ? listen_on(0) : -1;
	pthread_t t;

	for (int i = 1; i < THREADS; i++)
		if (pthread_create(&t, NULL, accept_for_ever, (void *)listener))
			fail("pthread_create");
	accept_for_ever((void *)listener);
}

/* --- one thread that is told what is ready --- */

static void serve_select(void)
{
	int listener = listen_on(0), highest = listener;
	fd_set watched, ready;

	FD_ZERO(&watched);
	FD_SET(listener, &watched);
	for (;;) {
		ready = watched;
		if (select(highest + 1, &ready, NULL, NULL, NULL) < 0)
			fail("select");
		for (int fd = 0; fd <= highest; fd++) {
			int client;

			if (!FD_ISSET(fd, &ready))
				continue;
			if (fd != listener) {
				FD_CLR(fd, &watched);
				answer(fd);
				continue;
			}
			client = accept_one(listener);
			if (client < 0 || client >= FD_SETSIZE)
				continue;
			FD_SET(client, &watched);
			highest = client > highest ? client : highest;
		}
	}
}

static void watch(int ep, int fd, unsigned mode)
{
	struct epoll_event e = { .events = EPOLLIN | mode, .data.fd = fd };

	if (epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e))
		fail("epoll_ctl");
}

static void serve_epoll(unsigned mode)
{
	int listener = listen_on(0), ep = epoll_create1(0), fd;
	struct epoll_event events[64];

	/*
	 * Told only once, we must take all there is: and
	 * so must be able to see that there is no more.
	 */
	fcntl(listener, F_SETFL, O_NONBLOCK);
	watch(ep, listener, mode);
	for (;;) {
		int n = epoll_wait(ep, events, 64, -1);

		for (int i = 0; i < n; i++) {
			if (events[i].data.fd != listener)
				answer(events[i].data.fd);
			else
				while ((fd = accept_one(listener)) >= 0)
					watch(ep, fd, mode);
		}
	}
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "one";

	signal(SIGPIPE, SIG_IGN);
	if (argc > 2)
		port = atoi(argv[2]);
	if (argc > 3)
		clients_left = atoi(argv[3]);
	if (argc > 4)
		backlog = atoi(argv[4]);
	printf("port %d, %s\n", port, how);
	fflush(stdout);
	if (!strcmp(how, "one"))
		serve_one();
	else if (!strcmp(how, "threads"))
		serve_threads();
	else if (!strcmp(how, "acceptors"))
		serve_acceptors(true);
	else if (!strcmp(how, "reuseport"))
		serve_acceptors(false);
	else if (!strcmp(how, "select"))
		serve_select();
	else if (!strcmp(how, "epoll"))
		serve_epoll(0);
	else if (!strcmp(how, "edge"))
		serve_epoll(EPOLLET);
	fprintf(stderr, "usage: http [one|threads|acceptors|reuseport|select|epoll|edge] [port] [clients] [backlog]\n");
	return 2;
}
