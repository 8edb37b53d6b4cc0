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

/* SipHash (Aumasson and Bernstein, 2012): one round on the four words of state. */
static void sip_round(u64 v[4])
{
	v[0] += v[1];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[0] = rotate(v[0], 32);
	v[2] += v[3];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[2] = rotate(v[2], 32);
}

/* SipHash-2-4 of n words. */
static u64 keyed_hash(const u64 *words, u32 n)
{
	u64 v[4] = {
		isn_key[0] ^ 0x736f6d6570736575, isn_key[1] ^ 0x646f72616e646f6d,
		isn_key[0] ^ 0x6c7967656e657261, isn_key[1] ^ 0x7465646279746573,
	};
	u64 last = (u64)(n * 8) << 56;

	for (u32 i = 0; i <= n; i++) {
		u64 m = i < n ? words[i] : last;

		v[3] ^= m;
		sip_round(v);
		sip_round(v);
		v[0] ^= m;
	}
	v[2] ^= 0xff;
	for (u32 i = 0; i < 4; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static void put_address(u64 words[2], const ip_addr_t *ip)
{
	if (IP_IS_V6(ip))
		memcpy(words, ip_2_ip6(ip)->addr, 16);
	else
		words[0] = ip4_addr_get_u32(ip_2_ip4(ip));
}

u32_t lwip_isn(const ip_addr_t *local, u16_t local_port, const ip_addr_t *remote, u16_t remote_port);
u32_t lwip_isn(const ip_addr_t *local, u16_t local_port, const ip_addr_t *remote, u16_t remote_port)
{
	u64 words[5] = { 0 };

	put_address(words, local);
	put_address(words + 2, remote);
	words[4] = (u64)local_port << 16 | remote_port;
	return (u32)keyed_hash(words, 5) + (u32)(ktime_get() / 4000);
}

/* --- checksums --- */

/* The Internet checksum (RFC 1071) of len bytes from data on, not inverted; eight bytes at a time. */
u16 lwip_checksum(const void *data, int len)
{
	const u8 *p = data;
	u64 sum = 0, word;
	bool odd = (u64)p & 1;

	if (odd && len) {
		sum = (u64)*p++ << 8;
		len--;
	}
	for (; len > 1 && ((u64)p & 7); len -= 2, p += 2)
		sum += *(const u16 *)(const void *)p;
	for (; len >= 8; len -= 8, p += 8) {
		word = *(const u64 *)(const void *)p;
		sum += word;
		sum += sum < word;	/* end-around carry */
	}
	sum = (sum & 0xffffffff) + (sum >> 32);
	for (; len > 1; len -= 2, p += 2)
		sum += *(const u16 *)(const void *)p;
	if (len)
		sum += *p;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	/* Begun at an odd address, every byte was taken for its neighbour. */
	return odd ? (u16)(sum << 8 | sum >> 8) : (u16)sum;
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
}
