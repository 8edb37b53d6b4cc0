/* SPDX-License-Identifier: MIT */
/*
 * Many processes in the same directories: create, write, rename over each other,
 * remove while open, truncate against a mapping. At the end nothing is left, and
 * as many blocks and inodes are free as at the start. /etc/storm holds another
 * number of rounds.
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/wait.h>
#include "tap.h"

#define WORKERS	8
#define NAMES	30

static unsigned rounds = 300;
static unsigned long long seed;

static unsigned rnd(unsigned below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned)(seed >> 20) % below;
}

static struct statfs space(void)
{
	struct statfs s;

	if (statfs("/mnt", &s))
		tap_bail("statfs");
	return s;
}

static void name_of(char *buf, unsigned i)
{
	sprintf(buf, "/mnt/storm%u/%s%u", i % 3, i % 2 ? "n" : "a-longer-name-of-a-file-", i / 3);
}

/* --- of each worker its own: as many files as there are rounds --- */

static void files(unsigned w)
{
	char name[100], data[3000];
	int fd;

	memset(data, (int)w, sizeof(data));
	sprintf(name, "/mnt/own%u", w);
	mkdir(name, 0755);
	for (unsigned i = 0; i < rounds * 4; i++) {
		sprintf(name, "/mnt/own%u/%u", w, i);
		fd = open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
		if (fd < 0 || (i % 4 == 0 && write(fd, data, 1 + i % sizeof(data)) < 0))
			tap_bail("%s: %s", name, strerror(errno));
		close(fd);
	}
	for (unsigned i = rounds * 4; i-- > 0; ) {
		sprintf(name, "/mnt/own%u/%u", w, (i * 7) % (rounds * 4));
		unlink(name);
	}
	for (unsigned i = 0; i < rounds * 4; i++) {
		sprintf(name, "/mnt/own%u/%u", w, i);
		if (unlink(name) && errno != ENOENT)
			tap_bail("%s: %s", name, strerror(errno));
	}
	sprintf(name, "/mnt/own%u", w);
	if (rmdir(name))
		tap_bail("%s: %s", name, strerror(errno));
}

/* --- in the same names as everybody --- */

static void step(char *a, char *b)
{
	static char data[20000];
	volatile char *p;
	int fd;

	switch (rnd(9)) {
	case 0:
	case 1:
		fd = open(a, O_RDWR | O_CREAT, 0600);
		if (fd >= 0)
			pwrite(fd, data, 1 + rnd(sizeof(data) - 1), rnd(30000));
		close(fd);
		break;
	case 2:
	case 3:
		rename(a, b);
		break;
	case 4:
		fd = open(a, O_RDWR | O_CREAT, 0600);
		unlink(a);
		if (fd >= 0 && pwrite(fd, data, 5000, rnd(20000)) != 5000)
			tap_bail("a write to what is gone: %s", strerror(errno));
		if (fd >= 0 && !rnd(4))
			fsync(fd);
		close(fd);
		break;
	case 5:
		unlink(a);
		break;
	case 6:
		link(a, b);
		break;
	case 7:
		truncate(a, rnd(40000));
		break;
	default:
		fd = open(a, O_RDWR);
		if (fd < 0)
			break;
		p = mmap(NULL, 40960, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		for (int i = 0; i < 10; i++)
			if (!fork()) {
				/* SIGBUS where somebody has truncated. */
				p[rnd(40960)] = 1;
				_exit(0);
			} else {
				wait(NULL);
				if (i == 2)
					ftruncate(fd, rnd(40000));
			}
		munmap((void *)p, 40960);
		close(fd);
	}
}

static void storm(unsigned w)
{
	char a[100], b[100];

	for (unsigned r = 0; r < rounds; r++) {
		name_of(a, rnd(NAMES));
		name_of(b, rnd(NAMES));
		step(a, b);
		if (!rnd(40)) {
			sprintf(a, "/mnt/storm%u/d%u", rnd(3), rnd(4));
			sprintf(b, "/mnt/storm%u/d%u", rnd(3), rnd(4));
			mkdir(a, 0755);
			rename(a, b);
			rmdir(rnd(2) ? a : b);
		}
	}
}

static void run(const char *what, void (*work)(unsigned w))
{
	struct statfs before, after;
	int status, bad = 0;
	char name[100];

	for (int d = 0; d < 3; d++) {
		sprintf(name, "/mnt/storm%d", d);
		mkdir(name, 0755);
	}
	before = space();
	for (unsigned w = 0; w < WORKERS; w++)
		if (!fork()) {
			seed = 0x9e3779b97f4a7c15ull * (w + 1);
			work(w);
			_exit(0);
		}
	while (wait(&status) > 0)
		bad += status != 0;
	tap_is(bad, 0, "%s: every process ends well", what);
	for (unsigned i = 0; i < NAMES; i++) {
		name_of(name, i);
		unlink(name);
	}
	for (unsigned i = 0; i < 12; i++) {
		sprintf(name, "/mnt/storm%u/d%u", i % 3, i / 3);
		rmdir(name);
	}
	for (int d = 0; d < 3; d++) {
		sprintf(name, "/mnt/storm%d", d);
		tap_is(err(rmdir(name)), 0, "%s: directory %d is empty", what, d);
		mkdir(name, 0755);
	}
	after = space();
	/* A directory that had grown keeps its blocks until it goes. */
	tap_is((long)after.f_ffree, (long)before.f_ffree, "%s: inodes", what);
	tap_ok(after.f_bfree >= before.f_bfree && after.f_bfree <= before.f_bfree + 3 + WORKERS * 4,
	       "%s: blocks", what);
	tap_note("%ld free, then %ld", (long)before.f_bfree, (long)after.f_bfree);
}

int main(void)
{
	FILE *f = fopen("/etc/storm", "r");

	if (f && fscanf(f, "%u", &rounds) != 1)
		tap_bail("/etc/storm");
	umount("/mnt");
	tap_is(err(mount("/dev/vda", "/mnt", "ext2", 0, NULL)), 0, "mount");
	run("files", files);
	run("storm", storm);
	tap_is(err(umount("/mnt")), 0, "unmount");
	return tap_exit();
}
