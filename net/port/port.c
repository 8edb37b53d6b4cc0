/* SPDX-License-Identifier: MIT */
/*
 * What lwIP asks of its platform: chance, checksums; how its errors read. Memory: memory.c.
 *
 * Initial sequence numbers (RFC 6528): a hash of the connection's ends under a secret of this
 * boot, and a clock of 4 us, so that a number seen on one connection tells nothing of
 * another's, and a new incarnation begins behind the one before.
 */
#include <kernel/bug.h>
#include <kernel/errno.h>
#include <kernel/lib/random.h>
#include <kernel/lib/string.h>
#include <kernel/time/hrtimer.h>
#include <net/port/port.h>
#include <lwip/err.h>
#include <lwip/inet_chksum.h>
#include <lwip/ip.h>
#include <lwip/ip_addr.h>
#include <lwip/priv/tcp_priv.h>
#include <stdlib.h>

/* Of digits at most. */
int atoi(const char *s)
{
	int n = 0;

	while (*s >= '0' && *s <= '9')
		n = n * 10 + (*s++ - '0');
	return n;
}

u32 lwip_random(void)
{
	return (u32)random_u64();
}

/* --- sequence numbers --- */

static u64 isn_key[2];

static u64 rotate(u64 x, u32 n)
{
	return x << n | x >> (64 - n);
}

/* SipHash (Aumasson and Bernstein, 2012): its state, and one round. */
struct sip {
	u64 v0, v1, v2, v3;
};

static __always_inline void sip_round(struct sip *s)
{
	s->v0 += s->v1;
	s->v1 = rotate(s->v1, 13) ^ s->v0;
	s->v0 = rotate(s->v0, 32);
	s->v2 += s->v3;
	s->v3 = rotate(s->v3, 16) ^ s->v2;
	s->v0 += s->v3;
	s->v3 = rotate(s->v3, 21) ^ s->v0;
	s->v2 += s->v1;
	s->v1 = rotate(s->v1, 17) ^ s->v2;
	s->v2 = rotate(s->v2, 32);
}

u64 port_keyed_hash(const u64 *words, u32 n)
{
	struct sip s = {
		isn_key[0] ^ 0x736f6d6570736575, isn_key[1] ^ 0x646f72616e646f6d,
		isn_key[0] ^ 0x6c7967656e657261, isn_key[1] ^ 0x7465646279746573,
	};
	u64 last = (u64)(n * 8) << 56;

	for (u32 i = 0; i <= n; i++) {
		u64 m = i < n ? words[i] : last;

		s.v3 ^= m;
		sip_round(&s);
		sip_round(&s);
		s.v0 ^= m;
	}
	s.v2 ^= 0xff;
	for (u32 i = 0; i < 4; i++)
		sip_round(&s);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

/* Both addresses into words; how many. */
static u32 put_addresses(u64 words[4], const ip_addr_t *local, const ip_addr_t *remote)
{
	if (IP_IS_V6(local)) {
		memcpy(words, ip_2_ip6(local)->addr, 16);
		memcpy(words + 2, ip_2_ip6(remote)->addr, 16);
		return 4;
	}
	words[0] = (u64)ip4_addr_get_u32(ip_2_ip4(local)) << 32 |
		   ip4_addr_get_u32(ip_2_ip4(remote));
	return 1;
}

u32_t lwip_isn(const ip_addr_t *local, u16_t local_port, const ip_addr_t *remote,
	       u16_t remote_port);
u32_t lwip_isn(const ip_addr_t *local, u16_t local_port, const ip_addr_t *remote, u16_t remote_port)
{
	u64 words[5];
	u32 n = put_addresses(words, local, remote);

	words[n++] = (u64)local_port << 16 | remote_port;
	return (u32)port_keyed_hash(words, n) + (u32)(ktime_get() / 4000);
}

/* --- checksums --- */

/* Of up to 64 bytes, such as headers, from an even word on: no carry is lost in 64 bits. */
static u16 short_checksum(const u8 *p, u32 len)
{
	const u8 *end = p + (len & ~3u);
	u64 sum = 0;

	for (; p != end; p += 4)
		sum += *(const u32 *)(const void *)p;
	if (len & 2) {
		sum += *(const u16 *)(const void *)p;
		p += 2;
	}
	if (len & 1)
		sum += *p;
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (u16)((sum & 0xffff) + (sum >> 16));
}

/*
 * The Internet checksum (RFC 1071) of len bytes from data on, not inverted; eight bytes at a time.
 */
u16 lwip_checksum(const void *data, int len)
{
	const u8 *p = data;
	u64 sum = 0, rest = 0;		/* rest: carries of sum, and what is less than a word */
	bool odd = (u64)p & 1;

	if (!((u64)p & 3) && len <= 64)
		return short_checksum(p, (u32)len);
	if (odd && len) {
		rest = (u64)*p++ << 8;
		len--;
	}
	if (((u64)p & 2) && len >= 2) {
		rest += *(const u16 *)(const void *)p;
		p += 2;
		len -= 2;
	}
	if (((u64)p & 4) && len >= 4) {
		rest += *(const u32 *)(const void *)p;
		p += 4;
		len -= 4;
	}
	for (; len >= 64; len -= 64, p += 64) {
		const u64 *w = (const void *)p;

#pragma GCC unroll 8
		for (u32 i = 0; i < 8; i++) {
			sum += w[i];
			rest += sum < w[i];
		}
	}
	for (; len >= 8; len -= 8, p += 8) {
		u64 word = *(const u64 *)(const void *)p;

		sum += word;
		rest += sum < word;
	}
	if (len & 4) {
		rest += *(const u32 *)(const void *)p;
		p += 4;
	}
	if (len & 2) {
		rest += *(const u16 *)(const void *)p;
		p += 2;
	}
	if (len & 1)
		rest += *p;
	sum = (sum & 0xffffffff) + (sum >> 32) + rest;
	sum = (sum & 0xffff) + (sum >> 16 & 0xffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	/* Begun at an odd address, every byte was taken for its neighbour. */
	return odd ? (u16)(sum << 8 | sum >> 8) : (u16)sum;
}

/* In one piece nearly always, and then without a walk along pbufs. */
u16_t lwip_tcp_verify(struct pbuf *p)
{
	const ip_addr_t *from = ip_current_src_addr(), *to = ip_current_dest_addr();
	u64 sum;

	if (p->next || IP_IS_V6(to))
		return ip_chksum_pseudo(p, IP_PROTO_TCP, p->tot_len, from, to);
	sum = (u64)ip4_addr_get_u32(ip_2_ip4(from)) + ip4_addr_get_u32(ip_2_ip4(to)) +
	      lwip_checksum(p->payload, p->len) + lwip_htons(p->len) + lwip_htons(IP_PROTO_TCP);
	sum = (sum & 0xffff) + (sum >> 16 & 0xffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	return (u16_t)~((sum & 0xffff) + (sum >> 16));
}

/* --- instances --- */

void port_instance_init(char *block)
{
	for (const struct lwi_record *r = __start_lwi_init; r < __stop_lwi_init; r++) {
		char *at = block + r->offset;

		memcpy(at, r->image, r->size);
		for (u32 i = 0; r->relative && i < r->size / sizeof(u64); i++) {
			u64 word;

			memcpy(&word, at + i * sizeof(word), sizeof(word));
			word += (u64)block;
			memcpy(at + i * sizeof(word), &word, sizeof(word));
		}
	}
}

int port_errno(s8 err)
{
	switch (err) {
	case ERR_OK:
		return 0;
	case ERR_MEM:
		return -ENOBUFS;
	case ERR_BUF:
		return -EMSGSIZE;
	case ERR_TIMEOUT:
		return -ETIMEDOUT;
	case ERR_RTE:
		return -ENETUNREACH;
	case ERR_INPROGRESS:
		return -EINPROGRESS;
	case ERR_WOULDBLOCK:
		return -EAGAIN;
	case ERR_USE:
		return -EADDRINUSE;
	case ERR_ALREADY:
		return -EALREADY;
	case ERR_ISCONN:
		return -EISCONN;
	case ERR_CONN:
		return -ENOTCONN;
	case ERR_ABRT:
		return -ECONNABORTED;
	case ERR_RST:
		return -ECONNRESET;
	case ERR_CLSD:
		return -ENOTCONN;
	default:
		return -EINVAL;
	}
}

void port_init(void)
{
	random_bytes(isn_key, sizeof(isn_key));
	port_pbuf_init();
	port_memory_init();
}
