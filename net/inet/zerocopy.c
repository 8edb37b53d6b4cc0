/* SPDX-License-Identifier: MIT */
/*
 * Notices of MSG_ZEROCOPY: which sends' memory is the program's again.
 *
 * Sends are numbered from 0. Each has an entry until all that was sent with it or before it is
 * acknowledged; small ones share an entry. They end in the order in which they were sent, so what
 * is told is one range of numbers, whose first is ep->zc_first: the reader takes it whole, and the
 * next range goes on behind it.
 *
 *  (1) zc_first + zc_done + the sends of all entries is the number of the next send.
 *
 * What was copied (the other end is of this machine, a datagram) is the program's at once, but
 * told in its turn. As on Linux, a range says of its first notice whether that was copied.
 *
 * Limit: when a connection is reset the device may still have its last packets; the notice does
 * not wait for those.
 */
#include <kernel/mm/alloc.h>
#include <net/inet/tcp.h>

/* Bytes up to which sends share an entry. Chosen: few entries a send buffer. */
#define SHARE_MAX	65536u

struct inet_zerocopy {
	struct list_head node;		/* ep->zc_waiting, the oldest first */
	u32 sends;
	u32 end;			/* sequence number behind the last one's bytes */
	u32 bytes;
	bool copied;
};

static void complete(struct inet_ep *ep, u32 sends, bool copied)
{
	if (!ep->zc_done)
		ep->zc_copied = copied;
	WRITE_ONCE(ep->zc_done, ep->zc_done + sends);
	inet_fire(ep, INET_EV_ERRQUEUE);
}

static void complete_first(struct inet_ep *ep)
{
	struct inet_zerocopy *z = list_first(&ep->zc_waiting, struct inet_zerocopy, node);

	complete(ep, z->sends, z->copied);
	list_del(&z->node);
	kfree(z);
}

void zerocopy_acked(struct inet_ep *ep)
{
	while (!list_empty(&ep->zc_waiting) &&
	       (s32)(ep->tx_seq -
		     list_first(&ep->zc_waiting, struct inet_zerocopy, node)->end) >= 0)
		complete_first(ep);
}

void zerocopy_end(struct inet_ep *ep)
{
	while (!list_empty(&ep->zc_waiting))
		complete_first(ep);
}

/* The last entry has room for one more send of the same kind. */
static bool join(struct inet_ep *ep, u32 end, u32 bytes, bool copied)
{
	struct inet_zerocopy *z;

	if (list_empty(&ep->zc_waiting))
		return false;
	z = list_last(&ep->zc_waiting, struct inet_zerocopy, node);
	if (z->copied != copied || bytes > SHARE_MAX - z->bytes)
		return false;
	z->sends++;
	z->end = end;
	z->bytes += bytes;
	return true;
}

/* What was just sent is the program's already, and so is all before it. Datagrams were copied. */
static bool is_over(const struct inet_ep *ep, bool copied)
{
	if (ep->type != INET_TCP)
		return true;
	return list_empty(&ep->zc_waiting) && (copied || !ep->tx_bytes);
}

struct inet_zerocopy *inet_zerocopy_begin(void)
{
	return kzalloc(sizeof(struct inet_zerocopy), GFP_KERNEL);
}

void inet_zerocopy_sent(struct inet_ep *ep, struct inet_zerocopy *z, size_t bytes, bool copied)
{
	u32 end, size = (u32)min_t(size_t, bytes, SHARE_MAX);

	inet_ep_lock(ep);
	if (is_over(ep, copied)) {
		complete(ep, 1, copied);
	} else {
		end = ep->tx_seq + ep->tx_bytes;
		if (!join(ep, end, size, copied)) {
			*z = (struct inet_zerocopy){ .sends = 1, .end = end, .bytes = size, .copied = copied };
			list_add_tail(&z->node, &ep->zc_waiting);
			z = NULL;
		}
	}
	inet_unlock(ep->stack);
	kfree(z);
}

bool inet_zerocopy_take(struct inet_ep *ep, u32 *first, u32 *last, bool *copied)
{
	bool any;

	inet_ep_lock(ep);
	any = ep->zc_done;
	*first = ep->zc_first;
	*last = ep->zc_first + ep->zc_done - 1;
	*copied = ep->zc_copied;
	ep->zc_first += ep->zc_done;
	WRITE_ONCE(ep->zc_done, 0);
	inet_unlock(ep->stack);
	return any;
}

bool inet_tcp_is_local(const struct inet_ep *ep)
{
	return READ_ONCE(ep->near);
}
