/* SPDX-License-Identifier: MIT */
/*
 * Work on a disk whose every write is logged (test_cut.py). File I is made, written
 * and synced, and then its number goes into the file "acks" by O_DSYNC: a disk that has
 * number I anywhere in its past must have file I, with its contents. Between two of them
 * "conf" is replaced by rename, so that it must be there whole at any time, and so must
 * "conf2", which lies far from its successor in a large directory.
 *
 * Beside it, processes change names, links, directories and sizes in every way that a power cut
 * must not hurt. Nobody syncs what they do. /etc/cut: "SEED FILES CHURNERS".
 */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include "stress.h"

#define MANY	90		/* names that make a directory of several blocks */

static char buf[400000];
static unsigned long seed = 1, files = 30, churners = 3;

static void fill(unsigned file, unsigned n)
{
	for (unsigned at = 0; at < n; at++)
		buf[at] = (char)(at * 31 + (at >> 8) * 7 + file * 13);
}

/* --- what is made by nobody who syncs --- */

static unsigned long chance;

static unsigned pick(unsigned n)
{
	return draw(&chance) % n;
}

static char *name_of(char *to, const char *kind)
{
	sprintf(to, "/mnt/churn%u/%s%u", pick(3), kind, pick(12));
	return to;
}

static void put(const char *name, int flags, unsigned size)
{
	int fd = open(name, O_RDWR | O_CREAT | flags, 0600);

	if (fd < 0)
		return;
	write(fd, buf + pick(1000), size);
	close(fd);
}

/* Of every size: none, one block, more than twelve, more than an indirect block has. */
static unsigned some_size(void)
{
	static const unsigned sizes[] = { 0, 1, 700, 3000, 14000, 40000, 290000 };

	return sizes[pick(16) ? pick(6) : 6];
}

static void change_size(const char *name)
{
	truncate(name, pick(2) ? pick(3000) : pick(60000));
	if (pick(2))
		put(name, O_APPEND, some_size());
}

/* Open without a name, and written to. */
static void orphan(const char *name)
{
	int fd = open(name, O_RDWR | O_CREAT, 0600);

	if (fd < 0)
		return;
	write(fd, buf, some_size());
	unlink(name);
	usleep(pick(8000));
	write(fd, buf, some_size());
	if (pick(2))
		ftruncate(fd, 100);
	close(fd);
}

static void link_over(const char *name, const char *to)
{
	put(name, O_TRUNC, some_size());
	link(name, to);
	if (pick(2))
		unlink(name);
}

static void make_symlink(const char *name)
{
	char target[200];
	unsigned n = pick(2) ? 20 + pick(39) : 61 + pick(130);

	memset(target, 'a' + pick(26), n);
	target[n] = 0;
	symlink(target, name);
}

static void remove_tree(const char *name)
{
	DIR *d = opendir(name);
	struct dirent *e;
	char path[600];

	while (d && (e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", name, e->d_name);
		if (unlink(path))
			remove_tree(path);
	}
	if (d)
		closedir(d);
	rmdir(name);
}

/* Directories in one another, with files. */
static void make_tree(const char *name)
{
	char path[300];
	int n = sprintf(path, "%s", name);

	mkdir(path, 0755);
	for (unsigned depth = 0; depth < 3; depth++) {
		n += sprintf(path + n, "/d%u", pick(2));
		mkdir(path, 0755);
		sprintf(path + n, "/f%u", pick(3));
		put(path, 0, some_size());
		path[n] = 0;
	}
}

/* A file or a directory of files goes from a directory that then goes itself. */
static void move_out(const char *name, const char *to)
{
	char path[300];

	mkdir(name, 0755);
	sprintf(path, "%s/f", name);
	put(path, 0, some_size());
	if (pick(2))
		usleep(pick(10000));
	rename(path, to);
	rmdir(name);
}

/* Many names come and go in one directory. */
static void many(void)
{
	char name[100], to[100];
	unsigned base = pick(3) * MANY, first = pick(60);

	for (unsigned i = first; i < first + 30; i++) {
		sprintf(name, "/mnt/many/a-name-of-some-length-%u", base + i);
		sprintf(to, "/mnt/many/another-%u", base + (i * 7) % 60);
		if (pick(3))
			put(name, 0, pick(3) * 500);
		else if (pick(3))
			unlink(name);
		else
			rename(name, to);
		if (!pick(3))
			unlink(to);
	}
}

static void step(void)
{
	char a[100], b[100];

	switch (pick(14)) {
	case 0:
	case 1:
		put(name_of(a, "f"), pick(2) ? O_TRUNC : 0, some_size());
		break;
	case 2:
		unlink(name_of(a, "f"));
		break;
	case 3:
		rename(name_of(a, "f"), name_of(b, "f"));
		break;
	case 4:
		change_size(name_of(a, "f"));
		break;
	case 5:
		orphan(name_of(a, "o"));
		break;
	case 6:
		link_over(name_of(a, "f"), name_of(b, "f"));
		break;
	case 7:
		make_symlink(name_of(a, "f"));
		break;
	case 8:
		make_tree(name_of(a, "d"));
		break;
	case 9:
		remove_tree(name_of(a, "d"));
		break;
	case 10:
		many();
		break;
	case 11:
		move_out(name_of(a, "d"), name_of(b, "f"));
		break;
	case 12:
		/* In its directory: see docs/limits.md for the others. */
		sprintf(a, "/mnt/moves/d%u", pick(5));
		sprintf(b, "/mnt/moves/d%u", pick(5));
		if (pick(3))
			mkdir(a, 0755);
		if (pick(3))
			rename(a, b);
		if (!pick(3))
			rmdir(b);
		break;
	case 13:
		mknod(name_of(a, "f"), S_IFIFO | 0600, 0);
		break;
	}
}

static void churn(unsigned who)
{
	chance = seed * 1000003 + who * 7919 + 1;
	for (;;) {
		step();
		usleep(pick(1500));
	}
}

/* --- what is acknowledged --- */

/* The disk is full of what is of no use: some of it goes, or none might ever go by itself. */
static void make_room(void)
{
	char name[100];

	unlink(name_of(name, "f"));
	usleep(3000);
}

/* Write name whole and sync it; 0 when that is done. What a full disk refuses is tried again. */
static int keep(const char *name, unsigned number)
{
	unsigned size = number * 7919 % 40000;
	int fd, tries = 0;

	for (;; make_room()) {
		fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);
		if (fd < 0 && (errno != ENOSPC || ++tries > 2000))
			return -1;
		if (fd < 0)
			continue;
		fill(number, size);
		if (write(fd, buf, size) == size && (number % 3 ? !fsync(fd) : (sync(), true)))
			return close(fd);
		close(fd);
		unlink(name);
		if (++tries > 2000)
			return -1;
	}
}

static int replace(const char *temporary, const char *name, unsigned number)
{
	return keep(temporary, number) || rename(temporary, name);
}

static int acknowledged(int ack, unsigned i)
{
	char name[100], text[16] = "";

	sprintf(name, "/mnt/kept%u/%u", i % 3, i);
	if (keep(name, i) || replace("/mnt/kept0/conf.new", "/mnt/kept0/conf", i))
		return -1;
	if (i % 4 == 0 && replace("/mnt/large/conf2.new", "/mnt/large/conf2", i))
		return -1;
	/* What is not known to be in use on disk replaces, too. */
	if (i % 5 == 0) {
		put("/mnt/kept1/loose.new", O_TRUNC, 5000);
		rename("/mnt/kept1/loose.new", "/mnt/kept1/loose");
	}
	sprintf(text, "ack %7u.", i);
	return pwrite(ack, text, sizeof(text), 0) == sizeof(text) ? 0 : -1;
}

/* Pages go to disk at any time, not by fsync alone. */
static void flush_often(void)
{
	static const char *const name[] = { "writeback", "expire" };
	char path[100];

	for (unsigned i = 0; i < 2; i++) {
		int fd;

		sprintf(path, "/proc/sys/vm/dirty_%s_centisecs", name[i]);
		fd = open(path, O_WRONLY);
		if (fd < 0 || write(fd, "2\n", 2) != 2)
			tap_note("%s: %s", path, strerror(errno));
		close(fd);
	}
}

int main(void)
{
	char text[100] = "";
	int ack, bad = 0, fd = open("/etc/cut", O_RDONLY);
	pid_t pid[8];

	if (fd >= 0 && read(fd, text, sizeof(text) - 1) > 0)
		sscanf(text, "%lu %lu %lu", &seed, &files, &churners);
	chance = seed;
	umount("/mnt");
	tap_is(err(mount("/dev/vda", "/mnt", "ext2", 0, NULL)), 0, "mount");
	flush_often();
	ack = open("/mnt/acks", O_RDWR | O_DSYNC);
	for (unsigned w = 0; w < churners; w++) {
		pid[w] = fork();
		if (!pid[w])
			churn(w);
	}
	for (unsigned i = 1; i <= files && !bad; i++)
		bad = acknowledged(ack, i);
	close(ack);
	tap_is(bad, 0, "every file is written and acknowledged");
	for (unsigned w = 0; w < churners; w++)
		kill(pid[w], SIGKILL);
	while (wait(NULL) > 0)
		;
	tap_is(err(umount("/mnt")), 0, "unmount");
	return tap_exit();
}
