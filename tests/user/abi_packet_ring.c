/* SPDX-License-Identifier: MIT */
/* AF_PACKET's ring in shared memory: PACKET_RX_RING of all versions, as libpcap uses it. */
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <sys/mman.h>
#include "inetsock.h"

#define BLOCK		16384
#define BLOCKS		4
#define FRAME		2048
#define RETIRE_MS	60
#define PORT		4050

static int lo_index;

/* Of datagrams to our port on the loopback interface, coming in: their frames. */
static bool is_ours(const unsigned char *frame)
{
	return frame[12] == 8 && !frame[13] && frame[14] == 0x45 && frame[23] == 17 &&
	       frame[36] == PORT >> 8 &&
	       frame[37] == (PORT & 0xff);
}

static int packet(int type)
{
	int fd = socket(AF_PACKET, type, 0);

	if (fd < 0)
		tap_bail("packet: %s", strerror(errno));
	return fd;
}

static void bind_lo(int fd)
{
	struct sockaddr_ll ll = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL),
				  .sll_ifindex = lo_index };

	if (bind(fd, (struct sockaddr *)&ll, sizeof(ll)))
		tap_bail("bind: %s", strerror(errno));
}

static void send_udp(int len)
{
	static char data[8192];
	union addr a = local(AF_INET, PORT);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	memset(data, 'x', len);
	sendto(fd, data, len, 0, &a.sa, sizeof(a.in));
	close(fd);
}

static long set_ring(int fd, unsigned block, unsigned blocks, unsigned frame, unsigned frames)
{
	struct tpacket_req3 q = { block, blocks, frame, frames, RETIRE_MS, 0, 0 };

	return err(setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &q, sizeof(q)));
}

static void *map(int fd)
{
	void *p = mmap(NULL, BLOCK * BLOCKS, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (p == MAP_FAILED)
		tap_bail("mmap: %s", strerror(errno));
	return p;
}

static void options(void)
{
	int fd = packet(SOCK_RAW), v;
	socklen_t len = sizeof(v);

	tap_is(get_int(fd, SOL_PACKET, PACKET_VERSION), TPACKET_V1,
	       "the first version, unless asked for another");
	for (int version = TPACKET_V1; version <= TPACKET_V3 + 1; version++) {
		v = version;
		len = sizeof(v);
		tap_says(getsockopt(fd, SOL_PACKET, PACKET_HDRLEN, &v, &len) ? -errno : v,
			 "header of version %d", version);
		tap_says(set_int(fd, SOL_PACKET, PACKET_VERSION, version), "ask for version %d",
			 version);
	}
	v = TPACKET_V2;
	len = 2;
	tap_is(err(getsockopt(fd, SOL_PACKET, PACKET_HDRLEN, &v, &len)), -EINVAL,
	       "a short version");
	tap_is(set_int(fd, SOL_PACKET, PACKET_RESERVE, 4), 0, "PACKET_RESERVE");
	tap_is(get_int(fd, SOL_PACKET, PACKET_RESERVE), 4, "it is kept");
	tap_is(set_int(fd, SOL_PACKET, PACKET_RESERVE, -1), -EINVAL, "a negative one");
	tap_is(set_int(fd, SOL_PACKET, PACKET_TIMESTAMP, 16), 0, "PACKET_TIMESTAMP");
	tap_is(get_int(fd, SOL_PACKET, PACKET_TIMESTAMP), 16, "it is kept");
	tap_is(set_int(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, 1), 0, "PACKET_IGNORE_OUTGOING");
	tap_is(set_int(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, 2), -EINVAL, "it is a bool");
	tap_is(set_int(fd, SOL_PACKET, PACKET_ORIGDEV, 5), 0, "PACKET_ORIGDEV");
	tap_is(get_int(fd, SOL_PACKET, PACKET_ORIGDEV), 1, "it is a bool");
	tap_is(set_int(fd, SOL_PACKET, 99, 1), -ENOPROTOOPT, "none of them");
	close(fd);
}

static void geometry(void)
{
	int fd = packet(SOCK_RAW);
	struct tpacket_req q = { BLOCK, BLOCKS, FRAME, BLOCKS * BLOCK / FRAME };

	tap_is(err(mmap(NULL, BLOCK, PROT_READ, MAP_SHARED, fd, 0)), -EINVAL,
	       "mmap without a ring");
	tap_is(err(setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &q, 8)), -EINVAL, "a short request");
	tap_is(set_ring(fd, BLOCK + 1, 1, FRAME, 8), -EINVAL, "a block that is no page");
	tap_is(set_ring(fd, BLOCK, 1, 16, BLOCK / 16), -EINVAL,
	       "frames without room for their header");
	tap_is(set_ring(fd, BLOCK, 1, 1001, 16), -EINVAL, "frames of an odd size");
	tap_is(set_ring(fd, BLOCK, 2, FRAME, 17), -EINVAL, "numbers that do not agree");
	tap_is(set_ring(fd, BLOCK, 1, 2 * BLOCK, 0), -EINVAL, "frames larger than a block");
	tap_is(set_ring(fd, 0, 0, 0, 1), -EINVAL, "no ring of one frame");
	tap_is(set_ring(fd, 0, 0, 0, 0), 0, "no ring");
	tap_is(err(setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &q, sizeof(q))), 0, "a ring");
	tap_is(err(setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &q, sizeof(q))), -EBUSY,
	       "a second one");
	tap_is(set_int(fd, SOL_PACKET, PACKET_VERSION, TPACKET_V2), -EBUSY, "another version");
	tap_is(set_int(fd, SOL_PACKET, PACKET_RESERVE, 8), -EBUSY, "another reserve");
	tap_is(err(mmap(NULL, BLOCK, PROT_READ, MAP_SHARED, fd, 0)), -EINVAL, "a part of it");
	tap_is(err(mmap(NULL, BLOCK * BLOCKS, PROT_READ, MAP_SHARED, fd, 4096)), -EINVAL,
	       "with an offset");
	tap_is(set_ring(fd, 0, 0, 0, 0), 0, "it goes");
	set_int(fd, SOL_PACKET, PACKET_VERSION, TPACKET_V3);
	tap_is(err(setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &q, sizeof(q))), -EINVAL,
	       "V3 wants a longer request");
	tap_is(set_ring(fd, BLOCK, BLOCKS, FRAME, BLOCKS * BLOCK / FRAME), 0, "a ring of blocks");
	close(fd);
}

/* V2: the next of our frames on its way in; the ring's position goes on. */
static struct tpacket2_hdr *next_v2(int fd, unsigned char *ring, int *at)
{
	for (;;) {
		struct tpacket2_hdr *h = (void *)(ring + *at * FRAME);
		struct sockaddr_ll *ll = (void *)((char *)h + TPACKET_ALIGN(sizeof(*h)));

		if (!(__atomic_load_n(&h->tp_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER)) {
			if (!events_in(fd, POLLIN, 500))
				return NULL;
			continue;
		}
		*at = (*at + 1) % (BLOCKS * BLOCK / FRAME);
		if (ll->sll_pkttype == PACKET_HOST && is_ours((unsigned char *)h + h->tp_mac))
			return h;
		h->tp_status = TP_STATUS_KERNEL;
	}
}

static void frames_v2(void)
{
	struct tpacket_stats st;
	socklen_t len = sizeof(st);
	int fd = packet(SOCK_RAW), at = 0, frames = BLOCKS * BLOCK / FRAME;
	struct tpacket2_hdr *h;
	struct timespec now;
	unsigned char *ring;

	set_int(fd, SOL_PACKET, PACKET_VERSION, TPACKET_V2);
	set_int(fd, SOL_PACKET, PACKET_RESERVE, 4);
	tap_is(set_ring(fd, BLOCK, BLOCKS, FRAME, frames), 0, "V2: a ring");
	ring = map(fd);
	bind_lo(fd);
	tap_is(events_of(fd, POLLIN), 0, "nothing yet");
	send_udp(100);
	tap_is(events_in(fd, POLLIN, 500), POLLIN, "poll sees it");
	h = next_v2(fd, ring, &at);
	if (!h)
		tap_bail("no frame");
	clock_gettime(CLOCK_REALTIME, &now);
	tap_is(h->tp_len, 14 + 28 + 100, "its length");
	tap_is(h->tp_snaplen, 14 + 28 + 100, "all of it is there");
	tap_says(h->tp_mac, "where the frame is");
	tap_says(h->tp_net, "where IP is");
	tap_ok(now.tv_sec - h->tp_sec < 5 && h->tp_nsec < 1000000000, "when it came");
	h->tp_status = TP_STATUS_KERNEL;
	send_udp(3000);
	h = next_v2(fd, ring, &at);
	tap_ok(h && h->tp_len == 14 + 28 + 3000, "a long one's length");
	tap_says(h ? h->tp_snaplen : 0, "as much as fits into a frame");
	h->tp_status = TP_STATUS_KERNEL;
	for (int i = 0; i < frames; i++)
		send_udp(10);
	sleep_ms(20);
	len = sizeof(st);
	tap_is(err(getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &st, &len)), 0,
	       "PACKET_STATISTICS");
	tap_is(len, 8, "two numbers");
	tap_ok(st.tp_packets >= 2 * (unsigned)frames && st.tp_drops > 0, "a full ring drops");
	tap_is(err(recv(fd, &st, sizeof(st), MSG_DONTWAIT)), -EAGAIN,
	       "nothing to receive beside it");
	munmap(ring, BLOCK * BLOCKS);
	close(fd);
}

static struct tpacket_block_desc *block_of(unsigned char *ring, int i)
{
	return (void *)(ring + i * BLOCK);
}

static bool is_users(const struct tpacket_block_desc *b)
{
	return __atomic_load_n(&b->hdr.bh1.block_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER;
}

static void look_at_block(struct tpacket_block_desc *b, bool by_time)
{
	struct tpacket3_hdr *p = (void *)((char *)b + b->hdr.bh1.offset_to_first_pkt);
	unsigned found = 0, n = 0;

	tap_is(b->version, TPACKET_V3, "a block's version");
	tap_says(b->offset_to_priv, "its private part");
	tap_says(b->hdr.bh1.offset_to_first_pkt, "its first packet");
	tap_is(b->hdr.bh1.seq_num, 1, "it is the first block");
	tap_is(!!(b->hdr.bh1.block_status & TP_STATUS_BLK_TMO), by_time, "why it was closed");
	for (;; p = (void *)((char *)p + p->tp_next_offset)) {
		n++;
		found += is_ours((unsigned char *)p + p->tp_mac);
		if (!p->tp_next_offset)
			break;
	}
	tap_is(n, b->hdr.bh1.num_pkts, "as many packets as it says");
	tap_is(found, 6, "three datagrams, on their way out and in");
	tap_says(p->tp_mac, "where a frame is");
	tap_ok((char *)p + p->tp_mac + p->tp_snaplen <= (char *)b + b->hdr.bh1.blk_len,
	       "its length");
	tap_ok(b->hdr.bh1.ts_first_pkt.ts_sec <= b->hdr.bh1.ts_last_pkt.ts_sec, "times");
}

static void blocks_v3(void)
{
	struct tpacket_stats_v3 st;
	socklen_t len = sizeof(st);
	int fd = packet(SOCK_RAW);
	unsigned char *ring;

	set_int(fd, SOL_PACKET, PACKET_VERSION, TPACKET_V3);
	tap_is(set_ring(fd, BLOCK, BLOCKS, FRAME, BLOCKS * BLOCK / FRAME), 0, "V3: a ring");
	ring = map(fd);
	bind_lo(fd);
	for (int i = 0; i < 3; i++)
		send_udp(100);
	tap_is(events_in(fd, POLLIN, 2000), POLLIN, "its time comes");
	tap_ok(is_users(block_of(ring, 0)), "the block is ours");
	look_at_block(block_of(ring, 0), true);
	block_of(ring, 0)->hdr.bh1.block_status = TP_STATUS_KERNEL;
	/* Four blocks hold some 64 KiB: more is dropped. */
	for (int i = 0; i < 24; i++)
		send_udp(4000);
	sleep_ms(20);
	tap_ok(is_users(block_of(ring, 1)) &&
	       !(block_of(ring, 1)->hdr.bh1.block_status & TP_STATUS_BLK_TMO),
	       "a full block does not wait");
	len = sizeof(st);
	tap_is(err(getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &st, &len)), 0,
	       "PACKET_STATISTICS");
	tap_is(len, 12, "three numbers");
	tap_ok(st.tp_packets >= 50 && st.tp_drops > 0 && st.tp_freeze_q_cnt > 0,
	       "drops, once it is full");
	close(fd);
	tap_ok(is_users(block_of(ring, 1)), "the mapping outlives the descriptor");
	munmap(ring, BLOCK * BLOCKS);
}

static void frames_v1(void)
{
	int fd = packet(SOCK_DGRAM);
	struct tpacket_hdr *h;
	unsigned char *ring;

	tap_is(set_ring(fd, BLOCK, BLOCKS, FRAME, BLOCKS * BLOCK / FRAME), 0,
	       "V1: a ring, without link headers");
	ring = map(fd);
	bind_lo(fd);
	send_udp(100);
	events_in(fd, POLLIN, 500);
	h = (void *)ring;
	tap_ok(h->tp_status & TP_STATUS_USER, "a frame");
	tap_is(h->tp_len, 28 + 100, "from IP on");
	tap_says(h->tp_mac, "where it is");
	tap_says(h->tp_net, "where IP is");
	tap_is(ring[h->tp_net], 0x45, "there it is");
	close(fd);
}

static bool any_is_users(unsigned char *ring)
{
	for (int i = 0; i < BLOCKS; i++)
		if (is_users(block_of(ring, i)))
			return true;
	return false;
}

/* Fork, and what user space scribbles over: the kernel goes on. */
static void abuse(void)
{
	int fd = packet(SOCK_RAW);
	unsigned char *ring;

	set_int(fd, SOL_PACKET, PACKET_VERSION, TPACKET_V3);
	set_ring(fd, BLOCK, BLOCKS, FRAME, BLOCKS * BLOCK / FRAME);
	ring = map(fd);
	bind_lo(fd);
	send_udp(100);
	memset(ring, 0xff, BLOCK * BLOCKS);
	for (int i = 0; i < 30; i++)
		send_udp(4000);
	memset(ring, 0, BLOCK * BLOCKS);
	for (int i = 0; i < 30; i++)
		send_udp(4000);
	tap_is(CODE(memset(ring, 0, BLOCK * BLOCKS); send_udp(50); sleep_ms(2 * RETIRE_MS);
		    _exit(!any_is_users(ring))), 0, "a child shares it");
	close(fd);
	munmap(ring, BLOCK * BLOCKS);
}

int main(void)
{
	loopback_up();
	lo_index = if_nametoindex("lo");
	bind_port(socket(AF_INET, SOCK_DGRAM, 0), AF_INET, PORT);
	options();
	geometry();
	frames_v2();
	blocks_v3();
	frames_v1();
	abuse();
	return tap_exit();
}
