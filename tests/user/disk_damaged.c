/* SPDX-License-Identifier: MIT */
/*
 * Damaged ext2 images: each is made from the stock image on /dev/vda by one to
 * three lies in its metadata, mounted, and used like any other. The kernel has to
 * answer with an error or with data, and must neither stop, nor hang, nor keep a
 * reference (the unmount succeeds) or memory.
 *
 * The image is whole in memory here; damage.h lies in it. /etc/images, "FIRST COUNT", picks
 * others than the usual ones (test_damaged.py); in notes, what image N did is told with its lies.
 */
#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/wait.h>
#include <time.h>
#include "damage.h"
#include "tap.h"

#define IMAGE_S		15		/* longer than this is a hang */
#define DEPTH		8
#define NAMES		400		/* looked at in one image */
#define IMAGES		90

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
	mounted = err(mount("/dev/vda", "/mnt", "ext2", number % 7 == 3 ? MS_RDONLY : 0,
			    options[number % 3]));
	if (!mounted) {
		pid_t pid = fork();

		if (!pid)
			use();
		ended = ends(pid);
		left = err(umount("/mnt"));
	}
	if (!ended)
		tap_note("image %u hangs", number);
	if (ended && !left &&
	    (!mounted || mounted == -EUCLEAN || mounted == -EINVAL || mounted == -EROFS ||
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
		    sscanf(line, "Buffers: %ld", &n) == 1 ||
		    sscanf(line, "SReclaimable: %ld", &n) == 1)
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
	return damage_geometry();
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
