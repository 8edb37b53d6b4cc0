/* SPDX-License-Identifier: MIT */
/*
 * Cards: from power-up to the state in which blocks are read and written.
 *
 *   SD      CMD0  CMD8 (2.00 and later answer)  ACMD41 until ready  CMD2  CMD3  CMD9
 *           CMD7  ACMD51  ACMD6 (4 bits)  CMD6 (high speed)
 *   eMMC    CMD0  CMD1 until ready              CMD2  CMD3  CMD9  CMD7  CMD8 (EXT_CSD)
 *           CMD6 (high speed, 8 or 4 bits)
 *   SPI     CMD0  CMD8  CMD59  ACMD41 until ready  CMD58  CMD9  CMD10  (one wire each way)
 *
 * A card that was in use before, by firmware or before an error, starts again at
 * CMD0. What it tells of itself is checked where a wrong number could harm: a
 * card may be damaged.
 *
 * Limit: 3.3 V and at most 50 MHz: no UHS, HS200 or HS400, and so no tuning; no boot or
 * RPMB partitions of eMMC, no SDIO; the write cache of an eMMC stays off.
 *
 * Source: SD Physical Layer Simplified Specification 6.00 (4.2 identification, 4.3.10 CMD6,
 * 5.3 CSD, 5.6 SCR, 7 SPI); JEDEC JESD84-B51 (6.4, 7.4 EXT_CSD).
 */
#include <drivers/mmc/mmc.h>
#include <kernel/lib/string.h>

#define IDENTIFY_HZ	400000
#define DEFAULT_HZ	25000000	/* before high speed */
#define HIGH_SPEED_HZ	50000000
#define READY_TRIES	200		/* of 10 ms: the specification gives a card one second */
#define READY_PAUSE_NS	(10 * NS_PER_MS)
/* of 1 ms: a write may keep a card busy for half a second */
#define SETTLE_TRIES	1000

#define CHECK_PATTERN	0x1aa		/* CMD8: 2.7-3.6 V, and bits to echo */
#define OCR_3V		0x00ff8000
#define OCR_HCS		BIT(30)		/* we and the card do addresses in blocks */
#define OCR_READY	BIT(31)

#define R1_ERRORS	0xfdf90000u	/* SD 4.10.1: bits that say a command went wrong */
#define R1_STATE(r)	((r) >> 9 & 15)
#define R1_READY	BIT(8)
#define STATE_TRANSFER	4
#define STATE_DATA	5		/* sends */
#define STATE_RECEIVE	6
#define SPI_R1_IDLE	BIT(0)
#define SPI_R1_ERRORS	0x7e

int mmc_r1_error(const struct mmc_host *h, u32 r1)
{
	return r1 & (h->is_spi ? SPI_R1_ERRORS : R1_ERRORS) ? -EIO : 0;
}

/* A command with R1, in transfer state; errors that the card reports count. */
static int command_r1(struct mmc_host *h, u32 opcode, u32 arg, u32 flags)
{
	u32 resp[4];
	int err = mmc_command(h, opcode, arg, flags, resp);

	return err ? err : mmc_r1_error(h, resp[0]);
}

static int app_command(struct mmc_host *h, u32 rca, u32 opcode, u32 arg, u32 flags, u32 *resp)
{
	int err = mmc_command(h, MMC_APP_CMD, rca, MMC_R1, NULL);

	return err ? err : mmc_command(h, opcode, arg, flags, resp);
}

/* A block of data that a card sends of itself, into h->scratch. */
static int read_register(struct mmc_host *h, u32 opcode, u32 arg, u32 bytes)
{
	struct mmc_request r = {
		.opcode = opcode, .arg = arg, .flags = MMC_R1, .blocks = 1, .block_bytes = bytes, .buf = h->scratch,
	};
	int err;

	memset(h->scratch, 0, bytes);
	err = mmc_wait(h, &r);
	return err ? err : mmc_r1_error(h, r.resp[0]);
}

/* Bits of a 128-bit register, most significant word first. At most 32. */
static u32 bits_of(const u32 *reg, u32 high, u32 low)
{
	u64 value = reg[3 - low / 32];

	if (high / 32 != low / 32)
		value |= (u64)reg[3 - high / 32] << 32;
	return (u32)(value >> (low % 32) & GENMASK(high - low, 0));
}

/* --- capacity and name --- */

/* Sectors by the CSD; 0 where it makes no sense. SD 5.3.2, 5.3.3. */
static sector_t csd_sectors(const u32 *csd, enum mmc_kind kind)
{
	u32 structure = bits_of(csd, 127, 126), block_bits = bits_of(csd, 83, 80);
	u64 bytes;

	if (kind == MMC_SD && structure == 1)
		return ((sector_t)bits_of(csd, 69, 48) + 1) * 1024;
	if (block_bits < 9 || block_bits > 11 || (kind == MMC_SD && structure))
		return 0;
	bytes = ((u64)bits_of(csd, 73, 62) + 1) << (bits_of(csd, 49, 47) + 2 + block_bits);
	return bytes >> SECTOR_SHIFT;
}

/* The product name: five letters on SD, six on eMMC. */
static void read_name(struct mmc_card *card)
{
	u32 letters = card->kind == MMC_SD ? 5 : 6;

	for (u32 i = 0; i < letters; i++) {
		char c = (char)bits_of(card->cid, 103 - 8 * i, 96 - 8 * i);

		card->name[i] = c > ' ' && c <= '~' ? c : ' ';
	}
	card->name[letters] = 0;
}

/* --- to the identification state --- */

static int sd_wait_ready(struct mmc_host *h, bool version_2, u32 *ocr)
{
	u32 arg = (h->is_spi ? 0 : OCR_3V) | (version_2 ? OCR_HCS : 0), resp[4];

	for (u32 i = 0; i < READY_TRIES; i++) {
		int err = app_command(h, 0, SD_APP_OP_COND, arg, MMC_R3, resp);

		if (err)
			return err;
		if (h->is_spi ? !(resp[0] & SPI_R1_IDLE) : resp[0] & OCR_READY) {
			*ocr = resp[0];
			return 0;
		}
		thread_sleep_ns(READY_PAUSE_NS);
	}
	return -ETIMEDOUT;
}

static int emmc_wait_ready(struct mmc_host *h, u32 *ocr)
{
	u32 resp[4];

	for (u32 i = 0; i < READY_TRIES; i++) {
		int err = mmc_command(h, MMC_SEND_OP_COND, OCR_3V | OCR_HCS, MMC_R3, resp);

		if (err)
			return err;
		if (resp[0] & OCR_READY) {
			*ocr = resp[0];
			return 0;
		}
		thread_sleep_ns(READY_PAUSE_NS);
	}
	return -ETIMEDOUT;
}

/* True: a card of version 2.00 or later, which echoes what it was sent. */
static bool answers_if_cond(struct mmc_host *h)
{
	u32 resp[4];

	return !mmc_command(h, SD_SEND_IF_COND, CHECK_PATTERN, MMC_R7 | MMC_SPI_WORD, resp) &&
		((h->is_spi ? resp[1] : resp[0]) & 0xfff) == CHECK_PATTERN;
}

/* CMD0 and what follows, to a card that is ready and known as SD or eMMC. */
static int wake_card(struct mmc_host *h, struct mmc_card *card, u32 *ocr)
{
	int err = mmc_command(h, MMC_GO_IDLE, 0, (h->is_spi ? MMC_RESP : 0) | MMC_INIT, NULL);
	bool version_2;

	if (err)
		return err;
	card->kind = MMC_SD;
	if (!h->no_sd) {
		version_2 = answers_if_cond(h);
		err = h->is_spi ? mmc_command(h, SPI_CRC_ON_OFF, 1, MMC_R1, NULL) : 0;
		if (!err)
			err = sd_wait_ready(h, version_2, ocr);
		if (!err || h->no_mmc || h->is_spi)
			return err;
	}
	card->kind = MMC_EMMC;
	err = mmc_command(h, MMC_GO_IDLE, 0, MMC_INIT, NULL);
	return err ? err : emmc_wait_ready(h, ocr);
}

/* Address and capacity; the card is selected at the end. */
static int address_card(struct mmc_host *h, struct mmc_card *card)
{
	u32 resp[4];
	int err = mmc_command(h, MMC_ALL_SEND_CID, 0, MMC_R2, card->cid);

	if (err)
		return err;
	card->rca = 1u << 16;		/* an SD card chooses its own */
	err = mmc_command(h, MMC_SET_RCA, card->kind == MMC_SD ? 0 : card->rca, MMC_R6, resp);
	if (err)
		return err;
	if (card->kind == MMC_SD)
		card->rca = resp[0] & 0xffff0000u;
	err = mmc_command(h, MMC_SEND_CSD, card->rca, MMC_R2, card->csd);
	return err ? err : mmc_command(h, MMC_SELECT, card->rca, MMC_R1B, NULL);
}

/* --- speed and width --- */

static int sd_switch_speed(struct mmc_host *h, struct mmc_card *card)
{
	const u8 *status = h->scratch;
	int err = read_register(h, MMC_SWITCH, 0x00fffff1, 64);

	/* 4.3.10.4: bit 401 of 512, the first byte is bits 511:504: can high speed be chosen? */
	if (err || !(status[13] & BIT(1)))
		return err;
	err = read_register(h, MMC_SWITCH, 0x80fffff1, 64);
	card->high_speed = !err && (status[16] & 15) == 1;
	return err;
}

static int sd_configure(struct mmc_host *h, struct mmc_card *card)
{
	const u8 *scr = h->scratch;
	bool can_4_bits, can_switch;
	u32 resp[4];
	int err = mmc_command(h, MMC_APP_CMD, card->rca, MMC_R1, NULL);

	if (!err)
		err = read_register(h, SD_APP_SEND_SCR, 0, 8);
	if (err)
		return err;
	can_switch = (scr[0] & 15) >= 1;
	can_4_bits = scr[1] & BIT(2);
	if (can_4_bits && h->max_width >= 4) {
		err = app_command(h, card->rca, SD_APP_SET_BUS_WIDTH, 2, MMC_R1, resp);
		if (!err)
			err = mmc_r1_error(h, resp[0]);
		if (err)
			return err;
		card->width = 4;
		h->ops->set_width(h, 4);
	}
	return can_switch && h->high_speed ? sd_switch_speed(h, card) : 0;
}

/* EXT_CSD bytes, 7.4 */
#define EXT_BUS_WIDTH	183
#define EXT_HS_TIMING	185
#define EXT_CARD_TYPE	196
#define EXT_SECTORS	212

static int emmc_switch(struct mmc_host *h, const struct mmc_card *card, u32 index, u32 value)
{
	int err = command_r1(h, MMC_SWITCH, 3u << 24 | index << 16 | value << 8, MMC_R1B);

	return err ? err : mmc_card_settle(h, card);
}

static int emmc_configure(struct mmc_host *h, struct mmc_card *card)
{
	const u8 *ext = h->scratch;
	u32 width = h->max_width >= 8 ? 8 : h->max_width >= 4 ? 4 : 1;
	int err = read_register(h, MMC_SEND_EXT_CSD, 0, 512);

	if (err)
		return err;
	if (card->by_block)
		card->sectors = ext[EXT_SECTORS] | (u32)ext[EXT_SECTORS + 1] << 8 |
				(u32)ext[EXT_SECTORS + 2] << 16 | (u32)ext[EXT_SECTORS + 3] << 24;
	if (h->high_speed && (ext[EXT_CARD_TYPE] & 3)) {
		err = emmc_switch(h, card, EXT_HS_TIMING, 1);
		card->high_speed = !err;
	}
	if (!err && width > 1) {
		err = emmc_switch(h, card, EXT_BUS_WIDTH, width == 8 ? 2 : 1);
		card->width = err ? 1 : width;
		h->ops->set_width(h, card->width);
	}
	return err;
}

/* --- the SPI way --- */

static u32 big_endian(const u8 *p)
{
	return (u32)p[0] << 24 | (u32)p[1] << 16 | (u32)p[2] << 8 | p[3];
}

static int spi_read_128(struct mmc_host *h, u32 opcode, u32 *reg)
{
	int err = read_register(h, opcode, 0, 16);

	for (u32 i = 0; i < 4; i++)
		reg[i] = big_endian(h->scratch + 4 * i);
	return err;
}

static int spi_configure(struct mmc_host *h, struct mmc_card *card)
{
	u32 resp[4];
	int err = mmc_command(h, SPI_READ_OCR, 0, MMC_R3 | MMC_SPI_WORD, resp);

	card->by_block = resp[1] & OCR_HCS;
	if (!err)
		err = spi_read_128(h, MMC_SEND_CSD, card->csd);
	if (!err)
		err = spi_read_128(h, MMC_SEND_CID, card->cid);
	card->sectors = csd_sectors(card->csd, card->kind);
	return err;
}

/* --- all of it --- */

static int native_configure(struct mmc_host *h, struct mmc_card *card)
{
	int err = address_card(h, card);

	if (err)
		return err;
	h->ops->set_clock(h, min_t(u32, h->max_hz, DEFAULT_HZ));
	card->sectors = csd_sectors(card->csd, card->kind);
	return card->kind == MMC_SD ? sd_configure(h, card) : emmc_configure(h, card);
}

int mmc_card_identify(struct mmc_host *h, struct mmc_card *card)
{
	u32 ocr = 0;
	int err;

	*card = (struct mmc_card){ .width = 1 };
	err = h->ops->reset(h);		/* without a card it counts as well: it may tell of one */
	if (err)
		return err;
	if (h->ops->card_present && !h->ops->card_present(h))
		return -ENODEV;
	h->ops->set_width(h, 1);
	h->ops->set_clock(h, IDENTIFY_HZ);
	err = wake_card(h, card, &ocr);
	if (err)
		return err == -ETIMEDOUT ? -ENODEV : err;
	card->by_block = ocr & OCR_HCS;
	err = h->is_spi ? spi_configure(h, card) : native_configure(h, card);
	if (err)
		return err;
	h->ops->set_clock(h, min_t(u32, h->max_hz, card->high_speed ? HIGH_SPEED_HZ : DEFAULT_HZ));
	if (!card->by_block)
		err = command_r1(h, MMC_SET_BLOCKLEN, MMC_BLOCK, MMC_R1);
	card->write_protected = bits_of(card->csd, 13, 12) ||
				(h->ops->is_read_only && h->ops->is_read_only(h));
	read_name(card);
	return err ? err : card->sectors ? 0 : -EIO;
}

int mmc_card_settle(struct mmc_host *h, const struct mmc_card *card)
{
	u32 resp[4];

	for (u32 i = 0; i < SETTLE_TRIES; i++) {
		int err = mmc_command(h, MMC_SEND_STATUS, card->rca, MMC_R1, resp);
		u32 state = R1_STATE(resp[0]);

		if (err)
			return err;
		if (h->is_spi)		/* one that has just got its power: not the card that it was */
			return resp[0] & SPI_R1_IDLE ? -ENODEV : 0;
		if ((resp[0] & R1_READY) && state == STATE_TRANSFER)
			return 0;
		/* Nobody wants that data any more. The answer shows in the next status. */
		if (state == STATE_DATA || state == STATE_RECEIVE)
			mmc_command(h, MMC_STOP_TRANSMISSION, 0, MMC_R1B | MMC_STOP, NULL);
		else
			thread_sleep_ns(NS_PER_MS);
	}
	return -ETIMEDOUT;
}
