/* SPDX-License-Identifier: MIT */
/*
 * SD cards and eMMC: requests between the card protocol and host controllers.
 *
 *	disk.c	block device: bios become requests, errors are retried
 *	card.c	identification, bus width, speed
 *	host.c	one request at a time, waiting for it; cards that come and go
 *	hosts	dw_mshc.c, sdhci.c with dma_host.c; spi.c
 *
 * A host carries out one request at a time. Who may start one: without a disk, the thread that
 * identifies a card (probe, then the slot's work); with one, who has set its busy: who gives it a
 * request, its recovery, the slot's work.
 */
#pragma once
#include <drivers/block/block.h>
#include <drivers/core/driver.h>
#include <kernel/irq/irq.h>

struct mmc_host;

/* What a response is. SPI hosts give R1's byte in resp[0], and the word after it in resp[1]. */
#define MMC_RESP	BIT(0)	/* there is one */
#define MMC_RESP_LONG	BIT(1)	/* of 128 bits */
#define MMC_RESP_CRC	BIT(2)	/* with a checksum that holds */
#define MMC_RESP_BUSY	BIT(3)	/* and the card may be busy after it */
#define MMC_R1		(MMC_RESP | MMC_RESP_CRC)
#define MMC_R1B		(MMC_R1 | MMC_RESP_BUSY)
#define MMC_R2		(MMC_RESP | MMC_RESP_CRC | MMC_RESP_LONG)
#define MMC_R3		MMC_RESP
#define MMC_R6		MMC_R1
#define MMC_R7		MMC_R1
#define MMC_INIT	BIT(4)	/* 80 clocks before it: the first command of a card */
#define MMC_STOP	BIT(5)	/* it ends a transfer: sent at once */
#define MMC_WRITE	BIT(6)
#define MMC_AUTO_STOP	BIT(7)	/* the host ends a transfer of blocks by a CMD12 of its own */
#define MMC_SPI_WORD	BIT(8)	/* on SPI four bytes follow R1: R3, R7 */

struct mmc_request {
	/* The starter's, before. */
	u32 opcode, arg, flags;
	u32 blocks, block_bytes;	/* 0 blocks: no data */
	struct bio *bio;		/* the data: of a bio and those chained to it, */
	void *buf;			/* or of one buffer below 4 GiB, within a page */
	void (*done)(struct mmc_request *r);	/* any context */
	void *private;

	/* The host's, after. */
	u32 resp[4];			/* long: most significant word first */
	u32 stop_resp;			/* R1 of the host's own CMD12; 0: none, or SPI */
	int err;	/* 0, -ETIMEDOUT (no answer), -EILSEQ (checksum), -EIO, -ENOMEM (data not mapped) */
};

struct mmc_host_ops {
	/*
	 * Begin; mmc_request_done() will be called, before this returns only with an error.
	 * Context: any, spinlocks up to RANK_BLOCKQ held.
	 */
	void (*start)(struct mmc_host *h, struct mmc_request *r);
	/* The rest: thread context, no request under way. */
	int (*reset)(struct mmc_host *h);	/* the controller; 0 or -ETIMEDOUT */
	void (*set_clock)(struct mmc_host *h, u32 hz);	/* the nearest that is not above */
	void (*set_width)(struct mmc_host *h, u32 bits);
	bool (*card_present)(struct mmc_host *h);	/* NULL: who knows */
	/* The request under way, if there is one, ends with -ENODEV. NULL: it soon ends by itself. */
	void (*cancel)(struct mmc_host *h);
	bool (*is_read_only)(struct mmc_host *h);	/* the card's switch; NULL: never */
};

enum mmc_kind { MMC_SD, MMC_EMMC };

struct mmc_card {
	enum mmc_kind kind;
	u32 rca;			/* address in bits 31:16 */
	u32 cid[4], csd[4];
	bool by_block;			/* addresses are blocks of 512, not bytes */
	bool high_speed, write_protected;
	u32 width;
	sector_t sectors;
	char name[8];
};

struct mmc_host {
	/* Filled by the host's driver. */
	const struct mmc_host_ops *ops;
	struct device *dev;
	u32 max_hz, max_width;
	bool high_speed;		/* the board's wires bear 50 MHz */
	bool is_spi, no_sd, no_mmc;
	u32 max_segments, max_sectors;	/* of a request */
	bool can_change;		/* cards come and go, */
	bool tells_changes;		/* card_present tells, and it calls mmc_slot_changed() */

	u32 number;			/* of mmcblk<number> */

	/* Only by who may start requests. */
	struct mmc_card card;
	u8 *scratch;			/* a page below 4 GiB for small transfers */

	/* Only by the slot's work, after probe. */
	struct delayed_work slot_work;
	struct mmc_disk *disk;		/* of the card that is there; NULL: none, or not usable */
	struct list_head past_disks;	/* of cards that have gone */
	atomic_t tried;			/* and not usable; cleared by any change */
	int last_error;			/* of the last card that was tried */
};

/*
 * Identify the card and register its disk. 0: also where there is no card, but one may be put in;
 * -ENODEV: no card for ever. Boot thread.
 */
int __must_check mmc_host_register(struct mmc_host *h);
/* A card was put in or pulled out, or so it seems. Any context, locks below RANK_TIMER. */
void mmc_slot_changed(struct mmc_host *h);
void mmc_request_done(struct mmc_request *r, int err);		/* by the host. Any context */
int mmc_wait(struct mmc_host *h, struct mmc_request *r);	/* start, sleep until done; r->err */
/* A command without data. resp may be NULL. Thread context. */
int mmc_command(struct mmc_host *h, u32 opcode, u32 arg, u32 flags, u32 *resp);

/* --- card.c: thread context --- */
/* From power-up to transfer state. 0; -ENODEV: nothing answers; other -errno. */
int mmc_card_identify(struct mmc_host *h, struct mmc_card *card);
/* End a transfer that went wrong, and wait until the card is ready for the next. */
int mmc_card_settle(struct mmc_host *h, const struct mmc_card *card);
/* The errors in an R1 response: -errno, or 0. */
int mmc_r1_error(const struct mmc_host *h, u32 r1);

/* --- disk.c --- */
/* The number of a host's disks, for the tree's node; MAX: there are no more. Boot thread. */
u32 mmc_disk_number(const struct device *dev);
#define MMC_MAX_DISKS	8
/* A disk for h->card: h->disk. Thread context. */
int __must_check mmc_disk_add(struct mmc_host *h);
/*
 * h->disk is without a card from now on: no request of it reaches the host any more. -EBUSY: one is
 * under way, whose end was hastened: again, soon. 0: h->disk is NULL. Thread context.
 */
int __must_check mmc_disk_remove(struct mmc_host *h);
/* Does the card of h->disk still answer, as the one it was? -EBUSY: it does something. */
int mmc_disk_check(struct mmc_host *h);

/* Commands of the cards: SD physical layer 6.00 4.7.4; e.MMC 5.1 6.10.4. */
enum {
	MMC_GO_IDLE = 0, MMC_SEND_OP_COND = 1, MMC_ALL_SEND_CID = 2, MMC_SET_RCA = 3, MMC_SWITCH = 6,
	SD_APP_SET_BUS_WIDTH = 6, MMC_SELECT = 7, MMC_SEND_EXT_CSD = 8, SD_SEND_IF_COND = 8, MMC_SEND_CSD = 9,
	MMC_SEND_CID = 10, MMC_STOP_TRANSMISSION = 12, MMC_SEND_STATUS = 13, MMC_SET_BLOCKLEN = 16,
	MMC_READ = 17, MMC_READ_MULTIPLE = 18, MMC_WRITE_BLOCK = 24, MMC_WRITE_MULTIPLE = 25,
	SD_APP_OP_COND = 41, SD_APP_SEND_SCR = 51, MMC_APP_CMD = 55, SPI_READ_OCR = 58, SPI_CRC_ON_OFF = 59,
};
#define MMC_BLOCK	512
