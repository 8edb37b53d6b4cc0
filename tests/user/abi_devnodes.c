/* SPDX-License-Identifier: MIT */
/*
 * Device nodes: memory devices, the kernel log, /dev/console, and what the file
 * systems of nodes allow.
 */
#include "pty.h"

#include <sys/klog.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/wait.h>

#define RNDGETENTCNT	0x80045200
#define RNDADDENTROPY	0x40085203

static void nodes(void)
{
	static const char *const names[] = {"null", "zero", "full",    "random", "urandom",
					    "kmsg", "tty",  "console", "ptmx"};
	struct stat st;
	char path[32];

	for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(path, sizeof(path), "/dev/%s", names[i]);
		if (stat(path, &st))
			tap_ok(false, "%s is missing", path);
		else
			tap_ok(true, "%s is %o %d:%d of %d", path, st.st_mode, major(st.st_rdev),
			       minor(st.st_rdev), st.st_uid);
	}
}

static void poll_says(int fd, const char *what)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN | POLLOUT | POLLPRI };

	poll(&pfd, 1, 0);
	tap_says(pfd.revents, "%s", what);
}

static void null_and_full(void)
{
	int null = open("/dev/null", O_RDWR), full = open("/dev/full", O_RDWR);
	char buf[8] = "aaaaaaa";
	struct iovec iov[2] = { { buf, 8 }, { buf, 4 } };

	tap_is(err(read(null, buf, 8)), 0, "null reads nothing");
	tap_is(err(write(null, buf, 8)), 8, "and takes all");
	tap_is(err(writev(null, iov, 2)), 12, "in pieces too");
	tap_is(err(write(null, (void *)8, 8)), 8, "without looking at it");
	tap_is(err(lseek(null, 100, SEEK_SET)), 0, "null's lseek");
	tap_is(err(pread(null, buf, 8, 100)), 0, "null's pread");
	poll_says(null, "null's poll");
	tap_is(err(ioctl(null, TCGETS, buf)), -ENOTTY, "null is no terminal");
	tap_is(err((long)mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, null, 0)), -ENODEV,
	       "null's mmap");
	tap_is(err(ftruncate(null, 0)), -EINVAL, "null's ftruncate");
	tap_is(err(fsync(null)), -EINVAL, "null's fsync");
	tap_is(err(write(full, buf, 8)), -ENOSPC, "full's write");
	tap_is(err(write(full, buf, 0)), -ENOSPC, "of nothing");
	tap_is(err(read(full, buf, 8)), 8, "full reads");
	tap_is(buf[0] | buf[7], 0, "zeros");
	tap_is(err(lseek(full, 5, SEEK_END)), 0, "full's lseek");
	close(null);
	close(full);
	null = open("/dev/null", O_WRONLY | O_CREAT | O_TRUNC, 0600);
	tap_ok(null >= 0, "null as the shell opens it");
	tap_is(err(read(null, buf, 8)), -EBADF, "reading what is open to write");
	close(null);
}

static void zero(void)
{
	static char buf[70000];
	int fd = open("/dev/zero", O_RDWR);
	char *p;

	memset(buf, 1, sizeof(buf));
	tap_is(err(read(fd, buf, sizeof(buf))), sizeof(buf), "zero reads");
	long sum = 0;
	for (unsigned i = 0; i < sizeof(buf); i++)
		sum += buf[i];
	tap_is(sum, 0, "zeros");
	tap_is(err(read(fd, (void *)8, 8)), -EFAULT, "to nowhere");
	tap_is(err(write(fd, buf, 100)), 100, "zero takes all");
	tap_is(err(lseek(fd, 5, SEEK_CUR)), 0, "zero's lseek");
	p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 4096);
	tap_ok(p != MAP_FAILED, "zero's private mapping");
	if (p != MAP_FAILED) {
		tap_is(p[0] | p[8191], 0, "is zero");
		p[5000] = 7;
		tap_is(p[5000], 7, "and memory");
		pid_t pid = fork();
		if (!pid) {
			p[5000]++;
			_exit(p[5000]);
		}
		int status;
		waitpid(pid, &status, 0);
		tap_is(WEXITSTATUS(status), 8, "a child has a copy");
		tap_is(p[5000], 7, "of its own");
		tap_is(err(munmap(p, 8192)), 0, "munmap");
	}
	p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	tap_ok(p != MAP_FAILED, "zero's shared mapping");
	if (p != MAP_FAILED) {
		pid_t pid = fork();
		if (!pid) {
			p[10] = 9;
			_exit(0);
		}
		waitpid(pid, NULL, 0);
		tap_is(p[10], 9, "is shared with a child");
	}
	close(fd);
}

static void random_numbers(void)
{
	int fd = open("/dev/random", O_RDWR), u = open("/dev/urandom", O_RDWR), n = -1;
	unsigned char a[64] = { 0 }, b[64] = { 0 };
	struct {
		int bits, bytes;
		char data[8];
	} more = { 8, 8, "whatever" };

	tap_is(err(read(fd, a, 64)), 64, "random");
	tap_is(err(read(u, b, 64)), 64, "urandom");
	tap_ok(memcmp(a, b, 64), "are different");
	poll_says(fd, "random's poll");
	poll_says(u, "urandom's poll");
	tap_is(err(write(fd, "seed", 4)), 4, "random takes bytes");
	tap_is(err(read(u, (void *)8, 8)), -EFAULT, "reading to nowhere");
	tap_is(err(write(u, (void *)8, 8)), -EFAULT, "writing from nowhere");
	tap_is(err(ioctl(fd, RNDGETENTCNT, &n)), 0, "RNDGETENTCNT");
	tap_says(n, "entropy");
	tap_is(err(ioctl(fd, RNDADDENTROPY, &more)), 0, "RNDADDENTROPY");
	tap_is(err(ioctl(fd, 0x52ff, 0)), -EINVAL, "no such ioctl");
	tap_says(err(lseek(u, 3, SEEK_SET)), "urandom's lseek");
	close(fd);
	close(u);
}

static void numbers(void)
{
	int fd;

	tap_is(err(mknod("null", S_IFCHR | 0600, makedev(1, 3))), 0, "mknod");
	fd = open("null", O_WRONLY);
	tap_is(err(write(fd, "abc", 3)), 3, "a node works anywhere");
	close(fd);
	tap_is(err(mknod("nobody", S_IFCHR | 0600, makedev(250, 77))), 0,
	       "mknod of a number nobody serves");
	tap_is(err(open("nobody", O_RDONLY)), -ENXIO, "cannot be opened");
	tap_is(err(mknod("minor", S_IFCHR | 0600, makedev(1, 12))), 0, "mknod of an unknown minor");
	tap_is(err(open("minor", O_RDONLY)), -ENXIO, "cannot be opened");
	mkdir("nodev", 0755);
	tap_is(err(mount("x", "nodev", "tmpfs", MS_NODEV, NULL)), 0,
	       "a file system without devices");
	tap_is(err(mknod("nodev/null", S_IFCHR | 0666, makedev(1, 3))), 0, "can have a node");
	tap_is(err(open("nodev/null", O_RDONLY)), -EACCES, "that cannot be opened");
	umount("nodev");
	pid_t pid = fork();
	if (!pid) {
		if (setuid(1000))
			_exit(99);
		_exit(mknod("/tmp/mine", S_IFCHR | 0600, makedev(1, 3)) ? errno : 0);
	}
	int status;
	waitpid(pid, &status, 0);
	tap_is(WEXITSTATUS(status), EPERM, "mknod by a user");
}

static void file_systems(void)
{
	struct statfs sf;
	struct stat a, b;
	int fd;

	tap_is(err(statfs("/dev/pts", &sf)), 0, "statfs of devpts");
	tap_says(sf.f_type, "its type");
	tap_is(err(open("/dev/pts/new", O_WRONLY | O_CREAT, 0600)), -EACCES,
	       "no new file in devpts");
	tap_is(err(mkdir("/dev/pts/new", 0755)), -EPERM, "nor a directory");
	tap_is(err(mknod("/dev/pts/new", S_IFCHR, makedev(1, 3))), -EPERM, "nor a node");
	tap_is(err(unlink("/dev/pts/ptmx")), -EPERM, "nor unlink");
	tap_is(err(symlink("x", "/dev/pts/new")), -EPERM, "nor a link");
	tap_is(err(stat("/dev/pts/ptmx", &a)), 0, "its own ptmx");
	tap_is(a.st_rdev, makedev(5, 2), "has the number");
	tap_says(a.st_mode, "and the mode");
	mkdir("pts", 0755);
	tap_is(err(mount("devpts", "pts", "devpts", 0, "mode=9")), -EINVAL,
	       "devpts with a bad mode");
	tap_is(err(mount("devpts", "pts", "devpts", 0, "nonsense")), -EINVAL,
	       "devpts with an unknown option");
	tap_is(err(mount("devtmpfs", "pts", "devtmpfs", 0, NULL)), 0, "devtmpfs once more");
	stat("/dev/null", &a);
	stat("pts/null", &b);
	tap_is(a.st_ino == b.st_ino && a.st_dev == b.st_dev, 1, "is the same one");
	fd = open("pts/file", O_WRONLY | O_CREAT, 0600);
	tap_ok(fd >= 0, "takes files");
	close(fd);
	tap_is(err(unlink("/dev/file")), 0, "and gives them away");
	tap_is(err(umount("pts")), 0, "umount");
	tap_is(err(stat("/dev/null", &a)), 0, "and the first is as it was");
}

static void console(void)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		struct termios t;
		int fd, dev = 0;

		setsid();
		fd = open("/dev/console", O_RDWR);
		if (fd < 0 || tcgetattr(fd, &t))
			_exit(1);
		if (ioctl(fd, TIOCGDEV, &dev) || !dev)
			_exit(2);
		if (open("/dev/tty", O_RDWR) >= 0)
			_exit(3);
		if (lseek(fd, 0, SEEK_SET) >= 0 || errno != ESPIPE)
			_exit(4);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	tap_is(status, 0, "the console is a terminal, and nobody's by itself");
}

/* --- the kernel log --- */

static int log_fd;

/* The next record: its priority in *prio, and its text. */
static const char *record(long *prio, char *buf, size_t size)
{
	long n = err(read(log_fd, buf, size - 1));
	char *text;

	*prio = n;
	if (n < 0)
		return "";
	buf[n] = '\0';
	*prio = atol(buf);
	text = strchr(buf, ';');
	return text ? text + 1 : "no semicolon";
}

/* What a write becomes. */
static void written(int w, const char *text, const char *what)
{
	char buf[2048];
	long prio;

	tap_is(err(write(w, text, strlen(text))), strlen(text), "%s", what);
	const char *got = record(&prio, buf, sizeof(buf));
	tap_ok(true, "  is %ld [%s]", prio, shown(got, strlen(got)));
}

static void kernel_log(void)
{
	int w = open("/dev/kmsg", O_WRONLY), commas = 0;
	static char big[2000];
	char buf[2048];
	long prio;

	log_fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK);
	tap_ok(log_fd >= 0, "open");
	tap_ok(read(log_fd, buf, sizeof(buf)) > 0, "there is something in it");
	tap_is(err(lseek(log_fd, 0, SEEK_END)), 0, "SEEK_END");
	tap_is(err(read(log_fd, buf, sizeof(buf))), -EAGAIN, "nothing behind it");
	poll_says(log_fd, "poll");
	written(w, "<14>hello\n", "a write with a priority");
	written(w, "<3>hello\n", "of facility 0");
	written(w, "plain\n", "without one");
	written(w, "<x>a\tb\\c\x80\xc3\xa4\n", "bytes that are escaped");
	written(w, "<191>two\nlines\n", "two lines");
	tap_is(err(write(w, "<6>fields\n", 10)), 10, "the format");
	poll_says(log_fd, "poll");
	tap_is(err(read(log_fd, buf, 5)), -EINVAL, "a buffer too small");
	tap_is(err(read(log_fd, buf, sizeof(buf))), -EAGAIN, "has lost its record");
	type(w, "<6>fields\n");
	long n = read(log_fd, buf, sizeof(buf) - 1);
	buf[n > 0 ? n : 0] = '\0';
	for (char *c = buf; *c && *c != ';'; c++)
		commas += *c == ',';
	tap_says(commas, "commas");
	tap_ok(strchr(buf, ';') && strchr(buf, ';')[-1] == '-' && strchr(buf, ';')[-2] == ',',
	       "the flag");
	memset(big, 'x', sizeof(big));
	tap_is(err(write(w, big, 1025)), -EINVAL, "a write too long");
	tap_is(err(write(w, (void *)8, 8)), -EFAULT, "from nowhere");
	tap_is(err(lseek(log_fd, 1, SEEK_SET)), -ESPIPE, "lseek to 1");
	tap_is(err(lseek(log_fd, 0, SEEK_CUR)), -EINVAL, "SEEK_CUR");
	tap_is(err(lseek(log_fd, 0, SEEK_SET)), 0, "SEEK_SET");
	tap_ok(read(log_fd, buf, sizeof(buf)) > 0, "the first record");
	tap_is(err(lseek(w, 0, SEEK_SET)), 0, "lseek of a writer");
	tap_is(err(read(w, buf, 8)), -EBADF, "its read");

	record(&prio, buf, sizeof(buf));
	close(w);
}

static void syslog_calls(void)
{
	static char buf[1 << 20];
	int w = open("/dev/kmsg", O_WRONLY);
	char *last;
	long n;

	tap_is(err(klogctl(-1, NULL, 0)), -EINVAL, "syslog -1");
	tap_is(err(klogctl(11, NULL, 0)), -EINVAL, "syslog 11");
	tap_is(err(klogctl(0, NULL, 0)), 0, "close");
	tap_is(err(klogctl(1, NULL, 0)), 0, "open");
	tap_ok(klogctl(10, NULL, 0) >= 16384, "the buffer's size");
	tap_ok(klogctl(9, NULL, 0) > 0, "unread");
	tap_is(err(klogctl(3, NULL, 10)), -EINVAL, "read all to NULL");
	tap_is(err(klogctl(3, buf, -1)), -EINVAL, "read all of -1");
	tap_is(err(klogctl(3, buf, 0)), 0, "read all of 0");
	tap_is(err(klogctl(2, buf, -1)), -EINVAL, "read of -1");
	tap_is(err(klogctl(8, NULL, 0)), -EINVAL, "console level 0");
	tap_is(err(klogctl(8, NULL, 9)), -EINVAL, "console level 9");
	tap_is(err(klogctl(6, NULL, 0)), 0, "console off");
	tap_is(err(klogctl(7, NULL, 0)), 0, "console on");
	tap_is(err(write(w, "<15>the last\n", 13)), 13, "a record");
	n = klogctl(3, buf, sizeof(buf) - 1);
	tap_ok(n > 0, "read all");
	buf[n > 0 ? n : 0] = '\0';
	last = strrchr(buf, '<');
	tap_ok(last && !strncmp(last, "<15>[", 5), "the last line's beginning");
	tap_ok(last && !strcmp(strchr(last, ']'), "] the last\n"), "and end");
	n = klogctl(3, buf, 40);
	tap_ok(n > 0 && n <= 40 && !strncmp(buf, "<15>", 4), "as much as fits, whole lines");
	tap_is(err(klogctl(5, NULL, 0)), 0, "clear");
	tap_is(err(klogctl(3, buf, sizeof(buf))), 0, "nothing is shown then");
	tap_is(err(write(w, "<15>after\n", 10)), 10, "a record");
	n = klogctl(4, buf, sizeof(buf));
	tap_ok(n > 0 && !strncmp(buf, "<15>[", 5), "read and clear");
	tap_is(err(klogctl(3, buf, sizeof(buf))), 0, "cleared");
	log_fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK);
	tap_ok(read(log_fd, buf, sizeof(buf)) > 0, "/dev/kmsg still has all");
	tap_is(err(lseek(log_fd, 0, SEEK_DATA)), 0, "SEEK_DATA");
	tap_is(err(read(log_fd, buf, sizeof(buf))), -EAGAIN, "goes behind the mark");
	n = klogctl(2, buf, 30);
	tap_is(n, 30, "a read gives what fits, from the beginning");
	pid_t pid = fork();
	if (!pid) {
		if (setuid(1000))
			_exit(99);
		_exit(klogctl(5, NULL, 0) ? errno : 0);
	}
	int status;
	waitpid(pid, &status, 0);
	tap_is(WEXITSTATUS(status), EPERM, "clear by a user");
	close(w);
}

int main(void)
{
	nodes();
	null_and_full();
	zero();
	random_numbers();
	numbers();
	file_systems();
	console();
	kernel_log();
	syslog_calls();
	return tap_exit();
}
