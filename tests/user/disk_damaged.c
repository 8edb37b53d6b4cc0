/* SPDX-License-Identifier: MIT */
/*
 * Damaged ext2 images: each is made from the stock image on /dev/vda by one to
 * three lies in its metadata, mounted, and used like any other. The kernel has to
 * answer with an error or with data, and must neither stop, nor hang, nor keep a
 * reference (the unmount succeeds) or memory.
 *
 * The image lies whole in memory here; a mutation is drawn from its number alone, so
 * that image N is the same in every run. /etc/images, "FIRST COUNT", picks others than
 * the usual ones (test_damaged.py); in notes, what image N did is told with its lies.
 */
#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/wait.h>
#include <time.h>
#include "tap.h"

#define IMAGE_MAX	(1024 * 1024)
#define IMAGE_S		15		/* longer than this is a hang */
#define DEPTH		8
#define NAMES		400		/* looked at in one image */
#define IMAGES		90

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;

static u8 stock[IMAGE_MAX], image[IMAGE_MAX];
static u32 bytes, block_bytes, blocks, inodes, inode_bytes, inode_table, block_bitmap, inode_bitmap;
static char lies[400];
static unsigned long long seed;

static u32 rnd(u32 below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (u32)(seed >> 20) % below;
}

static u32 get(u32 at) { u32 v; memcpy(&v, image + at, 4); return v; }
static u16 get16(u32 at) { u16 v; memcpy(&v, image + at, 2); return v; }
static void put(u32 at, u32 v) { memcpy(image + at, &v, 4); }
static void put16(u32 at, u16 v) { memcpy(image + at, &v, 2); }

static void __attribute__((format(printf, 1, 2))) lie(const char *format, ...)
{
	size_t n = strlen(lies);
	va_list args;

	va_start(args, format);
	vsnprintf(lies + n, sizeof(lies) - n, format, args);
	va_end(args);
}

/* --- lies --- */

/* A number nobody should believe, in place of old. */
static u32 hostile(u32 old)
{
	const u32 values[] = {
		0, 1, 2, 3, 0xffffffff, 0x7fffffff, 0x80000000, 0xffff, 0x8000, old + 1, old - 1, old * 2, old / 2,
		old ^ 1u << rnd(32), blocks, blocks - 1, blocks + 1, inodes, inodes + 1, block_bytes, block_bitmap,
		inode_bitmap, inode_table, inode_table + 1, block_bytes == 1024 ? 2 : 1, rnd(blocks), rnd(0xffffffff),
	};

	return values[rnd(ARRAY_SIZE(values))];
}

static u32 inode_at(u32 ino) { return inode_table * block_bytes + (ino - 1) * inode_bytes; }

static u32 used_inode(void)
{
	for (;;) {
		u32 ino = rnd(6) ? 11 + rnd(inodes - 11) : 2;

		if (get16(inode_at(ino)) && get16(inode_at(ino) + 26))
			return ino;
	}
}

static bool is(u32 ino, u32 type) { return (get16(inode_at(ino)) & 0xf000) == type; }

static void lie_super(void)
{
	/* The magic number and errors= (panic) are left: they do what they say. */
	u32 at;

	do
		at = rnd(26);
	while (at == 14 || at == 15);
	lie(" super[%u]=%#x", at, 0);
	put(1024 + at * 4, hostile(get(1024 + at * 4)));
	lie("->%#x", get(1024 + at * 4));
}

static void lie_group(void)
{
	u32 at = (1024 / block_bytes + 1) * block_bytes + rnd(5) * 4;

	put(at, hostile(get(at)));
	lie(" group[%u]=%#x", at % 32 / 4, get(at));
}

static void lie_bitmap(void)
{
	u32 at = (rnd(2) ? block_bitmap : inode_bitmap) * block_bytes, how = rnd(3);

	lie(" bitmap %u how %u", at / block_bytes, how);
	if (how < 2)
		memset(image + at, how ? 0xff : 0, block_bytes);
	else
		for (int i = 0; i < 20; i++)
			image[at + rnd(blocks / 8)] ^= (u8)rnd(256);
}

static void lie_inode(void)
{
	static const u8 fields[] = { 0, 4, 4, 24, 28, 32, 40, 44, 48, 84, 88, 92, 96, 104, 108, 108, 128 };
	u32 ino = used_inode(), field = fields[rnd(ARRAY_SIZE(fields))], at = inode_at(ino) + field;

	if (field == 0 || field == 24) {
		u32 half = at + (field ? 2 : 0);

		put16(half, rnd(2) ? (u16)hostile(get16(half)) : (u16)(rnd(16) << 12 | 0777));
	} else {
		put(at, hostile(get(at)));
	}
	lie(" inode %u field %u=%#x", ino, field, get(at));
}

/* Pointers into what is in use: another's block, itself, a directory, metadata. */
static void lie_pointer(void)
{
	u32 ino = used_inode(), other = used_inode(), from = rnd(15), to = rnd(15), at = inode_at(ino) + 40 + from * 4;
	u32 v = get(inode_at(other) + 40 + to * 4);

	put(at, v && v < blocks ? v : inode_table);
	lie(" inode %u block[%u]=%u", ino, from, get(at));
}

static void lie_indirect(void)
{
	u32 ino, top, at, level;

	for (int tries = 0; ; tries++) {
		ino = used_inode();
		level = rnd(3);
		top = get(inode_at(ino) + 40 + (12 + level) * 4);
		if (!is(ino, 0xa000) && top && top < blocks)
			break;
		if (tries > 200)
			return;
	}
	for (; level && rnd(2); level--) {
		u32 next = get(top * block_bytes);

		if (next && next < blocks)
			top = next;
	}
	at = top * block_bytes + (rnd(2) ? rnd(8) : rnd(block_bytes / 4)) * 4;
	put(at, rnd(3) ? hostile(get(at)) : top);
	lie(" inode %u indirect %u[%u]=%#x", ino, top, at % block_bytes / 4, get(at));
}

static u32 directory_block(void)
{
	for (;;) {
		u32 ino = used_inode(), b;

		if (!is(ino, 0x4000))
			continue;
		b = get(inode_at(ino) + 40 + rnd(12) * 4);
		if (b && b < blocks)
			return b * block_bytes;
	}
}

static void lie_record(void)
{
	u32 base = directory_block(), at = base, how = rnd(7), steps = rnd(6);

	while (steps-- && get16(at + 4) >= 12 && at + get16(at + 4) + 12 < base + block_bytes)
		at += get16(at + 4);
	switch (how) {
	case 0:
		put(at, hostile(get(at)));
		break;
	case 1:
		put(at, used_inode());
		break;
	case 2:
		put16(at + 4, (u16)hostile(get16(at + 4)));
		break;
	case 3:
		image[at + 6] = (u8)hostile(image[at + 6]);
		break;
	case 4:
		image[at + 7] = (u8)hostile(image[at + 7]);
		break;
	case 5:
		image[at + 8 + rnd(4)] = (u8)"\0/.\x80"[rnd(4)];
		break;
	default:
		put16(at + 4, 0);
	}
	lie(" record at %u+%u how %u: ino %u rec_len %u name_len %u", base / block_bytes, at - base, how, get(at),
	    get16(at + 4), image[at + 6]);
}

static void lie_symlink(void)
{
	static const u32 sizes[] = { 0, 59, 60, 61, 255, 1023, 1024, 4095, 4096, 65536, 0x7fffffff, 0xffffffff };

	for (int tries = 0; tries < 400; tries++) {
		u32 ino = used_inode();

		if (!is(ino, 0xa000))
			continue;
		put(inode_at(ino) + (rnd(3) ? 4 : 28), sizes[rnd(ARRAY_SIZE(sizes))]);
		lie(" symlink %u size %u blocks %u", ino, get(inode_at(ino) + 4), get(inode_at(ino) + 28));
		return;
	}
}

static void lie_noise(void)
{
	u32 end = (inode_table + inodes * inode_bytes / block_bytes) * block_bytes, n = 1 + rnd(64);

	for (u32 i = 0; i < n; i++) {
		u32 at = 1024 + rnd(end - 1024);

		if (at / 4 != (1024 + 60) / 4 && at / 4 != (1024 + 56) / 4)
			image[at] = (u8)rnd(256);
	}
	lie(" noise %u", n);
}

static const struct { const char *name; void (*lie)(void); } kinds[] = {
	{ "superblock", lie_super }, { "group", lie_group }, { "bitmap", lie_bitmap }, { "inode", lie_inode },
	{ "pointer", lie_pointer }, { "indirect", lie_indirect }, { "record", lie_record }, { "symlink", lie_symlink },
	{ "noise", lie_noise },
};

static void make_image(u32 number)
{
	u32 n;

	seed = 0x9e3779b97f4a7c15ull * (number + 1);
	for (int i = 0; i < 8; i++)
		rnd(2);
	memcpy(image, stock, bytes);
	lies[0] = 0;
	kinds[number % ARRAY_SIZE(kinds)].lie();
	for (n = rnd(3); n; n--)
		kinds[rnd(ARRAY_SIZE(kinds))].lie();
}

/* --- use, as far as it goes --- */

static unsigned seen;
static sigjmp_buf bus;

static void on_bus(int sig)
{
	siglongjmp(bus, 1);
}

static void use_file(const char *path, const struct stat *st)
{
	static char buf[70000];
	const off_t at[] = { 0, 12 * block_bytes, 268 * block_bytes, st->st_size / 2, st->st_size - 5000 };
	int fd = open(path, O_RDWR | O_NONBLOCK | O_NOCTTY);

	if (fd < 0)
		fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return;
	for (unsigned i = 0; i < ARRAY_SIZE(at); i++)
		if (pread(fd, buf, sizeof(buf), at[i]) < 0 && errno == EFAULT)
			tap_bail("EFAULT");
	if (!sigsetjmp(bus, 1)) {
		volatile char *p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

		if (p != MAP_FAILED) {
			*p;
			p[0] = 'm';
			p[5000] = 'm';
		}
	}
	pwrite(fd, buf, 3000, 500);
	pwrite(fd, buf, 3000, st->st_size > 0 ? st->st_size : 0);
	pwrite(fd, buf, 3000, 300 * block_bytes);
	fsync(fd);
	if (rnd(2))
		ftruncate(fd, rnd(20 * block_bytes));
	close(fd);
}

static void walk(const char *dir, int depth);

static void use_name(const char *path, int depth)
{
	char text[300];
	struct stat st;

	if (++seen > NAMES || lstat(path, &st))
		return;
	if (S_ISLNK(st.st_mode)) {
		readlink(path, text, sizeof(text));
		access(path, R_OK);
	} else if (S_ISREG(st.st_mode)) {
		use_file(path, &st);
	} else if (S_ISDIR(st.st_mode) && depth < DEPTH) {
		walk(path, depth + 1);
	}
	chmod(path, 0755);
}

static void make_names(const char *dir)
{
	char path[2048], to[2048];
	int fd;

	snprintf(path, sizeof(path), "%s/new", dir);
	fd = open(path, O_RDWR | O_CREAT, 0644);
	if (fd >= 0) {
		static char data[20000];

		write(fd, data, sizeof(data));
		close(fd);
	}
	snprintf(to, sizeof(to), "%s/moved-to-a-name-of-some-length", dir);
	rename(path, to);
	snprintf(path, sizeof(path), "%s/directory", dir);
	mkdir(path, 0755);
	snprintf(to, sizeof(to), "%s/second", dir);
	link("/mnt/small", to);
	symlink("to-a-place-that-is-so-far-away-that-its-name-does-not-fit-into-an-inode", path);
	unlink(to);
}

static void walk(const char *dir, int depth)
{
	char path[2048];
	DIR *d = opendir(dir);
	struct dirent *e;

	if (!d)
		return;
	while ((e = readdir(d)) && seen < NAMES)
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, "..")) {
			snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
			use_name(path, depth);
		}
	make_names(dir);
	rewinddir(d);
	while ((e = readdir(d)) && ++seen < NAMES + 100)
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, "..") && rnd(2)) {
			snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
			if (unlink(path))
				rmdir(path);
		}
	closedir(d);
}

static void use(void)
{
	struct statfs fs;

	signal(SIGBUS, on_bus);
	walk("/mnt", 0);
	statfs("/mnt", &fs);
	/* The error has made it read-only; a second walk reads only. */
	seen = 0;
	walk("/mnt", 0);
	sync();
	_exit(0);
}

/* --- one image after another --- */

static bool write_image(void)
{
	int fd = open("/dev/vda", O_WRONLY);
	bool done = fd >= 0 && pwrite(fd, image, bytes, 0) == (ssize_t)bytes;

	close(fd);
	return done;
}

/* It ends, by itself, in time. */
static bool ends(pid_t pid)
{
	struct timespec tick = { .tv_nsec = 2000000 };
	int status;

	for (int i = 0; i < IMAGE_S * 500; i++) {
		pid_t r = waitpid(pid, &status, WNOHANG);

		if (r == pid)
			return status == 0;
		nanosleep(&tick, NULL);
	}
	kill(pid, SIGKILL);
	return false;
}

static bool try(u32 number)
{
	static const char *const options[] = { "errors=continue", "errors=remount-ro", NULL };
	long mounted, left = 0;
	bool ended = true;

	make_image(number);
	if (!write_image()) {
		tap_note("image %u cannot be written", number);
		return false;
	}
	mounted = err(mount("/dev/vda", "/mnt", "ext2", number % 7 == 3 ? MS_RDONLY : 0, options[number % 3]));
	if (!mounted) {
		pid_t pid = fork();

		if (!pid)
			use();
		ended = ends(pid);
		left = err(umount("/mnt"));
	}
	if (!ended)
		tap_note("image %u hangs", number);
	if (ended && !left && (!mounted || mounted == -EUCLEAN || mounted == -EINVAL || mounted == -EROFS ||
			       mounted == -EIO || mounted == -ENOSPC || mounted == -ENOMEM))
		return true;
	tap_note("image %u:%s: mount %ld, %s, umount %ld", number, lies, mounted,
		 ended ? "ended" : "does not end", left);
	return false;
}

static long free_kib(void)
{
	char line[200];
	long kib = 0, n;
	FILE *f;

	f = fopen("/proc/sys/vm/drop_caches", "w");
	if (f) {
		fputs("3\n", f);
		fclose(f);
	}
	f = fopen("/proc/meminfo", "r");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "MemFree: %ld", &n) == 1 || sscanf(line, "Cached: %ld", &n) == 1 ||
		    sscanf(line, "Buffers: %ld", &n) == 1 || sscanf(line, "SReclaimable: %ld", &n) == 1)
			kib += n;
	if (f)
		fclose(f);
	return kib;
}

static bool read_stock(void)
{
	int fd = open("/dev/vda", O_RDONLY);

	bytes = fd < 0 ? 0 : (u32)read(fd, stock, sizeof(stock));
	close(fd);
	if (bytes < 65536)
		return false;
	memcpy(image, stock, bytes);
	block_bytes = 1024u << get(1024 + 24);
	inodes = get(1024);
	blocks = get(1024 + 4);
	inode_bytes = get16(1024 + 88);
	block_bitmap = get((1024 / block_bytes + 1) * block_bytes);
	inode_bitmap = get((1024 / block_bytes + 1) * block_bytes + 4);
	inode_table = get((1024 / block_bytes + 1) * block_bytes + 8);
	return true;
}

int main(void)
{
	u32 first = 0, count = IMAGES, bad[ARRAY_SIZE(kinds)] = { 0 };
	FILE *f = fopen("/etc/images", "r");
	long before = 0, lost;

	if (f && fscanf(f, "%u %u", &first, &count) == 2)
		tap_note("images %u to %u", first, first + count - 1);
	umount("/mnt");
	if (!read_stock())
		tap_bail("no image on /dev/vda");
	for (u32 i = 0; i < count; i++) {
		if (i == count / 4)
			before = free_kib();
		bad[(first + i) % ARRAY_SIZE(kinds)] += !try(first + i);
	}
	lost = before - free_kib();
	for (u32 k = 0; k < ARRAY_SIZE(kinds); k++)
		tap_is(bad[k], 0, "damaged: %s", kinds[k].name);
	tap_note("%ld KiB less than after a quarter of them", lost);
	tap_ok(lost < 1024, "no memory is lost");
	memcpy(image, stock, bytes);
	tap_ok(write_image(), "the stock image is put back");
	tap_is(err(mount("/dev/vda", "/mnt", "ext2", 0, NULL)), 0, "it mounts");
	tap_is(err(access("/mnt/large", R_OK)), 0, "and has its files");
	tap_is(err(umount("/mnt")), 0, "unmount");
	return tap_exit();
}
