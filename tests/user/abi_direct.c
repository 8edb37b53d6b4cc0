/* SPDX-License-Identifier: MIT */
/*
 * O_DIRECT and the flags that F_SETFL may change; fsync of what has no pages.
 */
#include "tap.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

static long opened(const char *path, int flags)
{
	int fd = open(path, flags, 0600);
	long r = err(fd);

	if (fd >= 0)
		close(fd);
	return r < 0 ? r : 0;
}

static void opens(void)
{
	tap_is(opened("m/file", O_RDWR | O_CREAT | O_DIRECT), 0, "a file of tmpfs");
	tap_is(opened("m", O_RDONLY | O_DIRECT), -EINVAL, "its directory");
	tap_is(opened("/dev/null", O_RDWR | O_DIRECT), -EINVAL, "a character device");
	tap_is(opened("/proc/version", O_RDONLY | O_DIRECT), -EINVAL, "a file of /proc");
	tap_is(opened("m/fifo", O_RDWR | O_DIRECT), -EINVAL, "a FIFO");
	tap_is(opened("m/file", O_PATH | O_DIRECT), 0, "O_PATH");
}

static long flag_after(int fd, long set, int flag)
{
	long r = err(fcntl(fd, F_SETFL, set));

	return r ? r : !!(fcntl(fd, F_GETFL) & flag);
}

static void settable(void)
{
	int file = open("m/file", O_RDWR), null = open("/dev/null", O_RDWR), p[2],
	    dir = open("m", O_RDONLY);

	if (pipe2(p, O_DIRECT))
		tap_bail("no pipe");
	tap_is(!!(fcntl(p[1], F_GETFL) & O_DIRECT), 1, "the writer of a pipe of packets says so");
	tap_is(!!(fcntl(p[0], F_GETFL) & O_DIRECT), 0, "its reader does not");
	tap_is(flag_after(p[0], O_DIRECT | O_NONBLOCK, O_NONBLOCK), 1, "O_NONBLOCK beside it");
	tap_is(flag_after(p[1], 0, O_DIRECT), 0, "packets off");
	tap_is(flag_after(p[1], O_DIRECT, O_DIRECT), 1, "packets on");
	tap_is(flag_after(file, O_DIRECT, O_DIRECT), 1, "a file's O_DIRECT on");
	tap_is(flag_after(file, 0, O_DIRECT), 0, "off");
	tap_is(flag_after(null, O_DIRECT, O_DIRECT), -EINVAL, "a device's");
	tap_is(flag_after(dir, O_DIRECT, O_DIRECT), -EINVAL, "a directory's");
	tap_is(flag_after(file, O_ASYNC, O_ASYNC), 0, "a file's O_ASYNC is not taken");
	tap_is(flag_after(file, O_NOATIME, O_NOATIME), 1, "O_NOATIME by root");
	tap_is(flag_after(file, 0, O_NOATIME), 0, "off");
	if (seteuid(1000))
		tap_bail("seteuid");
	tap_is(flag_after(file, O_NOATIME, O_NOATIME), -EPERM, "O_NOATIME by a stranger");
	tap_is(flag_after(file, O_APPEND, O_APPEND), 1, "O_APPEND by a stranger");
	if (seteuid(0))
		tap_bail("seteuid");
	tap_is(err(fsync(dir)), 0, "fsync of a directory");
	tap_is(err(fdatasync(dir)), 0, "fdatasync of one");
	tap_is(err(fsync(null)), -EINVAL, "fsync of a device without");
}

int main(void)
{
	if (mkdir("m", 0755) || mount("none", "m", "tmpfs", 0, NULL) || mkfifo("m/fifo", 0600))
		tap_bail("no tmpfs: %s", strerror(errno));
	opens();
	settable();
	umount2("m", MNT_DETACH);
	return tap_exit();
}
