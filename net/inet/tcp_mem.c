/* SPDX-License-Identifier: MIT */
/*
 * What all TCP connections together may keep in memory: net.ipv4.tcp_mem, in pages, as on Linux.
 *
 *   counted   bytes that were not read, or wait for what is missing before them; bytes that are not
 *             acknowledged. An endpoint with anything unread is charged a page more: one small
 *             segment may keep a device's buffer.
 *   pressure  above the second number, until below the first: what comes out of order is dropped,
 *             and an endpoint may send on only when all it sent is acknowledged, a page at a time.
 *   full      above the third: data for a connection that has some unread is dropped as well, and
 *             who is closed with bytes to send is reset instead.
 *
 * Each instance of the stack counts its own connections' bytes (shard.c). They are summed where one
 * has more than its part of a limit: of several with more together than the limit, one has.
 *
 * The sender of what is dropped sends it again, and an endpoint without anything always gets
 * through: so all connections go on, slowly.
 */
#include <kernel/mm/page.h>
#include <net/inet/tcp.h>
#include <lwip/priv/tcp_priv.h>

/* Pages: a sixteenth of memory, as Linux; tcp_mem_init(). */
s64 inet_tcp_mem[3];
s32 inet_tcp_max_orphans = 4096;	/* closed by their owners, not yet over */

s64 tcp_mem_bytes(const struct inet_common *c)
{
	const struct inet_stack *s;
	s64 bytes = 0;

	inet_for_each_shard(c, s)
		bytes += READ_ONCE(s->tcp_bytes);
	return bytes;
}

static s64 pages_used(const struct inet_common *c)
{
	return tcp_mem_bytes(c) >> PAGE_SHIFT;
}

/* Another's share may be over: then there is pressure. */
bool tcp_mem_is_full(const struct inet_stack *s)
{
	s64 limit = READ_ONCE(inet_tcp_mem[2]);

	if (likely(READ_ONCE(s->tcp_bytes) >> s->share_shift <= limit &&
		   !READ_ONCE(s->tcp_pressure)))
		return false;
	return pages_used(s->common) > limit;
}

void tcp_mem_judge(struct inet_common *c)
{
	s64 pages = pages_used(c);
	struct inet_stack *s;

	if (pages >= READ_ONCE(inet_tcp_mem[0]) && pages <= READ_ONCE(inet_tcp_mem[1]))
		return;
	inet_for_each_shard(c, s)
		WRITE_ONCE(s->tcp_pressure, pages >= READ_ONCE(inet_tcp_mem[0]));
}

/* What is out of order, counted anew. */
void tcp_mem_count_ooseq(struct inet_ep *ep)
{
	u32 bytes = 0;

	if (ep->pcb)
		for (const struct tcp_seg *seg = ep->tcp->ooseq; seg; seg = seg->next)
			bytes += seg->p->tot_len + sizeof(struct tcp_seg);
	tcp_mem_charge(ep, (s64)bytes - ep->ooseq_bytes);
	ep->ooseq_bytes = bytes;
}

u32 inet_tcp_ooseq_limit(struct tcp_pcb *pcb)
{
	struct inet_ep *ep = tcp_ep_of(pcb);

	if (!ep)
		return TCP_OOSEQ_MAX_BYTES;
	tcp_mem_count_ooseq(ep);
	return ep->stack->tcp_pressure ? 0 : min_t(u32, ep->rcvbuf, TCP_OOSEQ_MAX_BYTES);
}

void tcp_mem_init(void)
{
	s64 limit = max((s64)ram_pages / 16, (s64)128);

	if (inet_tcp_mem[2])
		return;
	inet_tcp_mem[0] = limit / 4 * 3;
	inet_tcp_mem[1] = limit;
	inet_tcp_mem[2] = inet_tcp_mem[0] * 2;
}
