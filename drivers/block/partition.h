/* SPDX-License-Identifier: MIT */
/* Partition tables: GPT and MBR. Pure parsing, so that it is tested and fuzzed on the host. */
#pragma once
#include <kernel/types.h>
#include <kernel/errno.h>

struct partition {
	sector_t start, sectors;	/* 512-byte units */
	u32 number;			/* as tools count: vda<number> */
	char uuid[37];
};

struct partition_source {
	/* One logical block. 0 or -errno. */
	int (*read)(void *ctx, u64 block, void *buf);
	void *ctx;
	u32 block_bytes;		/* 512 or 4096 */
	u64 blocks;
};

/* Fills out with at most max; their count, 0: no table, or -errno (-EIO, -ENOMEM). */
int partition_scan(const struct partition_source *src, struct partition *out, u32 max);
