/* SPDX-License-Identifier: MIT */
/*
 * MSG_ZEROCOPY: the pages of the sender's memory are sent as they are, and a notice on the error
 * queue tells when they are its own again (net/inet/zerocopy.c).
 *
 * It counts on sockets with SO_ZEROCOPY, and is ignored on others, as on Linux. To this machine,
 * where the reader would keep the pages for as long as it likes, and as datagrams bytes are
 * copied, and the notice says so. So are pieces that are small or lie in no page that can be
 * shared (the page of zeros); of those the notice says so where there are no others.
 */
#include <net/af_inet/af_inet.h>
#include <kernel/lib/string.h>
#include <kernel/mm/iov_iter.h>
#include <kernel/mm/mm.h>
#include <kernel/mm/page.h>

#define BATCH		16u	/* pages; chosen: as TCP takes them */

enum { SO_EE_ORIGIN_ZEROCOPY = 5, SO_EE_CODE_ZEROCOPY_COPIED = 1 };

bool inet_wants_zerocopy(const struct socket *sk, const struct sock_msg *m)
{
	return (m->flags & MSG_ZEROCOPY) && sock_option(sk, SOCK_OPT_ZEROCOPY) &&
	       (iov_iter_count(m->iter) || sk->type != SOCK_STREAM);
}

ssize_t inet_send_pages(struct inet_sock *s, struct iov_iter *from, u32 flags, bool *copied)
{
	struct bvec vec[BATCH];
	u32 nr = BATCH;
	struct iov_iter it;
	ssize_t n = 0;

	if (from->kind == ITER_USER && !inet_tcp_is_local(s->ep))
		n = iov_iter_get_pages(from, vec, &nr);
	if (n <= 0)
		return inet_tcp_send(s->ep, from, flags);
	iov_iter_pages(&it, vec, nr, n);
	n = inet_tcp_send(s->ep, &it, flags);
	for (u32 i = 0; i < nr; i++)
		page_put(vec[i].page);
	if (n > 0) {
		iov_iter_advance(from, n);
		*copied = false;
	}
	return n;
}

ssize_t inet_zerocopy_recv(struct inet_sock *s, struct sock_msg *m)
{
	struct {
		struct sock_extended_err ee;
		u8 offender[INET_ADDR_BYTES6];
	} out = { .ee.origin = SO_EE_ORIGIN_ZEROCOPY };
	bool v4 = s->sk.family == AF_INET, copied;

	if (!inet_zerocopy_take(s->ep, &out.ee.info, &out.ee.data, &copied))
		return -EAGAIN;
	out.ee.code = copied ? SO_EE_CODE_ZEROCOPY_COPIED : 0;
	m->out_flags |= MSG_ERRQUEUE;
	m->name_len = 0;
	cmsg_put(m, v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_RECVERR : IPV6_RECVERR, &out,
		 sizeof(out.ee) + (v4 ? INET_ADDR_BYTES4 : INET_ADDR_BYTES6));
	return 0;
}
