/* SPDX-License-Identifier: MIT */
/*
 * What the peer says it has out of order (RFC 2018), and what is sent again because of it.
 *
 * lwIP begins: the third equal ACK has the first segment sent again and halves the window. From
 * then on, until all that was under way at that moment is acknowledged, each ACK has one more
 * segment sent again: the first below the highest that the peer has, which it has not, and which
 * was not sent again already (RFC 6675, with one segment an ACK instead of a count of what is
 * under way). Where an ACK acknowledges a part, the first one behind it is taken for lost even
 * if nothing is known of what follows it (RFC 6582).
 *
 * So several segments lost of one window cost one round trip and one halving, not a time-out each.
 * After a time-out nothing that was said counts any more: the peer may have given it up.
 *
 * Segments are larger than what the peer takes at a time (tcp_send.c): at the first word of a loss
 * they are cut, so that each is lost, or arrives, as a whole.
 *
 * Marks lie in a segment's flags beside lwIP's. Of a long queue the first LOOK_MAX segments are
 * looked at: what an ACK costs is bounded, whatever blocks it has.
 */
#include <net/inet/tcp.h>
#include <lwip/priv/tcp_priv.h>

#define SEG_SACKED	0x20u		/* the peer has it */
#define SEG_AGAIN	0x40u		/* sent again in this recovery */
#define LOOK_MAX	1024
#define OPT_SACK	5

static u32 seq_of(const struct tcp_seg *seg)
{
	return lwip_ntohl(seg->tcphdr->seqno);
}

static void mark(struct tcp_pcb *pcb, u32 left, u32 right)
{
	u32 n = 0;

	for (struct tcp_seg *seg = pcb->unacked; seg && n++ < LOOK_MAX; seg = seg->next) {
		if (TCP_SEQ_GEQ(seq_of(seg), right))
			return;
		if (TCP_SEQ_GEQ(seq_of(seg), left) &&
		    TCP_SEQ_LEQ(seq_of(seg) + TCP_TCPLEN(seg), right))
			seg->flags |= SEG_SACKED;
	}
}

static void forget(struct tcp_pcb *pcb)
{
	for (struct tcp_seg *seg = pcb->unacked; seg; seg = seg->next)
		seg->flags &= (u8)~(SEG_SACKED | SEG_AGAIN);
	for (struct tcp_seg *seg = pcb->unsent; seg; seg = seg->next)
		seg->flags &= (u8)~(SEG_SACKED | SEG_AGAIN);
}

static u32 option_word(const struct tcp_hdr *header, const struct inet_tcp_options *o, u32 i)
{
	u32 word = 0;

	for (u32 k = 0; k < 4; k++)
		word = word << 8 | tcp_option_byte(header, o, i + k);
	return word;
}

/* Mark what its blocks say; the end of the highest, or behind the first byte that is missing. */
static u32 take_blocks(struct tcp_pcb *pcb, const struct tcp_hdr *header,
		       const struct inet_tcp_options *o)
{
	u32 top = header->ackno + 1, at, len = tcp_option_find(header, o, OPT_SACK, &at);

	for (u32 i = 2; i + 8 <= len; i += 8) {
		u32 left = option_word(header, o, at + i),
		    right = option_word(header, o, at + i + 4);

		/* Of what was sent, and in order: others are old, or nonsense. */
		if (TCP_SEQ_LT(left, header->ackno) || TCP_SEQ_GEQ(left, right) ||
		    TCP_SEQ_GT(right, pcb->snd_nxt))
			continue;
		mark(pcb, left, right);
		if (TCP_SEQ_GT(right, top))
			top = right;
	}
	return top;
}

/* As lwIP's tcp_rexmit(), but any segment: back among the unsent, in order. */
static void send_again(struct tcp_pcb *pcb, struct tcp_seg **at)
{
	struct tcp_seg *seg = *at, **to = &pcb->unsent;

	/* A device has it still. */
	if (seg->p->ref != 1)
		return;
	*at = seg->next;
	while (*to && TCP_SEQ_LT(seq_of(*to), seq_of(seg)))
		to = &(*to)->next;
	seg->next = *to;
	*to = seg;
	seg->flags |= SEG_AGAIN;
	pcb->rttest = 0;
	MIB2_STATS_INC(mib2.tcpretranssegs);
}

/* From ackno on, below top. */
static void fill_hole(struct tcp_pcb *pcb, u32 ackno, u32 top)
{
	u32 n = 0;

	for (struct tcp_seg **at = &pcb->unacked; *at && n++ < LOOK_MAX; at = &(*at)->next) {
		if (TCP_SEQ_GEQ(seq_of(*at), top))
			return;
		if (TCP_SEQ_LT(seq_of(*at), ackno) || ((*at)->flags & (SEG_SACKED | SEG_AGAIN)))
			continue;
		send_again(pcb, at);
		return;
	}
}

void tcp_sack_input(struct inet_ep *ep, const struct tcp_hdr *header,
		    const struct inet_tcp_options *o)
{
	struct tcp_pcb *pcb = ep->tcp;
	u32 top;

	if (pcb->flags & TF_RTO) {
		forget(pcb);
		ep->recovering = false;
		return;
	}
	tcp_cut_unacked(pcb, LOOK_MAX);
	top = take_blocks(pcb, header, o);
	if (!ep->recovering) {
		if (!(pcb->flags & TF_INFR))
			return;
		ep->recovering = true;
		ep->recover = pcb->snd_nxt;
		/* lwIP has sent it. */
		if (pcb->unacked)
			pcb->unacked->flags |= SEG_AGAIN;
	}
	if (TCP_SEQ_GEQ(header->ackno, ep->recover)) {
		ep->recovering = false;
		return;
	}
	/* Still the same loss: no second halving. */
	tcp_set_flags(pcb, TF_INFR);
	fill_hole(pcb, header->ackno, top);
}
