/* SPDX-License-Identifier: MIT */
/*
 * /proc/net/tcp, udp, raw and their forms for IPv6, sockstat and snmp: what the stack
 * knows of its endpoints and has counted, as netstat and ss read it.
 *
 * The stack lists all endpoints of a type in one go, some at a time under its lock, into the text's
 * buffer; one that proves too small is made larger, and the list is made anew.
 */
#include <net/af_inet/af_inet.h>
#include <net/net.h>
#include <net/proc.h>

#define USER_TICK_MS	10u

struct listing {
	struct seq *s;
	u16 family;
	bool dgram;
	u32 line;
};

static u32 get32(const u8 *p)
{
	return (u32)p[0] | (u32)p[1] << 8 | (u32)p[2] << 16 | (u32)p[3] << 24;
}

/* As the words lie in memory, and the port as a number. */
static void put_addr(struct seq *s, u16 family, const struct inet_addr *a)
{
	if (family == AF_INET)
		seq_printf(s, "%08X", get32(a->v4));
	else
		for (u32 i = 0; i < 16; i += 4)
			seq_printf(s, "%08X", get32(a->v6 + i));
	seq_printf(s, ":%04X", __builtin_bswap16(a->port));
}

static u32 segments(const struct inet_info *info, u32 bytes)
{
	return info->snd_mss ? bytes / info->snd_mss : 0;
}

static void put_endpoint(const struct inet_info *info, void *arg)
{
	const struct inet_sock *owner = info->owner;
	struct listing *l = arg;
	struct seq *s = l->s;

	if (info->family != l->family)
		return;
	seq_printf(s, l->dgram ? "%5u: " : "%4u: ", l->line++);
	put_addr(s, l->family, &info->local);
	seq_putc(s, ' ');
	put_addr(s, l->family, &info->peer);
	seq_printf(s, " %02X %08X:%08X %02X:%08X %08X %5u %8d", info->state, info->tx_queue,
		   info->rx_queue, info->timer, info->timer_ms / USER_TICK_MS, info->retransmits,
		   owner ? owner->uid : 0, info->probes);
	seq_printf(s, " %lu %u %016lx", owner ? READ_ONCE(owner->sk.ino) : 0,
		   owner ? refcount_read(&owner->sk.refs) : 0, 0ul);
	if (l->dgram)
		seq_printf(s, " %u\n", info->drops);
	else
		seq_printf(s, " %u 0 0 %u %d\n", info->rto_ms / USER_TICK_MS, segments(info, info->snd_cwnd),
			   info->snd_ssthresh < 0xffff ? (int)segments(info, info->snd_ssthresh) : -1);
}

static int show(struct seq *s, struct net *net, u16 family, enum inet_type type)
{
	struct listing l = { .s = s, .family = family, .dgram = type != INET_TCP };
	const char *pad = family == AF_INET ? "" : "                        ";

	if (l.dgram)
		seq_printf(s, "   sl  local_address %srem_address   %sst tx_queue rx_queue tr tm->when retrnsmt   "
			   "uid  timeout inode ref pointer drops\n", pad, pad);
	else
		seq_printf(s, "  sl  local_address %srem_address   %sst tx_queue rx_queue tr tm->when retrnsmt   "
			   "uid  timeout inode\n", pad, pad);
	inet_for_each(net, type, put_endpoint, &l);
	return 0;
}

int tcp_proc_show(struct seq *s, struct net *net)	{ return show(s, net, AF_INET, INET_TCP); }
int tcp6_proc_show(struct seq *s, struct net *net)	{ return show(s, net, AF_INET6, INET_TCP); }
int udp_proc_show(struct seq *s, struct net *net)	{ return show(s, net, AF_INET, INET_UDP); }
int udp6_proc_show(struct seq *s, struct net *net)	{ return show(s, net, AF_INET6, INET_UDP); }
int raw_proc_show(struct seq *s, struct net *net)	{ return show(s, net, AF_INET, INET_RAW); }
int raw6_proc_show(struct seq *s, struct net *net)	{ return show(s, net, AF_INET6, INET_RAW); }
int icmp_proc_show(struct seq *s, struct net *net)	{ return show(s, net, AF_INET, INET_PING); }

/* --- sockstat --- */

int sockstat_proc_show(struct seq *s, struct net *net)
{
	struct inet_usage u;

	inet_usage(net, &u);
	seq_printf(s, "sockets: used %u\n", (u32)atomic_read(&net->sockets));
	seq_printf(s, "TCP: inuse %u orphan %u tw %u alloc %u mem %lu\n", u.tcp4, u.orphans,
		   u.time_wait, u.tcp4 + u.tcp6, u.tcp_pages);
	seq_printf(s, "UDP: inuse %u mem 0\n", u.udp4);
	seq_puts(s, "UDPLITE: inuse 0\n");
	seq_printf(s, "RAW: inuse %u\n", u.raw4);
	seq_puts(s, "FRAG: inuse 0 memory 0\n");
	return 0;
}

int sockstat6_proc_show(struct seq *s, struct net *net)
{
	struct inet_usage u;

	inet_usage(net, &u);
	seq_printf(s, "TCP6: inuse %u\n", u.tcp6);
	seq_printf(s, "UDP6: inuse %u\n", u.udp6);
	seq_puts(s, "UDPLITE6: inuse 0\n");
	seq_printf(s, "RAW6: inuse %u\n", u.raw6);
	seq_puts(s, "FRAG6: inuse 0 memory 0\n");
	return 0;
}

/* --- snmp --- */

/* Of Linux's many names those that are counted here; who reads them looks for names. */
int netstat_proc_show(struct seq *s, struct net *net)
{
	struct inet_counters c;

	inet_counters(net, &c);
	seq_puts(
		s,
		"TcpExt: SyncookiesSent SyncookiesRecv SyncookiesFailed ListenOverflows ListenDrops\n");
	seq_printf(s, "TcpExt: %lu %lu %lu %lu %lu\n", c.tcp_cookies_sent, c.tcp_cookies_taken,
		   c.tcp_cookies_failed, c.tcp_listen_overflows, c.tcp_listen_drops);
	return 0;
}

int snmp_proc_show(struct seq *s, struct net *net)
{
	struct inet_counters c;

	inet_counters(net, &c);
	seq_puts(s, "Ip: Forwarding DefaultTTL InReceives InHdrErrors InAddrErrors ForwDatagrams ");
	seq_puts(s, "InUnknownProtos InDiscards InDelivers OutRequests OutDiscards OutNoRoutes ReasmTimeout ");
	seq_puts(s, "ReasmReqds ReasmOKs ReasmFails FragOKs FragFails FragCreates\n");
	seq_printf(s, "Ip: 2 64 %lu %lu %lu %lu 0 %lu %lu %lu %lu %lu 0 %lu %lu %lu %lu %lu %lu\n",
		   c.ip_in, c.ip_in_hdr_errors, c.ip_in_addr_errors, c.ip_forwarded,
		   c.ip_in_discards, c.ip_in_delivers, c.ip_out, c.ip_out_discards,
		   c.ip_out_no_routes, c.ip_reasm_reqds, c.ip_reasm_oks, c.ip_reasm_fails,
		   c.ip_frag_oks, c.ip_frag_fails, c.ip_frag_creates);
	seq_puts(s, "Icmp: InMsgs InErrors OutMsgs\n");
	seq_printf(s, "Icmp: %lu %lu %lu\n", c.icmp_in, c.icmp_in_errors, c.icmp_out);
	seq_puts(s, "Tcp: RtoAlgorithm RtoMin RtoMax MaxConn ActiveOpens PassiveOpens AttemptFails ");
	seq_puts(s, "EstabResets CurrEstab InSegs OutSegs RetransSegs InErrs OutRsts InCsumErrors\n");
	seq_printf(s, "Tcp: 1 500 120000 -1 %lu %lu %lu %lu %lu %lu %lu %lu %lu %lu 0\n", c.tcp_active_opens,
		   c.tcp_passive_opens, c.tcp_attempt_fails, c.tcp_estab_resets, c.tcp_curr_estab, c.tcp_in, c.tcp_out,
		   c.tcp_retrans, c.tcp_in_errs, c.tcp_out_rsts);
	seq_puts(s, "Udp: InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors ");
	seq_puts(s, "InCsumErrors IgnoredMulti MemErrors\n");
	seq_printf(s, "Udp: %lu %lu %lu %lu %lu 0 0 0 0\n", c.udp_in, c.udp_no_ports,
		   c.udp_in_errors, c.udp_out, c.udp_rcvbuf_errors);
	return 0;
}
