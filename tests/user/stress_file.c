/* SPDX-License-Identifier: MIT */
/*
 * Files made, written, read, renamed and removed by many processes at once: in
 * folders of their own, where every byte is known, and in one they share, where
 * anything may happen but a hang. Once in /tmp, and once on the disk if there is one.
 */
#include <sys/mman.h>
#include <sys/stat.h>
#include "stress.h"

#define WORKERS	4

static char data[70000], back[70000];

static int write_file(const char *name, unsigned long *chance, long size)
{
	int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0644);
	long at = 0;

	if (fd < 0)
		return -1;
	while (at < size) {
		long n = 1 + draw(chance) % 9000;

		n = n > size - at ? size - at : n;
		if (write(fd, data + at, n) != n) {
			close(fd);
			return -2;
		}
		at += n;
	}
	if (draw(chance) % 16 == 0 && fsync(fd))
		return -3;
	close(fd);
	return 0;
}

static int same(const char *name, long size, int mapped)
{
	int fd = open(name, O_RDONLY), good;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) || st.st_size != size)
		return 0;
	if (mapped && size) {
		char *p = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);

		good = p != MAP_FAILED && !memcmp(p, data, size);
		munmap(p, size);
	} else {
		good = read(fd, back, sizeof(back)) == size && !memcmp(back, data, size);
	}
	close(fd);
	return good;
}

static void own_folder(int number)
{
	unsigned long chance = number * 31337 + 11;
	char dir[32], a[64], b[64];
	int rounds = 0;

	snprintf(dir, sizeof(dir), "own%d", number);
	if (mkdir(dir, 0755) || chdir(dir))
		_exit(10);
	while (stress_goes_on()) {
		long size = draw(&chance) % sizeof(data);

		for (long i = 0; i < size; i += 1 + draw(&chance) % 500)
			data[i] = draw(&chance);
		snprintf(a, sizeof(a), "f%lu", draw(&chance) % 20);
		snprintf(b, sizeof(b), "g%lu", draw(&chance) % 20);
		if (write_file(a, &chance, size))
			_exit(11);
		if (!same(a, size, draw(&chance) % 2))
			_exit(12);
		if (rename(a, b) || access(a, F_OK) == 0 || !same(b, size, 0))
			_exit(13);
		if (draw(&chance) % 2 && (unlink(b) || access(b, F_OK) == 0))
			_exit(14);
		if (draw(&chance) % 4 == 0 &&
		    (mkdir("sub", 0755) || rename("sub", "sub2") || rmdir("sub2")))
			_exit(15);
		rounds++;
	}
	_exit(rounds ? 0 : 16);
}

static void shared_folder(int number)
{
	unsigned long chance = number * 4711 + 3;
	char a[64], b[64];
	int rounds = 0;

	while (stress_goes_on()) {
		snprintf(a, sizeof(a), "shared/%lu", draw(&chance) % 12);
		snprintf(b, sizeof(b), "shared/%lu", draw(&chance) % 12);
		switch (draw(&chance) % 9) {
		case 0: write_file(a, &chance, draw(&chance) % 20000); break;
		case 1: rename(a, b); break;
		case 2: unlink(a); break;
		case 3: link(a, b); break;
		case 4: symlink("5", a); break;
		case 5: mkdir(a, 0755); break;
		case 6: rmdir(a); break;
		case 7: truncate(a, draw(&chance) % 30000); break;
		case 8: { int fd = open(a, O_RDONLY | O_NONBLOCK); read(fd, back, 5000); close(fd); } break;
		}
		rounds++;
	}
	_exit(rounds ? 0 : 16);
}

static int remove_all(const char *dir)
{
	return CODE(execl("/bin/busybox", "busybox", "rm", "-rf", dir, NULL); _exit(0));
}

static void churn(const char *where)
{
	char dir[64];

	snprintf(dir, sizeof(dir), "%s/stress", where);
	remove_all(dir);
	mkdir(dir, 0755);
	if (chdir(dir))
		tap_bail("no %s", dir);
	mkdir("shared", 0755);
	stress_start();
	for (int i = 0; i < WORKERS; i++)
		CHILD(own_folder(i));
	tap_is(reap_failures(WORKERS), 0, "folders of one's own");
	stress_start();
	for (int i = 0; i < WORKERS; i++)
		CHILD(shared_folder(i));
	tap_is(reap_failures(WORKERS), 0, "a shared folder");
}

int main(void)
{
	struct stat root, disk;

	churn("/tmp");
	if (!stat("/", &root) && !stat("/mnt", &disk) && root.st_dev != disk.st_dev)
		churn("/mnt");
	return tap_exit();
}
