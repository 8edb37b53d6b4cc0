/* SPDX-License-Identifier: MIT */
/*
 * /proc/net/tcp, udp, raw and their forms for IPv6, sockstat and snmp: what the stack
 * knows of its endpoints and has counted, as netstat and ss read it.
 *
 * The stack lists all endpoints of a type in one go, under its lock, into the text's buffer; one that
 * proves too small is made larger, and the list is made anew.
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
	seq_printf(s, " %02X %08X:%08X %02X:%08X %08X %5u %8d", info->state, info->tx_queue, info->rx_queue,
		   info->timer, info->timer_ms / USER_TICK_MS, info->retransmits, owner ? owner->uid : 0,
		   info->probes);
	seq_printf(s, " %lu %u %016lx", owner ? READ_ONCE(owner->sk.ino) : 0,
		   owner ? refcount_read(&owner->sk.refs) : 0, 0ul);
	if (l->dgram)
		seq_printf(s, " %u\n", info->drops);
	else
		seq_printf(s, " %u 0 0 %u %d\n", info->rto_ms / USER_TICK_MS, segments(info, info->snd_cwnd),
			   info->snd_ssthresh < 0xffff ? (int)segments(info, info->snd_ssthresh) : -1);
}

static int show(struct seq *s, u16 family, enum inet_type type)
{
	struct listing l = { .s = s, .family = family, .dgram = type != INET_TCP };
	const char *pad = family == AF_INET ? "" : "                        ";

	if (l.dgram)
		seq_printf(s, "   sl  local_address %srem_address   %sst tx_queue rx_queue tr tm->when retrnsmt   "
			   "uid  timeout inode ref pointer drops\n", pad, pad);
	else
		seq_printf(s, "  sl  local_address %srem_address   %sst tx_queue rx_queue tr tm->when retrnsmt   "
			   "uid  timeout inode\n", pad, pad);
	inet_for_each(&init_net, type, put_endpoint, &l);
	return 0;
}

int tcp_proc_show(struct seq *s, struct pseudo *p)	{ return show(s, AF_INET, INET_TCP); }
int tcp6_proc_show(struct seq *s, struct pseudo *p)	{ return show(s, AF_INET6, INET_TCP); }
int udp_proc_show(struct seq *s, struct pseudo *p)	{ return show(s, AF_INET, INET_UDP); }
int udp6_proc_show(struct seq *s, struct pseudo *p)	{ return show(s, AF_INET6, INET_UDP); }
int raw_proc_show(struct seq *s, struct pseudo *p)	{ return show(s, AF_INET, INET_RAW); }
int raw6_proc_show(struct seq *s, struct pseudo *p)	{ return show(s, AF_INET6, INET_RAW); }
int icmp_proc_show(struct seq *s, struct pseudo *p)	{ return show(s, AF_INET, INET_PING); }

/* --- sockstat --- */

struct count {
	u16 family;
	u32 all, orphans, time_wait;
};

static void count_one(const struct inet_info *info, void *arg)
{
	struct count *c = arg;

	if (info->family != c->family)
		return;
	if (info->state == INET_TIME_WAIT)
		c->time_wait++;
	else
		c->all++;
	c->orphans += !info->owner && info->state != INET_TIME_WAIT && info->state != INET_SYN_RECV;
}

static struct count count(u16 family, enum inet_type type)
{
	struct count c = { .family = family };

	inet_for_each(&init_net, type, count_one, &c);
	return c;
}

int sockstat_proc_show(struct seq *s, struct pseudo *p)
{
	struct count tcp = count(AF_INET, INET_TCP);

	seq_printf(s, "sockets: used %u\n", sockets_in_use());
	seq_printf(s, "TCP: inuse %u orphan %u tw %u alloc %u mem 0\n", tcp.all, tcp.orphans, tcp.time_wait, tcp.all);
	seq_printf(s, "UDP: inuse %u mem 0\n", count(AF_INET, INET_UDP).all);
	seq_puts(s, "UDPLITE: inuse 0\n");
	seq_printf(s, "RAW: inuse %u\n", count(AF_INET, INET_RAW).all);
	seq_puts(s, "FRAG: inuse 0 memory 0\n");
	return 0;
}

int sockstat6_proc_show(struct seq *s, struct pseudo *p)
{
	seq_printf(s, "TCP6: inuse %u\n", count(AF_INET6, INET_TCP).all);
	seq_printf(s, "UDP6: inuse %u\n", count(AF_INET6, INET_UDP).all);
	seq_puts(s, "UDPLITE6: inuse 0\n");
	seq_printf(s, "RAW6: inuse %u\n", count(AF_INET6, INET_RAW).all);
	seq_puts(s, "FRAG6: inuse 0 memory 0\n");
	return 0;
}

/* --- snmp --- */

int snmp_proc_show(struct seq *s, struct pseudo *p)
{
	struct inet_counters c;

	inet_counters(&init_net, &c);
	seq_puts(s, "Ip: Forwarding DefaultTTL InReceives InHdrErrors InAddrErrors ForwDatagrams ");
	seq_puts(s, "InUnknownProtos InDiscards InDelivers OutRequests OutDiscards OutNoRoutes ReasmTimeout ");
	seq_puts(s, "ReasmReqds ReasmOKs ReasmFails FragOKs FragFails FragCreates\n");
	seq_printf(s, "Ip: 2 64 %lu %lu %lu %lu 0 %lu %lu %lu %lu %lu 0 %lu %lu %lu %lu %lu %lu\n", c.ip_in,
		   c.ip_in_hdr_errors, c.ip_in_addr_errors, c.ip_forwarded, c.ip_in_discards, c.ip_in_delivers,
		   c.ip_out, c.ip_out_discards, c.ip_out_no_routes, c.ip_reasm_reqds, c.ip_reasm_oks,
		   c.ip_reasm_fails, c.ip_frag_oks, c.ip_frag_fails, c.ip_frag_creates);
	seq_puts(s, "Icmp: InMsgs InErrors OutMsgs\n");
	seq_printf(s, "Icmp: %lu %lu %lu\n", c.icmp_in, c.icmp_in_errors, c.icmp_out);
	seq_puts(s, "Tcp: RtoAlgorithm RtoMin RtoMax MaxConn ActiveOpens PassiveOpens AttemptFails ");
	seq_puts(s, "EstabResets CurrEstab InSegs OutSegs RetransSegs InErrs OutRsts InCsumErrors\n");
	seq_printf(s, "Tcp: 1 500 120000 -1 %lu %lu %lu %lu %lu %lu %lu %lu %lu %lu 0\n", c.tcp_active_opens,
		   c.tcp_passive_opens, c.tcp_attempt_fails, c.tcp_estab_resets, c.tcp_curr_estab, c.tcp_in, c.tcp_out,
		   c.tcp_retrans, c.tcp_in_errs, c.tcp_out_rsts);
	seq_puts(s, "Udp: InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors ");
	seq_puts(s, "InCsumErrors IgnoredMulti MemErrors\n");
	seq_printf(s, "Udp: %lu %lu %lu %lu %lu 0 0 0 0\n", c.udp_in, c.udp_no_ports, c.udp_in_errors, c.udp_out,
		   c.udp_rcvbuf_errors);
	return 0;
}
