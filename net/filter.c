/* SPDX-License-Identifier: MIT */
/*
 * Classic BPF: little programs of user space that judge packets in the kernel.
 *
 * A program is an array of instructions for a machine with an accumulator A, an index register
 * X and 16 words of scratch memory. It is checked when it is attached: every code is known, every
 * jump goes forward and stays inside, every constant fits, and the last instruction returns. So a
 * run ends after at most as many steps as the program has instructions, and needs no checks but
 * those of loads from the packet: one that is not there ends the run with 0.
 *
 * Offsets from SKF_AD_OFF on name what is known of a packet beside its bytes.
 *
 * McCanne and Jacobson, "The BSD Packet Filter", USENIX 1993; the codes as bpf(4) has them.
 *
 * Limit: of the packet's properties SKF_AD_* there are protocol, pkttype, ifindex and hatype, and
 * neither SKF_NET_OFF nor SKF_LL_OFF: a program with others is refused with -EINVAL.
 */
#include <net/filter.h>
#include <net/netdev/netdev.h>
#include <kernel/errno.h>
#include <kernel/mm/alloc.h>
#include <arch/uaccess.h>

#define BPF_MAXINSNS	4096u
#define BPF_MEMWORDS	16u

struct sock_filter {
	u16 code;
	u8 jt, jf;
	u32 k;
};
_Static_assert(sizeof(struct sock_filter) == BPF_INSN_BYTES, "ABI");
struct sock_fprog {
	u16 len;
	u16 pad[3];
	uaddr_t filter;
};

enum { BPF_LD, BPF_LDX, BPF_ST, BPF_STX, BPF_ALU, BPF_JMP, BPF_RET, BPF_MISC };
#define BPF_CLASS(code)	((code) & 7)
enum { BPF_W = 0, BPF_H = 8, BPF_B = 0x10 };
enum {
	BPF_IMM = 0, BPF_ABS = 0x20, BPF_IND = 0x40, BPF_MEM = 0x60, BPF_LEN = 0x80, BPF_MSH = 0xa0,
};
enum { BPF_ADD = 0, BPF_SUB = 0x10, BPF_MUL = 0x20, BPF_DIV = 0x30, BPF_OR = 0x40, BPF_AND = 0x50, BPF_LSH = 0x60,
	BPF_RSH = 0x70, BPF_NEG = 0x80, BPF_MOD = 0x90, BPF_XOR = 0xa0 };
enum { BPF_JA = 0, BPF_JEQ = 0x10, BPF_JGT = 0x20, BPF_JGE = 0x30, BPF_JSET = 0x40 };
#define BPF_X		8
#define BPF_A		0x10		/* of RET */
#define BPF_TXA		0x80		/* of MISC: A = X, else X = A */

#define SKF_AD_OFF	0xfffff000u	/* -4096 */
enum { SKF_AD_PROTOCOL = 0, SKF_AD_PKTTYPE = 4, SKF_AD_IFINDEX = 8, SKF_AD_HATYPE = 28 };

/* --- check --- */

static bool load_is_good(const struct sock_filter *f)
{
	bool special = f->k >= SKF_AD_OFF;
	u32 ad = f->k - SKF_AD_OFF;

	switch (f->code & 0xe0) {
	case BPF_ABS:
		if ((f->code & 0x18) == 0x18 || (f->k >> 31 && !special))
			return false;
		return !special || ad == SKF_AD_PROTOCOL || ad == SKF_AD_PKTTYPE ||
		       ad == SKF_AD_IFINDEX || ad == SKF_AD_HATYPE;
	case BPF_IND:
		return (f->code & 0x18) != 0x18;
	case BPF_MEM:
		return !(f->code & 0x18) && f->k < BPF_MEMWORDS;
	case BPF_IMM:
	case BPF_LEN:
		return !(f->code & 0x18);
	default:
		return false;
	}
}

static bool loadx_is_good(const struct sock_filter *f)
{
	switch (f->code & 0xf8) {
	case BPF_IMM | BPF_W:
	case BPF_LEN | BPF_W:
	case BPF_MSH | BPF_B:
		return true;
	case BPF_MEM | BPF_W:
		return f->k < BPF_MEMWORDS;
	default:
		return false;
	}
}

static bool alu_is_good(const struct sock_filter *f)
{
	u32 op = f->code & 0xf0;

	if (op > BPF_XOR)
		return false;
	if (f->code & BPF_X)
		return op != BPF_NEG;
	if (op == BPF_DIV || op == BPF_MOD)
		return f->k != 0;
	return (op != BPF_LSH && op != BPF_RSH) || f->k < 32;
}

/* left: instructions behind it. */
static bool jump_is_good(const struct sock_filter *f, u32 left)
{
	u32 op = f->code & 0xf0;

	if (op == BPF_JA)
		return !(f->code & BPF_X) && f->k < left;
	return op <= BPF_JSET && f->jt < left && f->jf < left;
}

static bool is_good(const struct sock_filter *f, u32 left)
{
	if (f->code & ~0xffu)
		return false;
	switch (BPF_CLASS(f->code)) {
	case BPF_LD:
		return load_is_good(f);
	case BPF_LDX:
		return loadx_is_good(f);
	case BPF_ST:
	case BPF_STX:
		return !(f->code & 0xf8) && f->k < BPF_MEMWORDS;
	case BPF_ALU:
		return alu_is_good(f);
	case BPF_JMP:
		return jump_is_good(f, left);
	case BPF_RET:
		return !(f->code & 0xe8);
	default:
		return !(f->code & 0x78);
	}
}

static bool check(const struct sock_filter *code, u32 len)
{
	for (u32 i = 0; i < len; i++)
		if (!is_good(&code[i], len - 1 - i))
			return false;
	return BPF_CLASS(code[len - 1].code) == BPF_RET;
}

int bpf_take(uaddr_t val, u32 len, struct bpf_program **out)
{
	struct bpf_program *p;
	struct sock_fprog f;
	int err = -EFAULT;

	if (len != sizeof(f))
		return -EINVAL;
	if (copy_from_user(&f, val, sizeof(f)))
		return -EFAULT;
	if (!f.filter || !f.len || f.len > BPF_MAXINSNS)
		return -EINVAL;
	p = kmalloc(sizeof(*p) + f.len * sizeof(p->code[0]), GFP_KERNEL);
	if (!p)
		return -ENOMEM;
	p->len = f.len;
	p->code = (struct sock_filter *)(p + 1);
	if (!copy_from_user(p->code, f.filter, f.len * sizeof(p->code[0])))
		err = check(p->code, f.len) ? 0 : -EINVAL;
	if (err)
		kfree(p);
	else
		*out = p;
	return err;
}

/* --- run --- */

struct machine {
	u32 a, x, mem[BPF_MEMWORDS];
	const struct bpf_view *v;
};

/* size bytes at an offset, big endian; false: they are not there. */
static bool fetch(const struct machine *m, u32 at, u32 size, u32 *v)
{
	u8 b[4];

	if (at > m->v->len || m->v->len - at < size)
		return false;
	m->v->copy(m->v, at, b, size);
	*v = 0;
	for (u32 i = 0; i < size; i++)
		*v = *v << 8 | b[i];
	return true;
}

static u32 property(const struct bpf_view *v, u32 which)
{
	switch (which) {
	case SKF_AD_PROTOCOL:
		return v->protocol;
	case SKF_AD_PKTTYPE:
		return v->pkttype;
	case SKF_AD_IFINDEX:
		return v->ifindex;
	default:
		return v->hatype;
	}
}

static bool load(struct machine *m, const struct sock_filter *f)
{
	u32 size = (f->code & 0x18) == BPF_W ? 4 : (f->code & 0x18) == BPF_H ? 2 : 1;

	switch (f->code & 0xe0) {
	case BPF_ABS:
		if (f->k >= SKF_AD_OFF) {
			m->a = property(m->v, f->k - SKF_AD_OFF);
			return true;
		}
		return fetch(m, f->k, size, &m->a);
	case BPF_IND:
		return fetch(m, m->x + f->k, size, &m->a);
	case BPF_MEM:
		m->a = m->mem[f->k];
		return true;
	case BPF_LEN:
		m->a = m->v->len;
		return true;
	default:
		m->a = f->k;
		return true;
	}
}

static bool load_x(struct machine *m, const struct sock_filter *f)
{
	switch (f->code & 0xe0) {
	case BPF_MSH:			/* the length of an IP header */
		if (!fetch(m, f->k, 1, &m->x))
			return false;
		m->x = (m->x & 15) * 4;
		return true;
	case BPF_MEM:
		m->x = m->mem[f->k];
		return true;
	case BPF_LEN:
		m->x = m->v->len;
		return true;
	default:
		m->x = f->k;
		return true;
	}
}

static bool compute(struct machine *m, const struct sock_filter *f)
{
	u32 v = f->code & BPF_X ? m->x : f->k;

	switch (f->code & 0xf0) {
	case BPF_ADD: m->a += v; break;
	case BPF_SUB: m->a -= v; break;
	case BPF_MUL: m->a *= v; break;
	case BPF_OR: m->a |= v; break;
	case BPF_AND: m->a &= v; break;
	case BPF_XOR: m->a ^= v; break;
	case BPF_LSH: m->a = v < 32 ? m->a << v : 0; break;
	case BPF_RSH: m->a = v < 32 ? m->a >> v : 0; break;
	case BPF_NEG: m->a = -m->a; break;
	default:
		if (!v)
			return false;
		m->a = (f->code & 0xf0) == BPF_DIV ? m->a / v : m->a % v;
	}
	return true;
}

/* How many instructions are skipped. */
static u32 jump(const struct machine *m, const struct sock_filter *f)
{
	u32 v = f->code & BPF_X ? m->x : f->k;
	bool yes;

	switch (f->code & 0xf0) {
	case BPF_JA:
		return f->k;
	case BPF_JEQ:
		yes = m->a == v;
		break;
	case BPF_JGT:
		yes = m->a > v;
		break;
	case BPF_JGE:
		yes = m->a >= v;
		break;
	default:
		yes = m->a & v;
	}
	return yes ? f->jt : f->jf;
}

u32 bpf_run(const struct bpf_program *prog, const struct bpf_view *v)
{
	struct machine m = { .v = v };

	for (const struct sock_filter *f = prog->code;; f++) {
		switch (BPF_CLASS(f->code)) {
		case BPF_LD:
			if (!load(&m, f))
				return 0;
			break;
		case BPF_LDX:
			if (!load_x(&m, f))
				return 0;
			break;
		case BPF_ST:
			m.mem[f->k] = m.a;
			break;
		case BPF_STX:
			m.mem[f->k] = m.x;
			break;
		case BPF_ALU:
			if (!compute(&m, f))
				return 0;
			break;
		case BPF_JMP:
			f += jump(&m, f);
			break;
		case BPF_RET:
			return f->code & BPF_A ? m.a : f->k;
		default:
			if (f->code & BPF_TXA)
				m.a = m.x;
			else
				m.x = m.a;
		}
	}
}

static void copy_pkt(const struct bpf_view *v, u32 at, void *to, u32 n)
{
	pkt_copy(v->of, v->from + at, to, n);
}

u32 bpf_run_pkt(const struct bpf_program *prog, const struct pkt *pkt, u32 from)
{
	const struct bpf_view v = {
		.copy = copy_pkt, .of = pkt, .from = from, .len = pkt->len - from,
		.protocol = pkt->protocol,
		.pkttype = pkt->type, .ifindex = pkt->dev->index, .hatype = pkt->dev->type,
	};

	return bpf_run(prog, &v);
}
