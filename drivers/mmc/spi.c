/* SPDX-License-Identifier: MIT */
/*
 * A card on an SPI bus (mmc-spi-slot): one wire each way, and the card's SPI mode.
 *
 *   command	0x40 | opcode, argument, CRC7; then up to 8 bytes until R1 (top bit 0)
 *   read	token 0xfe, block, CRC16; many: until a CMD12
 *   write	token 0xfe (0xfc: many), block, CRC16; the card answers and is busy (0x00) until
 *		it is not; many: until token 0xfd
 *
 * A request is carried out by a work, byte by byte: the buses we have are without DMA.
 * Checksums are sent and checked both ways. The slot does not tell of its card: host.c looks.
 *
 * Source: SD Physical Layer Simplified Specification 6.00, chapter 7; 4.5 for the CRCs.
 */
#include <arch/time.h>
#include <drivers/mmc/mmc.h>
#include <drivers/spi/spi.h>
#include <kernel/lib/string.h>
#include <kernel/time/hrtimer.h>

#define R1_START	0x80		/* clear in an R1 byte */
#define R1_TRIES	9
#define TOKEN_BLOCK	0xfe
#define TOKEN_BLOCKS	0xfc		/* of a multiple write */
#define TOKEN_STOP	0xfd
#define WRITE_ANSWER(b)	((b) & 0x1f)
#define WRITE_GOOD	0x05
#define WRITE_BAD_CRC	0x0b
#define READ_NS		(200 * NS_PER_MS)	/* the specification allows 100 ms */
#define BUSY_NS		(1 * NS_PER_SEC)	/* 500 ms */
#define SPIN_BYTES	64		/* looks in a row before the thread sleeps */
#define PAUSE_NS	(100 * NS_PER_US)
#define POWER_UP_BYTES	10		/* 80 clocks, deselected */

#define MAX_SEGMENTS	64
#define MAX_SECTORS	256		/* chosen: a request keeps a worker 50 ms at 20 MHz */

struct mmc_spi {
	struct mmc_host host;
	/* Constant after probe. */
	struct spi_bus *bus;
	u32 chip_select;

	struct mmc_request *req;	/* from start() to done; the work's */
	struct work work;
};

static u16 crc16_table[256];		/* written by the boot thread */

/* --- checksums --- */

static u8 crc7(const u8 *p, u32 len)
{
	u8 crc = 0;

	for (; len--; p++)
		for (u8 bit = 0x80; bit; bit >>= 1)
			crc = (u8)(crc << 1 ^ (!!(crc & 0x40) != !!(*p & bit) ? 0x09 : 0)) & 0x7f;
	return crc;
}

/* x^16 + x^12 + x^5 + 1 */
static void crc16_init(void)
{
	for (u32 i = 0; i < 256; i++) {
		u32 crc = i << 8;

		for (u32 bit = 0; bit < 8; bit++)
			crc = crc << 1 ^ (crc & 0x8000 ? 0x1021 : 0);
		crc16_table[i] = (u16)crc;
	}
}

static u16 crc16(const u8 *p, u32 len)
{
	u16 crc = 0;

	for (; len--; p++)
		crc = (u16)(crc << 8 ^ crc16_table[(u8)(crc >> 8) ^ *p]);
	return crc;
}

/* --- bytes --- */

static void send(struct mmc_spi *s, const void *p, u32 len)
{
	s->bus->ops->exchange(s->bus, p, NULL, len);
}

static void receive(struct mmc_spi *s, void *p, u32 len)
{
	s->bus->ops->exchange(s->bus, NULL, p, len);
}

static u8 next(struct mmc_spi *s)
{
	u8 b;

	receive(s, &b, 1);
	return b;
}

/* The first byte that is not `idle`; idle itself when the time is up. */
static u8 wait_not(struct mmc_spi *s, u8 idle, ktime_t ns)
{
	ktime_t end = ktime_get() + ns;
	u8 b;

	for (;;) {
		for (u32 i = 0; i < SPIN_BYTES; i++) {
			b = next(s);
			if (b != idle)
				return b;
		}
		if (ktime_get() > end)
			return idle;
		thread_sleep_ns(PAUSE_NS);
	}
}

/* Until the card lets go of its line. Its last byte may be in the middle of it: all ones count. */
static int wait_ready(struct mmc_spi *s)
{
	ktime_t end = ktime_get() + BUSY_NS;

	while (wait_not(s, 0, BUSY_NS) != 0xff)
		if (ktime_get() > end)
			return -ETIMEDOUT;
	return 0;
}

/* --- a request --- */

static int send_command(struct mmc_spi *s, u32 opcode, u32 arg, u32 *r1)
{
	u8 frame[6] = { (u8)(0x40 | opcode), (u8)(arg >> 24), (u8)(arg >> 16), (u8)(arg >> 8), (u8)arg };

	frame[5] = (u8)(crc7(frame, 5) << 1 | 1);
	send(s, frame, sizeof(frame));
	if (opcode == MMC_STOP_TRANSMISSION)
		next(s);		/* of the block that was coming */
	for (u32 i = 0; i < R1_TRIES; i++) {
		*r1 = next(s);
		if (!(*r1 & R1_START))
			return 0;
	}
	return -ETIMEDOUT;
}

static int read_block(struct mmc_spi *s, u8 *p, u32 len)
{
	u8 token = wait_not(s, 0xff, READ_NS), crc[2];

	if (token != TOKEN_BLOCK)
		return token == 0xff ? -ETIMEDOUT : -EIO;
	receive(s, p, len);
	receive(s, crc, sizeof(crc));
	return (crc[0] << 8 | crc[1]) == crc16(p, len) ? 0 : -EILSEQ;
}

static int write_block(struct mmc_spi *s, const u8 *p, u32 len, u8 token)
{
	u16 sum = crc16(p, len);
	u8 crc[2] = { (u8)(sum >> 8), (u8)sum }, answer;

	next(s);			/* N_WR, 7.5: a byte between an answer and a token */
	send(s, &token, 1);
	send(s, p, len);
	send(s, crc, sizeof(crc));
	answer = WRITE_ANSWER(wait_not(s, 0xff, READ_NS));
	if (answer != WRITE_GOOD)
		return answer == WRITE_BAD_CRC ? -EILSEQ : -EIO;
	return wait_ready(s);
}

/* len is a multiple of the request's block. */
static int transfer_range(struct mmc_spi *s, struct mmc_request *r, u8 *p, u32 len)
{
	u8 token = r->flags & MMC_AUTO_STOP ? TOKEN_BLOCKS : TOKEN_BLOCK;
	int err = 0;

	for (; len && !err; p += r->block_bytes, len -= r->block_bytes)
		err = r->flags & MMC_WRITE ? write_block(s, p, r->block_bytes, token) :
			read_block(s, p, r->block_bytes);
	return err;
}

static int transfer(struct mmc_spi *s, struct mmc_request *r)
{
	if (!r->bio)
		return transfer_range(s, r, r->buf, r->blocks * r->block_bytes);
	for (struct bio *bio = r->bio; bio; bio = bio->chain)
		for (u32 i = 0; i < bio->nr_vecs; i++) {
			struct bio_vec *v = &bio->vecs[i];
			int err = transfer_range(s, r, (u8 *)page_address(v->page) + v->offset,
						 v->len);

			if (err)
				return err;
		}
	return 0;
}

/* End a multiple transfer, also one that went wrong. */
static int stop(struct mmc_spi *s, struct mmc_request *r)
{
	u8 token = TOKEN_STOP;
	u32 r1;
	int err;

	if (r->flags & MMC_WRITE) {
		send(s, &token, 1);
		next(s);
		return wait_ready(s);
	}
	err = send_command(s, MMC_STOP_TRANSMISSION, 0, &r1);
	return err ? err : wait_ready(s);
}

static int carry_out(struct mmc_spi *s, struct mmc_request *r)
{
	u8 word[4];
	int err = send_command(s, r->opcode, r->arg, &r->resp[0]), stop_err = 0;

	if (!err && r->opcode == MMC_SEND_STATUS)
		r->resp[1] = next(s);
	if (!err && (r->flags & MMC_SPI_WORD)) {
		receive(s, word, sizeof(word));
		r->resp[1] = (u32)word[0] << 24 | (u32)word[1] << 16 | (u32)word[2] << 8 | word[3];
	}
	if (err || !r->blocks || mmc_r1_error(&s->host, r->resp[0]))
		return err;
	err = transfer(s, r);
	if (r->flags & MMC_AUTO_STOP)
		stop_err = stop(s, r);
	return err ? err : stop_err;
}

static void run(struct work *w)
{
	struct mmc_spi *s = container_of(w, struct mmc_spi, work);
	struct mmc_request *r = s->req;
	int err;

	if (r->flags & MMC_INIT)
		s->bus->ops->exchange(s->bus, NULL, NULL, POWER_UP_BYTES);
	s->bus->ops->select(s->bus, true);
	err = carry_out(s, r);
	s->bus->ops->select(s->bus, false);
	next(s);			/* the card lets go of its line with a clock (7.1) */
	mmc_request_done(r, err);
}

/* --- the host's operations --- */

static void spi_start(struct mmc_host *h, struct mmc_request *r)
{
	struct mmc_spi *s = container_of(h, struct mmc_spi, host);

	s->req = r;
	work_queue(&s->work);
}

static int spi_reset(struct mmc_host *h)
{
	return 0;
}

static void spi_set_clock(struct mmc_host *h, u32 hz)
{
	struct mmc_spi *s = container_of(h, struct mmc_spi, host);

	s->bus->ops->setup(s->bus, s->chip_select, hz);
}

static void spi_set_width(struct mmc_host *h, u32 bits)
{
}

static const struct mmc_host_ops spi_ops = {
	.start = spi_start,
	.reset = spi_reset,
	.set_clock = spi_set_clock,
	.set_width = spi_set_width,
};

static int mmc_spi_probe(struct device *dev)
{
	struct mmc_spi *s = dev_zalloc(dev, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->bus = dev->parent ? spi_bus_of(dev->parent) : NULL;
	if (!s->bus)
		return -ENODEV;
	s->chip_select = dev_prop_u32(dev, "reg", 0);
	if (s->chip_select >= 32)
		return -EINVAL;
	crc16_init();
	work_init(&s->work, run);
	s->host = (struct mmc_host){
		.ops = &spi_ops, .dev = dev, .is_spi = true, .no_mmc = true, .max_width = 1,
		.max_hz = dev_prop_u32(dev, "spi-max-frequency", 20000000), .can_change = true,
		.max_segments = MAX_SEGMENTS, .max_sectors = MAX_SECTORS,
	};
	return mmc_host_register(&s->host);
}

static const char *const compatible[] = { "mmc-spi-slot", NULL };

DRIVER(mmc_spi) = {
	.name = "mmc-spi",
	.stage = STAGE_DEVICE,
	.compatible = compatible,
	.probe = mmc_spi_probe,
};
