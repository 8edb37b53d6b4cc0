/* SPDX-License-Identifier: MIT */
/*
 * Netlink messages by chance: kinds that exist and kinds that do not, headers that are right or
 * nearly so, attributes of every length, nested, cut short. Whatever comes, the kernel answers or
 * refuses, and goes on. What would change an interface names one that is not there.
 */
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include "stress.h"
#include "inetsock.h"

static const unsigned short kinds[] = {
	RTM_NEWLINK, RTM_DELLINK, RTM_GETLINK, RTM_SETLINK, RTM_NEWADDR, RTM_DELADDR, RTM_GETADDR,
	RTM_NEWROUTE, RTM_DELROUTE, RTM_GETROUTE, RTM_NEWNEIGH, RTM_DELNEIGH, RTM_GETNEIGH,
	RTM_GETRULE, RTM_GETQDISC, RTM_GETSTATS, SOCK_DIAG_BY_FAMILY, NLMSG_NOOP, NLMSG_ERROR,
};

static int put_attributes(char *at, int room, unsigned long *s, int depth)
{
	int used = 0;

	while (draw(s) % 5 && used + 8 < room) {
		struct rtattr *a = (void *)(at + used);
		int len = draw(s) % 24, i;

		if (4 + len > room - used)
			break;
		a->rta_type = draw(s) % 30 | (draw(s) % 8 ? 0 : NLA_F_NESTED);
		if (depth && !(draw(s) % 4))
			len = put_attributes(at + used + 4, room - used - 4, s, depth - 1);
		else
			for (i = 0; i < len; i++)
				at[used + 4 + i] = draw(s) % 3 ? 0 : draw(s);
		a->rta_len = draw(s) % 10 ? 4 + len : draw(s) % 70000;
		used += RTA_ALIGN(4 + len);
	}
	return used;
}

/* Behind the header, what each kind begins with: family first, an index that nobody has. */
static int put_body(char *at, int kind, unsigned long *s)
{
	int len = kind == SOCK_DIAG_BY_FAMILY ? sizeof(struct inet_diag_req_v2) :
		  (int[]){ sizeof(struct ifinfomsg), sizeof(struct ifaddrmsg), sizeof(struct rtmsg),
			   sizeof(struct ndmsg) }[(kind - RTM_BASE) / 4 & 3];

	for (int i = 0; i < len; i++)
		at[i] = draw(s) % 3 ? 0 : draw(s);
	at[0] = (char[]){
		AF_UNSPEC, AF_INET, AF_INET6, AF_UNIX, AF_PACKET, AF_NETLINK, 77}[draw(s) % 7];
	if (kind != SOCK_DIAG_BY_FAMILY)
		*(int *)(at + 4) = 100 + draw(s) % 1000;
	else
		at[1] = draw(s) % 20;
	return draw(s) % 16 ? len : draw(s) % (len + 1);
}

static int put_message(char *at, int room, unsigned long *s)
{
	struct nlmsghdr *h = (void *)at;
	int len = NLMSG_HDRLEN;

	h->nlmsg_type = draw(s) % 20 ? kinds[draw(s) % (sizeof(kinds) / sizeof(*kinds))] : draw(s);
	h->nlmsg_flags = NLM_F_REQUEST | (draw(s) % 3 ? NLM_F_DUMP : draw(s) % 0x1000);
	h->nlmsg_seq = draw(s);
	h->nlmsg_pid = draw(s) % 4 ? 0 : draw(s);
	len += put_body(at + len, h->nlmsg_type, s);
	len = NLMSG_ALIGN(len);
	len += put_attributes(at + len, room - len, s, 3);
	h->nlmsg_len = draw(s) % 12 ? len : draw(s) % 3000;
	return len;
}

static void talk(unsigned long seed)
{
	static const int protocols[] = { NETLINK_ROUTE, NETLINK_SOCK_DIAG };
	unsigned long s = seed * 77 + 1;
	struct timeval tv = { 0, 1000 };
	static char out[2000], in[30000];
	int fd[2];

	for (int i = 0; i < 2; i++) {
		fd[i] = socket(AF_NETLINK, SOCK_RAW, protocols[i]);
		if (fd[i] < 0)
			_exit(2);
		setsockopt(fd[i], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	}
	while (stress_goes_on()) {
		int which = draw(&s) % 2, len = 0;

		while (len < 1200 && (!len || draw(&s) % 3))
			len = NLMSG_ALIGN(len + put_message(out + len, 700, &s));
		send(fd[which], out, draw(&s) % 16 ? len : draw(&s) % len, MSG_DONTWAIT);
		while (draw(&s) % 8 &&
		       recv(fd[which], in, draw(&s) % sizeof(in), MSG_DONTWAIT) >= 0)
			;
	}
	_exit(0);
}

int main(void)
{
	int p[2];

	loopback_up();
	stress_start();
	/* Something to be listed. */
	tcp_pair(AF_INET, p);
	for (int i = 0; i < 4; i++)
		CHILD(talk(i));
	tap_is(reap_failures(4), 0, "messages by chance");
	tap_is(send(p[0], "x", 1, 0), 1, "the network is as it was");
	return tap_exit();
}
