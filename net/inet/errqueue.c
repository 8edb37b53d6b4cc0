/* SPDX-License-Identifier: MIT */
/*
 * The error queue of a datagram endpoint (IP_RECVERR): why what it sent did not arrive, with
 * what ICMP quoted of it, in the order in which it became known.
 *
 * An error from the network is also the endpoint's pending error: after the one that a reader
 * took, the next one's, so that a call fails while there is something to read. What we found
 * out ourselves (a datagram too large to be sent whole) is told by the call that failed, and
 * only stands in the queue.
 *
 * The notices of MSG_ZEROCOPY are kept apart (zerocopy.c), and told when no error is left.
 *
 * Entries are charged to the receive buffer like datagrams; what does not fit is lost.
 */
#include <kernel/lib/string.h>
#include <kernel/mm/alloc.h>
#include <kernel/mm/iov_iter.h>
#include <net/inet/ep.h>

#define OVERHEAD	512u		/* of an entry, about */

struct rx_error {
	struct list_head node;
	struct inet_error e;
	u8 data[];
};

static bool is_from_network(const struct rx_error *x)
{
	return x->e.origin != INET_ORIGIN_LOCAL;
}

void inet_error_queue(struct inet_ep *ep, const struct inet_error *e, const u8 *data)
{
	u32 charge = e->length + OVERHEAD;
	struct rx_error *x = NULL;

	if (!ep->orphan && ep->rx_bytes + charge <= ep->rcvbuf)
		x = kmalloc(sizeof(*x) + e->length, GFP_ATOMIC | GFP_NOWARN);
	if (!x) {
		ep->drops++;
		return;
	}
	x->e = *e;
	if (ep->stamp)
		x->e.msg.stamp_ns = ktime_real();
	memcpy(x->data, data, e->length);
	ep->rx_bytes += charge;
	list_add_tail(&x->node, &ep->errors);
	WRITE_ONCE(ep->errors_len, ep->errors_len + 1);
	if (is_from_network(x))
		ep->error = e->error;
	inet_fire(ep, INET_EV_ERROR);
}

static void unlink(struct inet_ep *ep, struct rx_error *x)
{
	list_del(&x->node);
	ep->rx_bytes -= x->e.length + OVERHEAD;
	WRITE_ONCE(ep->errors_len, ep->errors_len - 1);
}

void inet_errors_drop(struct inet_ep *ep)
{
	while (!list_empty(&ep->errors)) {
		struct rx_error *x = list_first(&ep->errors, struct rx_error, node);

		unlink(ep, x);
		kfree(x);
	}
}

static struct rx_error *take_first(struct inet_ep *ep)
{
	struct rx_error *x = NULL, *next;

	inet_ep_lock(ep);
	if (!list_empty(&ep->errors)) {
		x = list_first(&ep->errors, struct rx_error, node);
		unlink(ep, x);
		next = list_empty(&ep->errors) ? NULL :
		       list_first(&ep->errors, struct rx_error, node);
		if (is_from_network(x) || (next && is_from_network(next)))
			ep->error = next && is_from_network(next) ? next->e.error : 0;
	}
	inet_unlock(ep->stack);
	return x;
}

ssize_t inet_error_recv(struct inet_ep *ep, struct iov_iter *to, struct inet_error *e)
{
	struct rx_error *x = take_first(ep);
	size_t n;
	bool whole;

	if (!x)
		return -EAGAIN;
	*e = x->e;
	n = min_t(size_t, iov_iter_count(to), x->e.length);
	whole = copy_to_iter(x->data, n, to) == n;
	kfree(x);
	return whole ? (ssize_t)n : -EFAULT;
}
