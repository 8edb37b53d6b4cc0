/* SPDX-License-Identifier: MIT */
/*
 * The filter that ss(8) sends along with a dump: a program of conditions on a socket's
 * addresses and ports.
 *
 * An instruction is a code and two distances, in bytes: `yes` to what comes next if the
 * condition holds, `no` if not. Both lead forward. Who arrives exactly at the end is shown, who
 * jumps beyond it (4 bytes) is not. What a condition compares with follows it: the port in
 * another instruction's `no`, or a host or a number.
 *
 * A program is checked before it runs; a run looks at bounds again, so that a distance that
 * leads into the middle of an instruction harms nobody.
 *
 * Limit: conditions on marks and cgroups give -EINVAL.
 */
#include <net/af_inet/af_inet.h>
#include <kernel/lib/string.h>

enum { OP_NOP, OP_JMP, OP_S_GE, OP_S_LE, OP_D_GE, OP_D_LE, OP_AUTO, OP_S_COND, OP_D_COND, OP_DEV,
       OP_MARK,
	OP_S_EQ, OP_D_EQ };

struct op {
	u8 code, yes;
	u16 no;
};
struct hostcond {
	u8 family, prefix_len;
	s32 port;			/* host byte order; -1: any */
	u8 addr[16];			/* as many as the family has */
};
#define HOST_MIN	8u		/* without the address */

static u32 addr_bytes(u8 family)
{
	return family == AF_INET ? 4 : family == AF_INET6 ? 16 : 0;
}

/* The instruction with what belongs to it, of len bytes that are there; 0: not good. */
static u32 op_bytes(const u8 *code, u32 len)
{
	const struct op *op = (const void *)code;
	const struct hostcond *h = (const void *)(op + 1);

	switch (op->code) {
	case OP_NOP:
	case OP_JMP:
	case OP_AUTO:
		return sizeof(*op);
	case OP_S_GE:
	case OP_S_LE:
	case OP_D_GE:
	case OP_D_LE:
	case OP_S_EQ:
	case OP_D_EQ:
		return 2 * sizeof(*op);
	case OP_DEV:
		return sizeof(*op) + sizeof(u32);
	case OP_S_COND:
	case OP_D_COND:
		if (len < sizeof(*op) + HOST_MIN || (h->family && !addr_bytes(h->family)) ||
		    h->prefix_len > 8 * addr_bytes(h->family))
			return 0;
		return sizeof(*op) + HOST_MIN + addr_bytes(h->family);
	default:
		return 0;
	}
}

int inet_diag_filter_check(const u8 *code, u32 len)
{
	while (len) {
		const struct op *op = (const void *)code;
		u32 bytes = len < sizeof(*op) ? 0 : op_bytes(code, len);

		if (!bytes || bytes > len)
			return -EINVAL;
		if (op->yes < bytes || op->yes % 4 || op->yes > len)
			return -EINVAL;
		if (op->code != OP_NOP && (op->no < bytes || op->no % 4 || op->no > len + 4))
			return -EINVAL;
		code += op->yes;
		len -= op->yes;
	}
	return 0;
}

static bool bits_equal(const u8 *a, const u8 *b, u32 bits)
{
	u8 mask = (u8)(0xff00 >> bits % 8);

	return !memcmp(a, b, bits / 8) && (!(bits % 8) || !((a[bits / 8] ^ b[bits / 8]) & mask));
}

static bool host_matches(const struct hostcond *h, const struct inet_addr *a, u16 family)
{
	static const u8 mapped[12] = { [10] = 0xff, [11] = 0xff };

	if (h->port != -1 && h->port != __builtin_bswap16(a->port))
		return false;
	if (h->family && h->family != family)
		return h->family == AF_INET && !memcmp(a->v6, mapped, sizeof(mapped)) &&
		       bits_equal(a->v6 + 12, h->addr, h->prefix_len);
	return bits_equal(family == AF_INET ? a->v4 : a->v6, h->addr, h->prefix_len);
}

static bool holds(const u8 *code, const struct inet_info *i)
{
	const struct op *op = (const void *)code;
	u16 sport = __builtin_bswap16(i->local.port), dport = __builtin_bswap16(i->peer.port);
	u32 index;

	switch (op->code) {
	case OP_NOP:	return true;
	case OP_JMP:	return false;
	case OP_AUTO:	return i->autobound;
	case OP_S_GE:	return sport >= op[1].no;
	case OP_S_LE:	return sport <= op[1].no;
	case OP_S_EQ:	return sport == op[1].no;
	case OP_D_GE:	return dport >= op[1].no;
	case OP_D_LE:	return dport <= op[1].no;
	case OP_D_EQ:	return dport == op[1].no;
	case OP_S_COND:	return host_matches((const void *)(op + 1), &i->local, i->family);
	case OP_D_COND:	return host_matches((const void *)(op + 1), &i->peer, i->family);
	default:
		memcpy(&index, op + 1, sizeof(index));
		return index == i->device;
	}
}

bool inet_diag_filter_run(const u8 *code, u32 len, const struct inet_info *i)
{
	while (len) {
		const struct op *op = (const void *)code;
		u32 bytes = len < sizeof(*op) ? 0 : op_bytes(code, len), step;

		if (!bytes || bytes > len)
			return false;
		step = holds(code, i) ? op->yes : op->no;
		if (step < sizeof(*op) || step > len)
			return false;
		code += step;
		len -= step;
	}
	return true;
}
