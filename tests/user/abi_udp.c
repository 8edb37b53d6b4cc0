/* SPDX-License-Identifier: MIT */
/*
 * UDP and raw sockets on the loopback interface:
 * addresses, connected and not, control messages, errors.
 */
#include <netinet/ip_icmp.h>
#include <sys/uio.h>
#include "inetsock.h"

static char big[70000], buffer[70000];
static int family = AF_INET;
static const char *ip = "udp";

static int udp(int port)
{
	int fd = socket(family, SOCK_DGRAM, 0);

	if (fd < 0 || bind_port(fd, family, port))
		tap_bail("udp: %s", strerror(errno));
	return fd;
}

static long send_port(int fd, const void *data, size_t len, int port)
{
	union addr a = local(family, port);

	return err(sendto(fd, data, len, 0, &a.sa, addr_len(family)));
}

static void basics(void)
{
	union addr a;
	socklen_t len = sizeof(a);
	int s = udp(0), port = port_of(s), c = socket(family, SOCK_DGRAM, 0), have;

	tap_is(get_int(c, SOL_SOCKET, SO_PROTOCOL), 17, "%s: SO_PROTOCOL", ip);
	tap_says(events_of(c, POLLIN | POLLOUT | POLLRDHUP), "%s: events of a fresh socket", ip);
	tap_is(err(send(c, "x", 1, 0)), -EDESTADDRREQ, "%s: send without a destination", ip);
	tap_is(err(recv(c, buffer, 1, MSG_DONTWAIT)), -EAGAIN, "%s: nothing to receive", ip);
	tap_is(err(listen(c, 1)), -EOPNOTSUPP, "%s: listen", ip);
	tap_is(err(accept(c, NULL, NULL)), -EOPNOTSUPP, "%s: accept", ip);
	tap_is(err(shutdown(c, SHUT_RD)), -ENOTCONN, "%s: shutdown of an unconnected one", ip);
	tap_is(send_port(c, "hello", 5, port), 5, "%s: sendto", ip);
	tap_ok(port_of(c) >= 1024, "%s: a port is chosen", ip);
	tap_is(events_in(s, POLLIN, 1000), POLLIN, "%s: it comes", ip);
	tap_ok(!ioctl(s, FIONREAD, &have) && have == 5, "%s: FIONREAD", ip);
	tap_is(err(recvfrom(s, buffer, 3, MSG_PEEK | MSG_TRUNC, &a.sa, &len)), 5,
	       "%s: peek at a part: its length", ip);
	tap_ok(len == addr_len(family) && ntohs(a.in.sin_port) == port_of(c), "%s: who sent it",
	       ip);
	tap_is(err(recv(s, buffer, 3, 0)), 3, "%s: a part", ip);
	tap_is(err(recv(s, buffer, 3, MSG_DONTWAIT)), -EAGAIN, "%s: the rest is lost", ip);
	tap_is(send_port(c, "", 0, port), 0, "%s: an empty one", ip);
	events_in(s, POLLIN, 1000);
	tap_is(err(recv(s, buffer, 3, 0)), 0, "%s: comes", ip);
	tap_is(send_port(c, "x", 1, 0), -EINVAL, "%s: to port 0", ip);
	a = local(family, port);
	tap_is(err(sendto(c, "x", 1, 0, &a.sa, 8)), -EINVAL, "%s: a short address", ip);
	a.sa.sa_family = AF_UNIX;
	tap_is(err(sendto(c, "x", 1, 0, &a.sa, addr_len(family))), family == AF_INET ? -EAFNOSUPPORT : -EINVAL,
	       "%s: another family", ip);
	tap_is(err(send(c, (void *)8, 10, 0)), -EDESTADDRREQ, "%s: from nowhere to nowhere", ip);
	tap_is(err(recv(c, buffer, 8, MSG_ERRQUEUE)), -EAGAIN, "%s: no errors are queued", ip);
	close(c);
	close(s);
}

static void connected(void)
{
	union addr a;
	socklen_t len = sizeof(a);
	int s = udp(0), c = udp(0), other = udp(0);

	tap_is(connect_port(c, family, port_of(s)), 0, "%s: connect", ip);
	tap_is(err(getpeername(c, &a.sa, &len)), 0, "%s: it has a peer", ip);
	tap_is(ntohs(a.in.sin_port), port_of(s), "%s: which is that", ip);
	tap_is(err(send(c, "x", 1, 0)), 1, "%s: send", ip);
	events_in(s, POLLIN, 1000);
	tap_is(err(recv(s, buffer, 8, MSG_DONTWAIT)), 1, "%s: it comes", ip);
	send_port(other, "no", 2, port_of(c));
	send_port(s, "yes", 3, port_of(c));
	events_in(c, POLLIN, 1000);
	tap_is(err(recv(c, buffer, 8, 0)), 3, "%s: only the peer's come", ip);
	tap_is(err(shutdown(c, SHUT_WR)), 0, "%s: shutdown", ip);
	tap_is(err(send(c, "x", 1, MSG_NOSIGNAL)), -EPIPE, "%s: no more to send", ip);
	close(c);
	c = udp(0);
	connect_port(c, family, port_of(s));
	memset(&a, 0, sizeof(a));
	tap_is(err(connect(c, &a.sa, sizeof(a.sa))), 0, "%s: disconnect", ip);
	len = sizeof(a);
	tap_is(err(getpeername(c, &a.sa, &len)), -ENOTCONN, "%s: no peer", ip);
	tap_is(err(send(c, "x", 1, 0)), -EDESTADDRREQ, "%s: nobody to send to", ip);
	int port = port_of(s);
	connect_port(c, family, port);
	close(s);
	tap_is(err(send(c, "x", 1, 0)), 1, "%s: to a port that nobody has", ip);
	events_in(c, POLLIN, 1000);
	tap_is(err(recv(c, buffer, 8, MSG_DONTWAIT)), -ECONNREFUSED, "%s: ICMP tells", ip);
	tap_is(err(recv(c, buffer, 8, MSG_DONTWAIT)), -EAGAIN, "%s: once", ip);
	send(c, "x", 1, 0);
	events_in(c, POLLIN, 1000);
	tap_is(get_int(c, SOL_SOCKET, SO_ERROR), ECONNREFUSED, "%s: SO_ERROR", ip);
	close(c);
	close(other);
}

static void ports(void)
{
	int s = udp(0), port = port_of(s), t = socket(family, SOCK_DGRAM, 0);

	tap_is(bind_port(s, family, 0), -EINVAL, "%s: bind twice", ip);
	tap_is(bind_port(t, family, port), -EADDRINUSE, "%s: a port in use", ip);
	set_int(s, SOL_SOCKET, SO_REUSEADDR, 1);
	set_int(t, SOL_SOCKET, SO_REUSEADDR, 1);
	tap_is(bind_port(t, family, port), 0, "%s: SO_REUSEADDR of both", ip);
	close(t);
	t = socket(family, SOCK_STREAM, 0);
	tap_is(bind_port(t, family, port), 0, "%s: TCP has ports of its own", ip);
	close(t);
	close(s);
	s = socket(family, SOCK_DGRAM, 0);
	tap_is(CODE(setuid(1000); _exit(-bind_port(s, family, 53))), EACCES,
	       "%s: a low port is for root", ip);
	close(s);
}

static void sizes(void)
{
	int s = udp(0), c = udp(0), most = family == AF_INET ? 65507 : 60000, n;

	set_int(s, SOL_SOCKET, SO_RCVBUF, 200000);
	connect_port(c, family, port_of(s));
	for (unsigned i = 0; i < sizeof(big); i++)
		big[i] = i * 7 + i / 251;
	tap_is(err(send(c, big, most, 0)), most, "%s: as large as may be", ip);
	events_in(s, POLLIN, 1000);
	tap_is(err(recv(s, buffer, sizeof(buffer), MSG_DONTWAIT)), most, "%s: it comes", ip);
	tap_ok(!memcmp(big, buffer, most), "%s: as it was", ip);
	tap_is(err(send(c, big, 65528, 0)), -EMSGSIZE, "%s: larger than may be", ip);
	struct iovec iov[2] = { { big, 3 }, { big + 3, 4 } };
	tap_is(err(writev(c, iov, 2)), 7, "%s: writev is one datagram", ip);
	events_in(s, POLLIN, 1000);
	tap_is(err(read(s, buffer, 100)), 7, "%s: as it comes", ip);
	/* More than fits is dropped, and no error of the sender. */
	for (n = 0; n < 500 && send(c, big, 1000, 0) == 1000; n++)
		;
	tap_is(n, 500, "%s: a sender does not see a full receiver", ip);
	for (n = 0; recv(s, buffer, 2000, MSG_DONTWAIT) == 1000; n++)
		;
	tap_ok(n > 20 && n < 500, "%s: which got a part", ip);
	close(s);
	close(c);
}

/* What comes beside a datagram: an int of this level and type. */
static int told(int fd, int level, int type)
{
	char control[256];
	struct iovec iov = { buffer, sizeof(buffer) };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
			    .msg_controllen = sizeof(control) };

	events_in(fd, POLLIN, 1000);
	if (recvmsg(fd, &m, MSG_DONTWAIT) < 0)
		return -errno;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c))
		if (c->cmsg_level == level && c->cmsg_type == type)
			return c->cmsg_len - CMSG_LEN(0) == 1 ? *CMSG_DATA(c) : *(int *)CMSG_DATA(c);
	return -1;
}

static void control(void)
{
	int s = udp(0), c = udp(0);

	connect_port(c, family, port_of(s));
	if (family == AF_INET) {
		tap_is(get_int(c, IPPROTO_IP, IP_TTL), 64, "IP_TTL");
		tap_is(set_int(c, IPPROTO_IP, IP_TTL, 33), 0, "set IP_TTL");
		tap_is(set_int(c, IPPROTO_IP, IP_TTL, 0), -EINVAL, "to 0");
		tap_is(set_int(c, IPPROTO_IP, IP_TTL, 256), -EINVAL, "to 256");
		tap_is(set_int(c, IPPROTO_IP, IP_TOS, 0x10), 0, "IP_TOS");
		tap_is(get_int(c, IPPROTO_IP, IP_TOS), 0x10, "is kept");
		set_int(s, IPPROTO_IP, IP_RECVTTL, 1);
		send(c, "x", 1, 0);
		tap_is(told(s, IPPROTO_IP, IP_TTL), 33, "IP_RECVTTL");
		set_int(s, IPPROTO_IP, IP_RECVTOS, 1);
		send(c, "x", 1, 0);
		tap_is(told(s, IPPROTO_IP, IP_TOS), 0x10, "IP_RECVTOS");
		set_int(s, IPPROTO_IP, IP_PKTINFO, 1);
		send(c, "x", 1, 0);
		tap_is(told(s, IPPROTO_IP, IP_PKTINFO), 1, "IP_PKTINFO: the interface");
		tap_is(get_int(s, IPPROTO_IP, IP_PKTINFO), 1, "it is on");
		tap_is(set_int(s, IPPROTO_IP, 250, 1), -ENOPROTOOPT, "no such option");
		tap_is(set_int(s, IPPROTO_IPV6, IPV6_V6ONLY, 1), -ENOPROTOOPT, "an option of IPv6");
	} else {
		tap_is(get_int(c, IPPROTO_IPV6, IPV6_UNICAST_HOPS), 64, "IPV6_UNICAST_HOPS");
		tap_is(set_int(c, IPPROTO_IPV6, IPV6_UNICAST_HOPS, 33), 0, "set it");
		tap_is(set_int(c, IPPROTO_IPV6, IPV6_UNICAST_HOPS, 256), -EINVAL, "to 256");
		set_int(s, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1);
		send(c, "x", 1, 0);
		tap_is(told(s, IPPROTO_IPV6, IPV6_HOPLIMIT), 33, "IPV6_RECVHOPLIMIT");
		tap_is(set_int(c, IPPROTO_IPV6, IPV6_TCLASS, 0x20), 0, "IPV6_TCLASS");
		set_int(s, IPPROTO_IPV6, IPV6_RECVTCLASS, 1);
		send(c, "x", 1, 0);
		tap_is(told(s, IPPROTO_IPV6, IPV6_TCLASS), 0x20, "IPV6_RECVTCLASS");
		tap_is(set_int(s, IPPROTO_IPV6, 250, 1), -ENOPROTOOPT, "no such option");
	}
	close(s);
	close(c);
}

static void broadcast(void)
{
	union addr a = local(AF_INET, 4444);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	a.in.sin_addr.s_addr = htonl(0x7fffffff);
	tap_is(err(connect(fd, &a.sa, sizeof(a.in))), -EACCES, "broadcast is to be asked for");
	set_int(fd, SOL_SOCKET, SO_BROADCAST, 1);
	tap_is(err(connect(fd, &a.sa, sizeof(a.in))), 0, "SO_BROADCAST");
	close(fd);
}

static unsigned short checksum(const unsigned short *p, int n)
{
	unsigned sum = 0;

	for (; n > 0; n -= 2)
		sum += *p++;
	sum = (sum & 0xffff) + (sum >> 16);
	return ~(sum + (sum >> 16));
}

/* An echo of our own to ourselves, by a raw socket. */
static void ping(void)
{
	struct icmphdr h = { .type = ICMP_ECHO, .un.echo = { 77, 5 } };
	union addr a = local(AF_INET, 0);
	int fd = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
	long n = 0;

	tap_ok(fd >= 0, "a raw socket");
	h.checksum = checksum((void *)&h, sizeof(h));
	tap_is(err(sendto(fd, &h, sizeof(h), 0, &a.sa, sizeof(a.in))), sizeof(h),
	       "an echo request");
	for (int i = 0; i < 4; i++) {
		if (!events_in(fd, POLLIN, 1000))
			break;
		n = recv(fd, buffer, sizeof(buffer), 0);
		if (n >= 28 && buffer[20] == ICMP_ECHOREPLY)
			break;
	}
	tap_is(n, 28, "its answer, with the IP header");
	tap_ok((buffer[0] & 0xff) == 0x45 && buffer[9] == IPPROTO_ICMP, "which is one");
	tap_ok(((struct icmphdr *)(buffer + 20))->un.echo.id == 77, "the answer to ours");
	while (recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT) > 0)
		;

	/* ICMP_FILTER: a bit for each type that is not wanted. */
	tap_is(set_int(fd, 255, 1, 1 << ICMP_ECHOREPLY), 0, "answers are not wanted");
	tap_is(get_int(fd, 255, 1), 1 << ICMP_ECHOREPLY, "it is told");
	sendto(fd, &h, sizeof(h), 0, &a.sa, sizeof(a.in));
	sleep_ms(50);
	for (n = 0; recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT) >= 28; n++)
		if (buffer[20] != ICMP_ECHO)
			break;
	tap_is(n, 1, "only the request comes");
	close(fd);
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	loopback_up();
	for (int i = 0; i < 2; i++) {
		basics();
		connected();
		ports();
		sizes();
		control();
		family = AF_INET6;
		ip = "udp6";
	}
	broadcast();
	ping();
	return tap_exit();
}
