/* SPDX-License-Identifier: MIT */
/* Reading, writing, seeking, truncating: holes, vectors, positions, sizes at their limits. */
#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/uio.h>
#include "child.h"

static char a[70000], b[70000];

static long size_of(int fd)
{
	struct stat st;

	fstat(fd, &st);
	return st.st_size;
}

static int zeroes(const char *p, long n)
{
	while (n--)
		if (*p++)
			return 0;
	return 1;
}

static void seeking(void)
{
	int fd = open("seek", O_RDWR | O_CREAT | O_TRUNC, 0644);

	tap_is(err(lseek(fd, 100, SEEK_SET)), 100, "SEEK_SET");
	tap_is(err(lseek(fd, -10, SEEK_CUR)), 90, "SEEK_CUR");
	tap_is(err(lseek(fd, -91, SEEK_CUR)), -EINVAL, "before the start");
	tap_is(err(lseek(fd, 0, SEEK_CUR)), 90, "left where it was");
	tap_is(size_of(fd), 0, "seeking makes nothing");
	tap_is(read(fd, a, 10), 0, "read behind the end");
	tap_is(write(fd, "x", 1), 1, "write behind the end");
	tap_is(size_of(fd), 91, "makes a hole");
	memset(a, 1, 100);
	tap_is(pread(fd, a, 100, 0), 91, "read it");
	tap_ok(zeroes(a, 90) && a[90] == 'x', "of zeroes");
	tap_is(err(lseek(fd, 0, SEEK_END)), 91, "SEEK_END");
	tap_is(err(lseek(fd, 0, 99)), -EINVAL, "unknown whence");
	tap_is(err(lseek(fd, 0x7fffffffffffffff, SEEK_SET)), 0x7fffffffffffffff,
	       "the largest position");
	tap_is(err(lseek(fd, -1, SEEK_SET)), -EINVAL, "position -1");
	tap_is(err(lseek(99, 0, SEEK_SET)), -EBADF, "of none");
	ftruncate(fd, 0);
	pwrite(fd, "x", 1, 8192);
	tap_is(err(lseek(fd, 0, SEEK_HOLE)), 0, "SEEK_HOLE");
	tap_is(err(lseek(fd, 8192, SEEK_HOLE)), 8193, "SEEK_HOLE in the data: the end");
	tap_is(err(lseek(fd, 8192, SEEK_DATA)), 8192, "SEEK_DATA");
	tap_is(err(lseek(fd, 8193, SEEK_DATA)), -ENXIO, "SEEK_DATA behind the end");
	close(fd);
}

static void positions(void)
{
	int fd = open("pos", O_RDWR | O_CREAT | O_TRUNC, 0644);

	tap_is(pwrite(fd, "hello", 5, 4094), 5, "pwrite over a page's end");
	tap_is(lseek(fd, 0, SEEK_CUR), 0, "leaves the position");
	tap_is(pread(fd, a, 5, 4094), 5, "pread");
	tap_ok(!memcmp(a, "hello", 5), "what was written");
	tap_is(err(pread(fd, a, 5, -1)), -EINVAL, "pread at -1");
	tap_is(err(pwrite(fd, a, 5, -1)), -EINVAL, "pwrite at -1");
	tap_is(err(pread(fd, a, 0, 0)), 0, "pread nothing");
	tap_is(sys(SYS_read, fd, a, -1L), -EFAULT, "read of a negative size");
	tap_is(sys(SYS_read, fd, 0xffffffffffff0000, 100), -EFAULT, "read into the kernel");
	tap_is(sys(SYS_read, fd, 8, 100), -EFAULT, "read into nowhere");
	tap_is(sys(SYS_write, fd, 8, 100), -EFAULT, "write from nowhere");
	tap_is(size_of(fd), 4099, "which makes nothing");
	tap_is(err(pwrite(fd, "x", 1, 0x7fffffffffffffff)), -EINVAL,
	       "pwrite at the largest position");
	for (unsigned i = 0; i < sizeof(a); i++)
		a[i] = i * 31 + i / 4096;
	lseek(fd, 0, SEEK_SET);
	tap_is(write(fd, a, sizeof(a)), sizeof(a), "a large write");
	tap_is(pread(fd, b, sizeof(b), 0), sizeof(b), "a large read");
	tap_ok(!memcmp(a, b, sizeof(a)), "the same");
	int bad = 0;
	for (unsigned i = 0; i < 300; i++) {
		unsigned at = i * 7919 % 60000, n = 1 + i * 13 % 9000;
		bad += pread(fd, b, n, at) != n || memcmp(a + at, b, n);
	}
	tap_is(bad, 0, "300 reads at any place");
	for (unsigned i = 0; i < 300; i++) {
		unsigned at = i * 6151 % 60000, n = 1 + i * 17 % 9000;
		memset(a + at, i, n);
		bad += pwrite(fd, a + at, n, at) != n;
	}
	pread(fd, b, sizeof(b), 0);
	tap_ok(!bad && !memcmp(a, b, sizeof(a)), "300 writes at any place");
	close(fd);
}

static void vectors(void)
{
	int fd = open("vec", O_RDWR | O_CREAT | O_TRUNC, 0644);
	struct iovec v[4] = { { "ab", 2 }, { NULL, 0 }, { "cde", 3 }, { (void *)8, 4 } }, many[1024];
	char one[3], two[10];
	struct iovec r[2] = { { one, 3 }, { two, 10 } };

	tap_is(err(writev(fd, v, 3)), 5, "writev");
	tap_is(err(preadv(fd, r, 2, 1)), 4, "preadv");
	tap_ok(!memcmp(one, "bcd", 3) && two[0] == 'e', "scattered");
	tap_is(err(writev(fd, v, 4)), 5, "writev with a bad tail writes what came before");
	tap_is(err(writev(fd, v + 3, 1)), -EFAULT, "writev of a bad one");
	tap_is(err(pwritev(fd, v, 3, -1)), -EINVAL, "pwritev at -1");
	tap_is(err(pwritev2(fd, v, 3, -1, 0)), 5, "pwritev2 at -1 is writev");
	tap_is(err(pwritev2(fd, v, 3, 0, 0x10000)), -EOPNOTSUPP, "pwritev2, unknown flag");
	tap_is(err(pwritev2(fd, v, 3, 0, RWF_APPEND)), 5, "RWF_APPEND");
	tap_is(size_of(fd), 20, "appended");
	for (int i = 0; i < 1024; i++)
		many[i] = (struct iovec){ "z", 1 };
	tap_is(err(writev(fd, many, 1024)), 1024, "1024 pieces");
	v[0].iov_len = v[2].iov_len = 0x7fffffffffffffff;
	tap_is(err(writev(fd, v, 3)), -EFAULT, "lengths that overflow");
	close(fd);
}

static void truncating(void)
{
	int fd = open("trunc", O_RDWR | O_CREAT | O_TRUNC, 0644);

	memset(a, 'q', 10000);
	write(fd, a, 10000);
	tap_is(err(ftruncate(fd, 5000)), 0, "cut");
	tap_is(size_of(fd), 5000, "shorter");
	tap_is(err(ftruncate(fd, 10000)), 0, "grow");
	pread(fd, b, 10000, 0);
	tap_ok(!memcmp(a, b, 5000) && zeroes(b + 5000, 5000), "what was cut comes back as zeroes");
	tap_is(err(ftruncate(fd, -1)), -EINVAL, "to -1");
	tap_is(err(truncate("trunc", 3)), 0, "by name");
	tap_is(size_of(fd), 3, "3 bytes");
	tap_is(err(truncate("none", 3)), -ENOENT, "of none");
	mkdir("adir", 0755);
	tap_is(err(truncate("adir", 3)), -EISDIR, "of a directory");
	tap_is(lseek(fd, 0, SEEK_CUR), 10000, "the position stays");
	tap_is(err(fallocate(fd, 0, 0, 20000)), 0, "fallocate");
	tap_is(size_of(fd), 20000, "grows it");
	tap_is(err(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 30000)), 0, "fallocate, keeping the size");
	tap_is(size_of(fd), 20000, "kept");
	tap_is(err(fallocate(fd, 0, 0, 0)), -EINVAL, "fallocate of nothing");
	tap_is(err(fallocate(fd, 0, -1, 5)), -EINVAL, "fallocate at -1");
	write(fd, a, 4096);
	pwrite(fd, a, 8192, 0);
	tap_is(err(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 100, 5000)), 0,
	       "punch a hole");
	pread(fd, b, 8192, 0);
	tap_ok(b[99] == 'q' && zeroes(b + 100, 5000) && b[5100] == 'q', "of zeroes, to the byte");
	tap_is(err(fsync(fd)), 0, "fsync");
	tap_is(err(fdatasync(fd)), 0, "fdatasync");
	close(fd);
}

static void moving(void)
{
	int from = open("pos", O_RDONLY), to = open("copy", O_RDWR | O_CREAT | O_TRUNC, 0644), p[2];
	off_t at = 100;
	loff_t in = 0, out = 0;

	pread(from, a, sizeof(a), 0);
	tap_is(err(sendfile(to, from, &at, 5000)), 5000, "sendfile");
	tap_is(at, 5100, "its offset");
	tap_is(lseek(from, 0, SEEK_CUR), 0, "leaves the position");
	tap_is(err(sendfile(to, from, NULL, 100)), 100, "sendfile by position");
	tap_is(lseek(from, 0, SEEK_CUR), 100, "moves it");
	pread(to, b, 5100, 0);
	tap_ok(!memcmp(a + 100, b, 5000) && !memcmp(a, b + 5000, 100), "what was sent");
	at = 1000000;
	tap_is(err(sendfile(to, from, &at, 10)), 0, "sendfile behind the end");
	tap_is(err(copy_file_range(from, &in, to, &out, 3000, 0)), 3000, "copy_file_range");
	tap_ok(in == 3000 && out == 3000, "both offsets");
	pread(to, b, 3000, 0);
	tap_ok(!memcmp(a, b, 3000), "what was copied");
	tap_is(err(copy_file_range(from, &in, to, &out, 10, 1)), -EINVAL,
	       "copy_file_range, unknown flag");
	pipe(p);
	in = 0;
	tap_is(err(splice(from, &in, p[1], NULL, 4000, 0)), 4000, "splice into a pipe");
	out = 0;
	tap_is(err(splice(p[0], NULL, to, &out, 4000, 0)), 4000, "and out of it");
	pread(to, b, 4000, 0);
	tap_ok(!memcmp(a, b, 4000), "what was spliced");
	tap_is(err(splice(from, &in, to, &out, 10, 0)), -EINVAL, "splice without a pipe");
	close(from);
	close(to);
}

static void devices(void)
{
	int null = open("/dev/null", O_RDWR), zero = open("/dev/zero", O_RDWR),
	    full = open("/dev/full", O_RDWR);
	struct stat st;

	tap_is(read(null, a, 10), 0, "/dev/null: end");
	tap_is(write(null, a, 10), 10, "/dev/null: takes all");
	tap_is(write(null, (void *)8, 10), 10, "even from nowhere");
	memset(a, 1, 10000);
	tap_is(read(zero, a, 10000), 10000, "/dev/zero");
	tap_ok(zeroes(a, 10000), "of zeroes");
	tap_is(err(read(zero, (void *)8, 10)), -EFAULT, "/dev/zero into nowhere");
	tap_is(err(write(full, a, 1)), -ENOSPC, "/dev/full");
	tap_is(err(lseek(null, 77, SEEK_SET)), 0, "/dev/null has no position");
	fstat(null, &st);
	tap_ok(S_ISCHR(st.st_mode) && st.st_rdev == 0x103, "its number");
	int random = open("/dev/urandom", O_RDONLY);
	tap_is(read(random, b, 64), 64, "/dev/urandom");
	tap_ok(!zeroes(b, 64), "is random");
	tap_is(sys(SYS_getrandom, b, 64, 0), 64, "getrandom");
	tap_is(sys(SYS_getrandom, b, 64, 0x100), -EINVAL, "getrandom, unknown flag");
}

static void advice(void)
{
	int fd = open("pos", O_RDONLY), p[2];
	struct statfs fs;

	pipe(p);
	tap_is(sys(SYS_fadvise64, fd, 0, 0, POSIX_FADV_SEQUENTIAL), 0, "fadvise");
	tap_is(sys(SYS_fadvise64, fd, 0, 0, 99), -EINVAL, "fadvise, unknown");
	tap_is(sys(SYS_fadvise64, p[0], 0, 0, 0), -ESPIPE, "fadvise of a pipe");
	tap_is(sys(SYS_readahead, fd, 0, 4096), 0, "readahead");
	tap_is(err(fstatfs(fd, &fs)), 0, "fstatfs");
	tap_is(fs.f_type, 0x01021994, "tmpfs");
	tap_ok(fs.f_bsize == 4096 && fs.f_namelen == 255, "its sizes");
	tap_is(err(statfs("/none", &fs)), -ENOENT, "statfs of none");
	tap_is(sys(SYS_sync), 0, "sync");
	tap_is(err(syncfs(fd)), 0, "syncfs");
	tap_is(err(syncfs(99)), -EBADF, "syncfs of none");
	close(fd);
}

int main(void)
{
	seeking();
	positions();
	vectors();
	truncating();
	moving();
	devices();
	advice();
	return tap_exit();
}
