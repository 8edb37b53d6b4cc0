/* SPDX-License-Identifier: MIT */
/* TCP_INFO: what programs see of a connection's state, and ss(8) of everybody's. */
#include <net/af_inet/af_inet.h>
#include <kernel/lib/string.h>

#define TCPI_OPT_TIMESTAMPS	BIT(0)
#define TCPI_OPT_SACK		BIT(1)
#define TCPI_OPT_WSCALE		BIT(2)

_Static_assert(offsetof(struct tcp_info, pacing_rate) == 104 &&
	       offsetof(struct tcp_info, snd_wnd) == 228, "ABI");

void inet_tcp_info(const struct inet_info *i, struct tcp_info *t)
{
	u32 mss = max(i->snd_mss, 1u);
	bool listening = i->state == INET_LISTENING;

	*t = (struct tcp_info){
		.state = i->state, .retransmits = i->retransmits, .probes = i->probes,
		.backoff = i->backoff,
		.options = (i->timestamps ? TCPI_OPT_TIMESTAMPS : 0) |
			   (i->sack ? TCPI_OPT_SACK : 0) | (i->wscale ? TCPI_OPT_WSCALE : 0),
		.wscale = (i->snd_wscale & 15) | (i->rcv_wscale & 15) << 4,
		.rto = i->rto_ms * 1000, .snd_mss = i->snd_mss, .rcv_mss = i->rcv_mss,
		.advmss = i->rcv_mss,
		.rtt = i->srtt_us, .rttvar = i->rttvar_us, .rcv_space = i->rcv_wnd,
		.snd_wnd = i->snd_wnd,
		.total_retrans = i->total_retrans, .bytes_acked = i->bytes_acked,
		.bytes_received = i->bytes_received,
	};
	if (listening) {		/* the accept queue, and its limit */
		t->unacked = i->rx_queue;
		t->sacked = i->tx_queue;
		return;
	}
	t->unacked = i->snd_mss ? DIV_ROUND_UP(i->tx_queue, mss) : 0;
	t->snd_ssthresh = i->snd_ssthresh / mss;
	t->snd_cwnd = i->snd_cwnd / mss;
}
