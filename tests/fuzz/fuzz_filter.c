/* SPDX-License-Identifier: MIT */
/*
 * Classic BPF filters: any program that the checker lets through runs on any packet, ends, and
 * reads nothing that is not there. The input is a packet, in one piece or several, and a program;
 * most codes are ones that exist.
 */
#include <kernel/errno.h>
#include <kernel/lib/string.h>
#include <net/filter.h>
#include <net/netdev/netdev.h>
#include "../unit/unit.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);
size_t fuzz_mutate(u8 *data, size_t len, u64 (*chance)(void));
void abort(void) __noreturn;

struct insn {
	u16 code;
	u8 jt, jf;
	u32 k;
};

#define PACKET_MAX	48

size_t fuzz_mutate(u8 *data, size_t len, u64 (*chance)(void))
{
	static const u8 codes[] = {0x20, 0x28, 0x30, 0x40, 0x48, 0x50, 0x00, 0x60, 0x80, 0x01,
				   0x61, 0x81, 0xb1, 0x02, 0x03, 0x04, 0x14, 0x24, 0x34, 0x94,
				   0x0c, 0x3c, 0x9c, 0x6c, 0x7c, 0x84, 0x05, 0x15, 0x25, 0x35,
				   0x45, 0x1d, 0x2d, 0x4d, 0x06, 0x16, 0x07, 0x87};
	static const u32 constants[] = {0,  1,  12, 14,         23,         31,         32,
					47, 48, 49, 0x7fffffff, 0xfffff000, 0xfffff004, 0xffffffff};

	for (size_t i = PACKET_MAX; i + sizeof(struct insn) <= len; i += sizeof(struct insn)) {
		struct insn insn = {.code = codes[chance() % sizeof(codes)],
				    .jt = (u8)(chance() % 4),
				    .jf = (u8)(chance() % 4)};

		insn.k = chance() % 4 ? constants[chance() % ARRAY_SIZE(constants)] : (u32)chance();
		if (insn.code == 0x02 || insn.code == 0x03 || insn.code == 0x60 ||
		    insn.code == 0x61)
			insn.k = (u32)(chance() % 17);
		if (i + 2 * sizeof(insn) > len)
			insn.code = chance() % 8 ? 0x06 : 0x16;
		if (chance() % 16)
			memcpy(data + i, &insn, sizeof(insn));
	}
	return len;
}

/*
 * The packet's bytes: the first few in the packet itself, others in pages, as a device leaves them.
 */
static struct pkt *make_packet(const u8 *data, u32 len)
{
	static struct netdev dev = { .index = 2, .type = ARPHRD_ETHER };
	struct pkt *pkt = pkt_alloc(GFP_KERNEL);
	u32 linear = len ? data[0] % (len + 1) : 0, half = (len - linear) / 2;

	memcpy(pkt_put(pkt, linear), data, linear);
	if (half)
		(void)pkt_append_copy(pkt, data + linear, half, GFP_KERNEL);
	if (len - linear - half)
		(void)pkt_append_copy(pkt, data + linear + half, len - linear - half, GFP_KERNEL);
	pkt->dev = &dev;
	pkt->protocol = ETH_P_IP;
	return pkt;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct {
		u16 len;
		u16 pad[3];
		uaddr_t filter;
	} prog = { 0 };
	struct bpf_program *p;
	struct pkt *pkt;
	static bool ready;

	if (!ready)
		pkt_init();
	ready = true;
	if (size < PACKET_MAX)
		return 0;
	prog.len = (u16)((size - PACKET_MAX) / sizeof(struct insn));
	prog.filter = (uaddr_t)(data + PACKET_MAX);
	if (bpf_take((uaddr_t)&prog, sizeof(prog), &p))
		return 0;
	pkt = make_packet(data, PACKET_MAX - data[1] % (PACKET_MAX + 1));
	for (u32 from = 0; from <= pkt->linear; from += 1 + pkt->linear / 2)
		(void)bpf_run_pkt(p, pkt, from);
	pkt_free(pkt);
	kfree(p);
	return 0;
}

void unit_expect(bool ok, const char *file, int line, const char *what, long long got,
		 long long want)
{
	if (!ok)
		abort();
}
