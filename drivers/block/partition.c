/* SPDX-License-Identifier: MIT */
/*
 * Partition tables.
 *
 * GPT (UEFI 2.10, chapter 5): a header in block 1 and its copy in the last
 * block, each with a CRC over itself and over the array of entries. The first
 * that proves right wins. MBR: four entries in block 0; one of them may be an
 * extended partition, a chain of tables whose logical partitions count from 5.
 *
 * Nothing on the disk is believed: positions and sizes are checked against the
 * device, the chain has a bound, and partitions that leave the device are left out.
 */
#include <drivers/block/partition.h>
#include <kernel/lib/string.h>
#include <kernel/mm/alloc.h>
#include <kernel/printk.h>

#define GPT_SIGNATURE	0x5452415020494645ull	/* "EFI PART" */
#define GPT_MAX_ENTRIES	128			/* what every tool writes */
#define MBR_EXTENDED_MAX 64			/* bound of the chain */

struct gpt_header {
	u64 signature;
	u32 revision, header_bytes, header_crc, reserved;
	u64 my_block, other_block, first_usable, last_usable;
	u8 disk_guid[16];
	u64 entries_block;
	u32 nr_entries, entry_bytes, entries_crc;
} __packed;

struct gpt_entry {
	u8 type[16], guid[16];
	u64 first, last, attributes;
	u8 name[72];
} __packed;
_Static_assert(sizeof(struct gpt_entry) == 128, "UEFI 5.3.3");

struct mbr_entry {
	u8 status, chs_first[3], type, chs_last[3];
	u32 start, sectors;
} __packed;
_Static_assert(sizeof(struct mbr_entry) == 16, "UEFI 5.2.1");
#define MBR_TABLE	446
#define MBR_DISK_ID	440
#define MBR_PROTECTIVE	0xee

struct scan {
	const struct partition_source *src;
	struct partition *out;
	u32 max, count;
	u8 *block;			/* block_bytes of room */
};

/* CRC-32 of IEEE 802.3, reflected: some KiB at boot need no table. */
static u32 crc32_update(u32 crc, const u8 *p, size_t n)
{
	while (n--) {
		crc ^= *p++;
		for (unsigned bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
	}
	return crc;
}

static void add(struct scan *s, u64 first_block, u64 blocks, u32 number, const char *uuid)
{
	u32 scale = s->src->block_bytes / 512;

	if (!blocks || first_block >= s->src->blocks || blocks > s->src->blocks - first_block) {
		pr_warn("partition %u leaves the device: left out", number);
		return;
	}
	if (s->count == s->max)
		return;
	struct partition *p = &s->out[s->count++];
	*p = (struct partition){ first_block * scale, blocks * scale, number, "" };
	strscpy(p->uuid, uuid, sizeof(p->uuid));
}

/* Mixed-endian text form (UEFI, appendix A). */
static void guid_text(const u8 *g, char *out)
{
	snprintf(out, 37, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
		 g[3], g[2], g[1], g[0], g[5], g[4], g[7], g[6],
		 g[8], g[9], g[10], g[11], g[12], g[13], g[14], g[15]);
}

static bool gpt_header_ok(struct gpt_header *h, u64 block, const struct partition_source *src)
{
	u32 crc = h->header_crc;
	u32 table_blocks;

	if (h->signature != GPT_SIGNATURE || h->my_block != block ||
	    h->header_bytes < sizeof(*h) || h->header_bytes > src->block_bytes ||
	    h->entry_bytes != sizeof(struct gpt_entry) || h->nr_entries > GPT_MAX_ENTRIES)
		return false;
	h->header_crc = 0;
	if (~crc32_update(~0u, (u8 *)h, h->header_bytes) != crc)
		return false;
	table_blocks = DIV_ROUND_UP(h->nr_entries * h->entry_bytes, src->block_bytes);
	return h->entries_block < src->blocks && table_blocks <= src->blocks - h->entries_block;
}

static bool is_zero_guid(const u8 *g)
{
	static const u8 zero[16];

	return !memcmp(g, zero, sizeof(zero));
}

static void gpt_add_entries(struct scan *s, const struct gpt_entry *e, u32 nr)
{
	char uuid[37];

	for (u32 i = 0; i < nr; i++) {
		if (is_zero_guid(e[i].type))
			continue;
		if (e[i].last < e[i].first) {
			pr_warn("partition %u ends before it begins: left out", i + 1);
			continue;
		}
		guid_text(e[i].guid, uuid);
		add(s, e[i].first, e[i].last - e[i].first + 1, i + 1, uuid);
	}
}

/* 1: this header's table was read, 0: it is not right, or -errno. */
static int gpt_try(struct scan *s, u64 block)
{
	const struct partition_source *src = s->src;
	struct gpt_header h;
	u32 bytes, blocks;
	u8 *table;
	int err = src->read(src->ctx, block, s->block);

	if (err)
		return err;
	if (!gpt_header_ok((struct gpt_header *)s->block, block, src))
		return 0;
	memcpy(&h, s->block, sizeof(h));
	bytes = h.nr_entries * h.entry_bytes;
	blocks = DIV_ROUND_UP(bytes, src->block_bytes);
	table = kmalloc((size_t)blocks * src->block_bytes + 1, GFP_KERNEL);
	if (!table)
		return -ENOMEM;
	for (u32 i = 0; i < blocks && !err; i++)
		err = src->read(src->ctx, h.entries_block + i, table + i * src->block_bytes);
	if (!err && ~crc32_update(~0u, table, bytes) == h.entries_crc) {
		gpt_add_entries(s, (const struct gpt_entry *)table, h.nr_entries);
		err = 1;
	}
	kfree(table);
	return err;
}

static int gpt_scan(struct scan *s)
{
	int r = gpt_try(s, 1);

	if (r <= 0) {
		pr_warn("GPT damaged: using its copy at the device's end");
		r = gpt_try(s, s->src->blocks - 1);
	}
	return r;
}

static bool is_extended(u8 type)
{
	return type == 0x05 || type == 0x0f || type == 0x85;
}

static void mbr_uuid(u32 disk_id, u32 number, char *out)
{
	snprintf(out, 37, "%08x-%02x", disk_id, number);
}

/* Each table of the chain: one logical partition, and where the next table is. */
static int mbr_scan_extended(struct scan *s, u64 base, u32 disk_id)
{
	u64 at = base;
	char uuid[37];

	for (u32 n = 5; n < 5 + MBR_EXTENDED_MAX && at < s->src->blocks; n++) {
		struct mbr_entry e[2];
		int err = s->src->read(s->src->ctx, at, s->block);

		if (err)
			return err;
		if (s->block[510] != 0x55 || s->block[511] != 0xaa)
			break;
		memcpy(e, s->block + MBR_TABLE, sizeof(e));
		if (e[0].sectors) {
			mbr_uuid(disk_id, n, uuid);
			add(s, at + e[0].start, e[0].sectors, n, uuid);
		}
		if (!is_extended(e[1].type) || !e[1].start)
			break;
		at = base + e[1].start;
	}
	return 0;
}

static int mbr_scan(struct scan *s, const struct mbr_entry *e, u32 disk_id)
{
	char uuid[37];
	int err = 0;

	for (u32 i = 0; i < 4; i++) {
		if (!e[i].type || !e[i].sectors || is_extended(e[i].type))
			continue;
		mbr_uuid(disk_id, i + 1, uuid);
		add(s, e[i].start, e[i].sectors, i + 1, uuid);
	}
	for (u32 i = 0; i < 4 && !err; i++)
		if (is_extended(e[i].type))
			err = mbr_scan_extended(s, e[i].start, disk_id);
	return err;
}

/* A file system's boot sector has the same mark; a real table has sane status bytes. */
static bool mbr_plausible(const u8 *block, const struct mbr_entry *e)
{
	if (block[510] != 0x55 || block[511] != 0xaa)
		return false;
	for (u32 i = 0; i < 4; i++)
		if (e[i].status & 0x7f)
			return false;
	return true;
}

static int scan_tables(struct scan *s)
{
	struct mbr_entry e[4];
	u32 disk_id;
	int err = s->src->read(s->src->ctx, 0, s->block);

	if (err)
		return err;
	memcpy(e, s->block + MBR_TABLE, sizeof(e));
	memcpy(&disk_id, s->block + MBR_DISK_ID, sizeof(disk_id));
	if (!mbr_plausible(s->block, e))
		return 0;
	for (u32 i = 0; i < 4; i++)
		if (e[i].type == MBR_PROTECTIVE) {
			err = gpt_scan(s);
			return err < 0 ? err : 0;
		}
	return mbr_scan(s, e, disk_id);
}

int partition_scan(const struct partition_source *src, struct partition *out, u32 max)
{
	struct scan s = { .src = src, .out = out, .max = max };
	int err;

	if (src->blocks < 3)
		return 0;
	s.block = kmalloc(src->block_bytes, GFP_KERNEL);
	if (!s.block)
		return -ENOMEM;
	err = scan_tables(&s);
	kfree(s.block);
	return err ? err : (int)s.count;
}
