/* SPDX-License-Identifier: MIT */
/*
 * growroot: make the root file system fill its card. For the first boot from an image.
 *
 * The root's partition, if it is the last one of a GPT, gets all that lies behind it; then the file
 * system is asked to fill the partition. A power cut leaves either state, and the next
 * run goes on from there: the table's copy at the end of the disk is written first, and complete,
 * so that one of the two is whole at any time; who finds the first one damaged takes the copy.
 *
 * Exit status 0: it is as large as it can be, or the root is on no partition.
 *
 * Source: UEFI 2.10, 5.3; Linux's include/uapi/linux/fs.h, blkpg.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/blkpg.h>
#include <linux/fs.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#define EXT4_IOC_RESIZE_FS	_IOW('f', 16, uint64_t)
#define SIGNATURE		"EFI PART"
#define MBR_TABLE		446
#define ALIGN_BYTES		(1 << 20)

struct header {
	char signature[8];
	uint32_t revision, header_bytes, header_crc, reserved;
	uint64_t my_block, other_block, first_usable, last_usable;
	uint8_t guid[16];
	uint64_t entries_block;
	uint32_t nr_entries, entry_bytes, entries_crc;
} __attribute__((packed));

struct entry {
	uint8_t type[16], guid[16];
	uint64_t first, last, attributes;
	uint16_t name[36];
} __attribute__((packed));

/* The disk and its table as it was read. */
static struct {
	int fd;
	uint32_t block_bytes;
	uint64_t blocks;
	struct header header;
	struct entry *entries;
	size_t table_bytes;		/* of the entries, in whole blocks */
} disk;

static void fail(const char *what)
{
	fprintf(stderr, "growroot: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint32_t crc32(const void *data, size_t n)
{
	const uint8_t *p = data;
	uint32_t crc = ~0u;

	while (n--) {
		crc ^= *p++;
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
	}
	return ~crc;
}

static void transfer(int writes, void *data, size_t n, uint64_t block)
{
	off_t at = (off_t)(block * disk.block_bytes);
	ssize_t done = writes ? pwrite(disk.fd, data, n, at) : pread(disk.fd, data, n, at);

	if (done != (ssize_t)n)
		fail(writes ? "writing the disk" : "reading the disk");
}

static void flush(void)
{
	if (fsync(disk.fd))
		fail("writing the disk");
}

/* --- the table --- */

static int header_is_good(struct header *h, uint64_t block)
{
	uint32_t crc = h->header_crc;
	int good;

	h->header_crc = 0;
	good = !memcmp(h->signature, SIGNATURE, sizeof(h->signature)) && h->my_block == block &&
		h->header_bytes == sizeof(*h) && h->entry_bytes == sizeof(struct entry) &&
		h->nr_entries && h->nr_entries <= 128 && crc32(h, sizeof(*h)) == crc;
	h->header_crc = crc;
	return good;
}

/* The header at block with its entries; 0: they are not right. */
static int read_table(uint64_t block)
{
	uint8_t *sector = malloc(disk.block_bytes);

	if (!sector)
		fail("memory");
	transfer(0, sector, disk.block_bytes, block);
	memcpy(&disk.header, sector, sizeof(disk.header));
	free(sector);
	if (!header_is_good(&disk.header, block))
		return 0;
	disk.table_bytes = disk.header.nr_entries * sizeof(struct entry);
	disk.table_bytes =
		(disk.table_bytes + disk.block_bytes - 1) / disk.block_bytes * disk.block_bytes;
	free(disk.entries);
	disk.entries = calloc(1, disk.table_bytes);
	if (!disk.entries)
		fail("memory");
	transfer(0, disk.entries, disk.table_bytes, disk.header.entries_block);
	return crc32(disk.entries, disk.header.nr_entries * sizeof(struct entry)) ==
	       disk.header.entries_crc;
}

/* A header that says where it is, and its entries. The header last: it makes them count. */
static void write_table(uint64_t block, uint64_t other, uint64_t entries_block)
{
	struct header *h = &disk.header;
	uint8_t *sector = calloc(1, disk.block_bytes);

	if (!sector)
		fail("memory");
	h->my_block = block;
	h->other_block = other;
	h->entries_block = entries_block;
	h->entries_crc = crc32(disk.entries, h->nr_entries * sizeof(struct entry));
	h->header_crc = 0;
	h->header_crc = crc32(h, sizeof(*h));
	memcpy(sector, h, sizeof(*h));
	transfer(1, disk.entries, disk.table_bytes, entries_block);
	flush();
	transfer(1, sector, disk.block_bytes, block);
	flush();
	free(sector);
}

/* The protective entry covers the disk, as far as its 32 bits can say. */
static void write_protective(void)
{
	uint8_t *sector = malloc(disk.block_bytes);
	uint32_t size = disk.blocks - 1 > UINT32_MAX ? UINT32_MAX : (uint32_t)(disk.blocks - 1);

	if (!sector)
		fail("memory");
	transfer(0, sector, disk.block_bytes, 0);
	if (sector[MBR_TABLE + 4] == 0xee) {
		memcpy(sector + MBR_TABLE + 12, &size, sizeof(size));
		transfer(1, sector, disk.block_bytes, 0);
		flush();
	}
	free(sector);
}

/* --- the partition --- */

static int is_last(unsigned number)
{
	static const uint8_t none[16];

	for (unsigned i = 0; i < disk.header.nr_entries; i++)
		if (memcmp(disk.entries[i].type, none, 16) &&
		    disk.entries[i].first > disk.entries[number - 1].first)
			return 0;
	return 1;
}

/* The last block it can have, so that it ends at a whole MiB. */
static uint64_t wanted_last(uint64_t usable)
{
	uint64_t align = ALIGN_BYTES / disk.block_bytes;

	return (usable + 1) / align * align - 1;
}

static void tell_kernel(unsigned number, const struct entry *e)
{
	struct blkpg_partition part = {
		.start = (long long)(e->first * disk.block_bytes),
		.length = (long long)((e->last - e->first + 1) * disk.block_bytes),
		.pno = (int)number,
	};
	struct blkpg_ioctl_arg arg = { .op = BLKPG_RESIZE_PARTITION, .datalen = sizeof(part), .data = &part };

	if (ioctl(disk.fd, BLKPG, &arg))
		fail("the partition's new size");
}

static void grow_partition(unsigned number)
{
	uint64_t end = disk.blocks - 1, table_blocks, usable;
	struct entry *e;

	if (!read_table(1) && !read_table(end))
		return;
	if (number > disk.header.nr_entries || !is_last(number))
		return;
	e = &disk.entries[number - 1];
	table_blocks = disk.table_bytes / disk.block_bytes;
	usable = end - table_blocks - 1;
	if (wanted_last(usable) > e->last) {
		e->last = wanted_last(usable);
		disk.header.last_usable = usable;
		write_table(end, 1, end - table_blocks);
		write_table(1, end, 2);
		write_protective();
		printf("growroot: partition %u ends at block %llu now\n", number,
		       (unsigned long long)e->last);
	} else if (disk.header.my_block != 1) {
		write_table(1, end, 2);		/* a cut came between the copy and the first one */
	}
	tell_kernel(number, e);
}

/* --- finding them --- */

static unsigned long long number_in(const char *format, const char *name)
{
	char path[300];
	unsigned long long n = 0;
	FILE *f;

	snprintf(path, sizeof(path), format, name);
	f = fopen(path, "r");
	if (!f || fscanf(f, "%llu", &n) != 1)
		n = 0;
	if (f)
		fclose(f);
	return n;
}

/* The partition that / is on, as sysfs has it: .../block/DISK/PARTITION. Its number; 0: none. */
static unsigned find_root(char *disk_path, size_t size, char *partition)
{
	char link[64], target[256], *name, *parent;
	struct stat root;
	ssize_t n;

	if (stat("/", &root))
		fail("/");
	snprintf(link, sizeof(link), "/sys/dev/block/%u:%u", major(root.st_dev),
		 minor(root.st_dev));
	n = readlink(link, target, sizeof(target) - 1);
	if (n <= 0)
		return 0;
	target[n] = 0;
	name = strrchr(target, '/');
	if (!name)
		return 0;
	*name++ = 0;
	parent = strrchr(target, '/');
	snprintf(partition, 64, "%.63s", name);
	snprintf(disk_path, size, "/dev/%s", parent ? parent + 1 : target);
	return (unsigned)number_in("/sys/class/block/%s/partition", name);
}

static void open_disk(const char *path)
{
	uint64_t bytes;
	int block;

	disk.fd = open(path, O_RDWR);
	if (disk.fd < 0 || ioctl(disk.fd, BLKSSZGET, &block) ||
	    ioctl(disk.fd, BLKGETSIZE64, &bytes))
		fail(path);
	disk.block_bytes = (uint32_t)block;
	disk.blocks = bytes / disk.block_bytes;
}

/* As many of its blocks as the partition has; what does not fit is not there. */
static void grow_fs(const char *partition)
{
	uint64_t blocks = number_in("/sys/class/block/%s/size", partition) * 512;
	int fd = open("/", O_RDONLY | O_DIRECTORY);
	struct statfs st;

	if (fd < 0 || fstatfs(fd, &st))
		fail("/");
	blocks /= (uint64_t)st.f_bsize;
	if (ioctl(fd, EXT4_IOC_RESIZE_FS, &blocks) && errno != EINVAL)
		fail("the file system's new size");
	close(fd);
}

int main(void)
{
	char path[300], partition[64];
	unsigned number;

	setvbuf(stdout, NULL, _IOLBF, 0);	/* a line is a record of the kernel's log, at once */
	number = find_root(path, sizeof(path), partition);
	if (!number)
		return 0;
	open_disk(path);
	grow_partition(number);
	grow_fs(partition);
	sync();
	return 0;
}
