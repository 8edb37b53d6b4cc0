/* SPDX-License-Identifier: MIT */
#include <kernel/lib/string.h>
#include <net/netdev/netdev.h>
#include "segment.h"
#include "../unit.h"

#define PEER		0x0a000002u
#define US		0x0a000001u

void free(void *p);

static void put16(u8 *p, u32 v)	{ p[0] = (u8)(v >> 8); p[1] = (u8)v; }
static void put32(u8 *p, u32 v)	{ put16(p, v >> 16); put16(p + 2, v); }
static u32 get16(const u8 *p)	{ return (u32)p[0] << 8 | p[1]; }
static u32 get32(const u8 *p)	{ return get16(p) << 16 | get16(p + 2); }

static u32 sum(const u8 *p, u32 len, u32 start)
{
	for (u32 i = 0; i < len; i++)
		start += i % 2 ? p[i] : (u32)p[i] << 8;
	while (start >> 16)
		start = (start & 0xffff) + (start >> 16);
	return start;
}

static u32 tcp_sum(const u8 *ip, u32 len)
{
	return sum(ip + 20, len, sum(ip + 12, 8, 6 + len));
}

/* A part of the frame's IP packet, from byte `at` behind its header on. */
static void send_fragment(const u8 *frame, u32 at, u32 len, bool more)
{
	u8 f[1600], *ip = f + 14;

	memcpy(f, frame, 34);
	memcpy(ip + 20, frame + 34 + at, len);
	put16(ip + 2, 20 + len);
	put16(ip + 6, at / 8 + more * 0x2000);
	put16(ip + 10, 0);
	put16(ip + 10, ~sum(ip, 20, 0));
	world_receive(f, 34 + len);
}

void segment_send(const struct segment *s)
{
	static const u8 link[14] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0 };
	u32 header = 20 + ALIGN_UP(s->options_len, 4u), total = 20 + header + s->len;
	u8 f[14 + 20 + 60 + 1500] = { 0 }, *ip = f + 14, *tcp = ip + 20;

	memcpy(f, link, sizeof(link));
	ip[0] = 0x45;
	put16(ip + 2, total);
	ip[8] = 64;
	ip[9] = 6;
	put32(ip + 12, s->from ? s->from : PEER);
	put32(ip + 16, US);
	put16(ip + 10, ~sum(ip, 20, 0));
	put16(tcp, s->sport);
	put16(tcp + 2, s->dport);
	put32(tcp + 4, s->seq);
	put32(tcp + 8, s->ack);
	tcp[12] = (u8)(header / 4 << 4);
	tcp[13] = s->flags;
	put16(tcp + 14, s->window);
	put16(tcp + 18, s->urgent);
	memcpy(tcp + 20, s->options, s->options_len);
	memcpy(tcp + header, s->data ? s->data : "", s->data ? s->len : 0);
	put16(tcp + 16, ~tcp_sum(ip, header + s->len));
	if (!s->cut) {
		world_receive(f, 14 + total);
		return;
	}
	send_fragment(f, 0, s->cut, true);
	send_fragment(f, s->cut, header + s->len - s->cut, false);
}

bool segment_take(struct segment *out)
{
	static struct frame *held;
	u32 header, total;
	u8 *ip, *tcp;

	for (;;) {
		free(held);
		held = world_take();
		if (!held)
			return false;
		ip = held->data + 14;
		if (held->data[12] == 8 && held->data[13] == 0 && ip[9] == 6)
			break;
	}
	tcp = ip + 20;
	header = tcp[12] / 16 * 4;
	total = get16(ip + 2);
	EXPECT_EQ(sum(ip, 20, 0), 0xffff);
	EXPECT_EQ(tcp_sum(ip, total - 20), 0xffff);
	EXPECT_TRUE(held->len >= 14 + total);
	*out = (struct segment){
		.from = get32(ip + 16),
		.sport = (u16)get16(tcp),
		.dport = (u16)get16(tcp + 2),
		.seq = get32(tcp + 4),
		.ack = get32(tcp + 8),
		.flags = tcp[13],
		.window = (u16)get16(tcp + 14),
		.urgent = (u16)get16(tcp + 18),
		.options_len = header - 20,
		.data = tcp + header,
		.len = total - 20 - header,
	};
	memcpy(out->options, tcp + 20, header - 20);
	return true;
}

u32 segment_mss(const struct segment *s)
{
	for (u32 i = 0; i + 4 <= s->options_len; i += s->options[i] == 1 ? 1 : s->options[i + 1]) {
		if (s->options[i] == 2)
			return get16(s->options + i + 2);
		if (!s->options[i] || (s->options[i] != 1 && s->options[i + 1] < 2))
			break;
	}
	return 0;
}
