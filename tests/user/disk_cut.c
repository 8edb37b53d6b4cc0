/* SPDX-License-Identifier: MIT */
/*
 * Work on a disk whose every write is logged (test_cut.py): file I is made, written
 * and fsynced, and then its number goes into the file "acks" by O_DSYNC. So a disk
 * that has number I anywhere in its past must have file I, with its contents.
 * Beside it, two processes make a noise of files that nobody syncs.
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include "tap.h"

#define FILES	60

static char buf[40000];

static void fill(unsigned file, unsigned n)
{
	for (unsigned at = 0; at < n; at++)
		buf[at] = (char)(at * 31 + (at >> 8) * 7 + file * 13);
}

static void noise(unsigned w)
{
	char name[100], to[100];

	for (unsigned i = 0; ; i++) {
		int fd;

		sprintf(name, "/mnt/noise%u/%u", w, i % 17);
		sprintf(to, "/mnt/noise%u/to%u", !w, i % 5);
		fd = open(name, O_RDWR | O_CREAT, 0600);
		write(fd, buf, 100 + i * 997 % 30000);
		close(fd);
		if (i % 3 == 0)
			rename(name, to);
		if (i % 4 == 1)
			unlink(name);
		if (i % 7 == 2) {
			sprintf(to, "/mnt/noise%u/dir%u", w, i % 3);
			mkdir(to, 0755);
			rmdir(to);
		}
		usleep(500);
	}
}

int main(void)
{
	pid_t pid[2];
	int ack, bad = 0;

	umount("/mnt");
	tap_is(err(mount("/dev/vda", "/mnt", "ext2", 0, NULL)), 0, "mount");
	ack = open("/mnt/acks", O_RDWR | O_DSYNC);
	for (unsigned w = 0; w < 2; w++) {
		pid[w] = fork();
		if (!pid[w])
			noise(w);
	}
	for (unsigned i = 1; i <= FILES; i++) {
		unsigned size = i * 7919 % sizeof(buf);
		char name[100], text[16] = "";
		int fd;

		fill(i, size);
		sprintf(name, "/mnt/kept%u/%u", i % 3, i);
		fd = open(name, O_RDWR | O_CREAT, 0600);
		bad += write(fd, buf, size) != size || fsync(fd);
		close(fd);
		sprintf(text, "ack %7u.", i);
		bad += pwrite(ack, text, sizeof(text), 0) != sizeof(text);
	}
	close(ack);
	tap_is(bad, 0, "every file is written and acknowledged");
	kill(pid[0], SIGKILL);
	kill(pid[1], SIGKILL);
	while (wait(NULL) > 0)
		;
	tap_is(err(umount("/mnt")), 0, "unmount");
	return tap_exit();
}
