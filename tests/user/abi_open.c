/* SPDX-License-Identifier: MIT */
/* open, close, dup, fcntl: flags, numbers, what is shared between descriptors, refusals. */
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include "child.h"

static char buffer[100];

static int opened(const char *name, int flags)
{
	int fd = open(name, flags, 0644);

	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

static void links(void)
{
	struct stat st;

	symlink("target", "dangling");
	symlink("dir", "todir");
	symlink("loop", "loop");
	tap_is(opened("dangling", O_WRONLY | O_CREAT | O_EXCL), -EEXIST,
	       "O_EXCL of a dangling link");
	tap_is(opened("dangling", O_RDONLY), -ENOENT, "a dangling link");
	tap_is(opened("dangling", O_WRONLY | O_CREAT), 0, "O_CREAT through a dangling link");
	tap_is(err(stat("target", &st)), 0, "makes its target");
	tap_is(opened("loop", O_RDONLY), -ELOOP, "a link to itself");
	tap_is(opened("todir", O_RDONLY | O_NOFOLLOW), -ELOOP, "O_NOFOLLOW");
	tap_is(opened("todir", O_RDONLY | O_NOFOLLOW | O_DIRECTORY), -ENOTDIR,
	       "O_NOFOLLOW with O_DIRECTORY");
	tap_is(opened("todir/", O_RDONLY | O_NOFOLLOW), 0, "O_NOFOLLOW with a slash behind");
}

static void directories(void)
{
	tap_is(opened("dir", O_WRONLY), -EISDIR, "a directory for writing");
	tap_is(opened("dir", O_RDWR | O_CREAT), -EISDIR, "a directory with O_CREAT");
	tap_is(opened("dir", O_RDONLY | O_CREAT), -EISDIR, "a directory for reading with O_CREAT");
	tap_is(opened("dir", O_RDONLY | O_TRUNC), -EISDIR, "a directory with O_TRUNC");
	tap_is(opened("file", O_RDONLY | O_DIRECTORY), -ENOTDIR, "O_DIRECTORY of a file");
	tap_is(opened("new", O_RDONLY | O_DIRECTORY | O_CREAT), -EINVAL, "O_DIRECTORY and O_CREAT");
	tap_is(opened("new/", O_WRONLY | O_CREAT), -EISDIR, "O_CREAT with a slash behind");
}

static void odd_paths(void)
{
	tap_is(opened("file/", O_RDONLY), -ENOTDIR, "a file with a slash behind");
	tap_is(opened("file/x", O_RDONLY), -ENOTDIR, "below a file");
	tap_is(opened("none/x", O_WRONLY | O_CREAT), -ENOENT, "below nothing");
	tap_is(opened("", O_RDONLY), -ENOENT, "an empty name");
	tap_is(opened("", O_WRONLY | O_CREAT), -ENOENT, "an empty name with O_CREAT");
	tap_is(opened(".", O_RDONLY), 0, ".");
	tap_is(opened("..", O_RDONLY), 0, "..");
	tap_is(opened("./dir/.././file", O_RDONLY), 0, "dots on the way");
	tap_is(opened("//tmp//", O_RDONLY), 0, "many slashes");
	tap_is(opened("/../../tmp", O_RDONLY), 0, "above the root is the root");
}

static void truncating(void)
{
	struct stat st;
	int fd = open("file", O_RDWR);

	write(fd, "0123456789", 10);
	tap_is(opened("file", O_WRONLY | O_TRUNC), 0, "O_TRUNC");
	fstat(fd, &st);
	tap_is(st.st_size, 0, "empties it");
	tap_is(read(fd, buffer, 10), 0, "for those who have it open too");
	close(fd);
}

static void appending(void)
{
	struct stat st;
	int fd = open("file", O_WRONLY | O_APPEND), other = open("file", O_RDWR);

	write(fd, "ab", 2);
	write(other, "XY", 2);
	lseek(fd, 0, SEEK_SET);
	write(fd, "cd", 2);
	tap_is(lseek(fd, 0, SEEK_CUR), 4, "O_APPEND writes at the end, and the position follows");
	tap_is(pread(other, buffer, 10, 0), 4, "four bytes");
	tap_ok(!memcmp(buffer, "XYcd", 4), "as expected");
	tap_is(pwrite(fd, "ef", 2, 0), 2, "pwrite with O_APPEND");
	fstat(fd, &st);
	tap_is(st.st_size, 6, "appends as well");
	tap_is(err(read(fd, buffer, 1)), -EBADF, "read from O_WRONLY");
	close(other);
	other = open("file", O_RDONLY);
	tap_is(err(write(other, buffer, 1)), -EBADF, "write to O_RDONLY");
	tap_is(err(ftruncate(other, 0)), -EINVAL, "ftruncate of O_RDONLY");
	close(other);
	close(fd);
}

static void below_a_directory(void)
{
	int dir = open("dir", O_RDONLY);

	tap_is(err(read(dir, buffer, 1)), -EISDIR, "read a directory");
	tap_is(err(openat(dir, "x", O_WRONLY | O_CREAT, 0600)) >= 0, 1, "openat");
	tap_is(opened("dir/x", O_RDONLY), 0, "made it there");
	tap_is(err(openat(99, "x", O_RDONLY)), -EBADF, "openat of no directory");
	tap_is(err(openat(99, "/", O_RDONLY)) >= 0, 1, "does not matter to an absolute path");
	tap_is(err(openat(1, "x", O_RDONLY)), -ENOTDIR, "openat of a file");
	close(dir);
}

static void flags(void)
{
	mkdir("dir", 0755);
	tap_is(opened("none", O_RDONLY), -ENOENT, "no file");
	tap_is(opened("file", O_WRONLY | O_CREAT), 0, "O_CREAT");
	tap_is(opened("file", O_WRONLY | O_CREAT), 0, "O_CREAT of an old one");
	tap_is(opened("file", O_WRONLY | O_CREAT | O_EXCL), -EEXIST, "O_EXCL");
	links();
	directories();
	odd_paths();
	truncating();
	appending();
	below_a_directory();
}

static void numbers(void)
{
	int a, b;

	sys(SYS_close_range, 3, ~0u, 0);
	a = open("file", O_RDONLY);
	tap_is(a, open("file", O_RDONLY) - 1, "the lowest number");
	close(a);
	tap_is(open("file", O_RDONLY), a, "is used again");
	tap_is(err(close(99)), -EBADF, "close of none");
	tap_is(err(close(-1)), -EBADF, "close of -1");
	b = dup(a);
	tap_is(b, a + 2, "dup");
	tap_is(err(dup(99)), -EBADF, "dup of none");
	tap_is(err(dup2(a, 50)), 50, "dup2");
	tap_is(err(dup2(a, a)), a, "dup2 onto itself");
	tap_is(err(dup2(99, 99)), -EBADF, "dup2 of none onto itself");
	tap_is(err(dup3(a, a, 0)), -EINVAL, "dup3 onto itself");
	tap_is(err(dup3(a, 51, 1)), -EINVAL, "dup3, unknown flag");
	tap_is(err(dup3(a, 51, O_CLOEXEC)), 51, "dup3");
	tap_is(err(dup3(a, 5000, 0)), -EBADF, "dup3 beyond the limit");
	tap_is(err(dup3(a, -1, 0)), -EBADF, "dup3 to -1");
	tap_is(fcntl(51, F_GETFD), FD_CLOEXEC, "O_CLOEXEC is the descriptor's");
	tap_is(fcntl(a, F_GETFD), 0, "not the file's");
	tap_is(err(fcntl(a, F_DUPFD, 60)), 60, "F_DUPFD");
	tap_is(err(fcntl(a, F_DUPFD, 60)), 61, "the next free one");
	tap_is(err(fcntl(a, F_DUPFD_CLOEXEC, 60)), 62, "F_DUPFD_CLOEXEC");
	tap_is(fcntl(62, F_GETFD), FD_CLOEXEC, "says so");
	tap_is(err(fcntl(a, F_DUPFD, -1)), -EINVAL, "F_DUPFD from -1");
	tap_is(err(fcntl(a, 9999)), -EINVAL, "fcntl, unknown command");
	tap_is(err(fcntl(99, F_GETFD)), -EBADF, "fcntl of none");
	tap_is(err(fcntl(a, F_SETFD, FD_CLOEXEC)), 0, "F_SETFD");
	tap_is(fcntl(a, F_GETFD), FD_CLOEXEC, "set");
	tap_is(err(fcntl(a, F_SETFD, 0)), 0, "F_SETFD");
	tap_is(fcntl(a, F_GETFD), 0, "cleared");
	tap_is(sys(SYS_close_range, 60, 62, 0), 0, "close_range");
	tap_is(err(fcntl(61, F_GETFD)), -EBADF, "closed");
	tap_is(sys(SYS_close_range, 50, 51, 4), 0, "close_range CLOEXEC");
	tap_is(fcntl(50, F_GETFD), FD_CLOEXEC, "marked");
	tap_is(sys(SYS_close_range, 60, 50, 0), -EINVAL, "close_range backwards");
	tap_is(sys(SYS_close_range, 60, 61, 16), -EINVAL, "close_range, unknown flag");
	tap_is(sys(SYS_close_range, 50, ~0u, 0), 0, "close_range to the end");
	close(b);
	close(a + 1);
	close(a);
}

static void many(void)
{
	int fd, count = 0;
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	tap_is(CODE(while (open("/", O_RDONLY) >= 0) count++;
		    _exit(count + 8 > 1024 && count < 1024 && errno == EMFILE)),
	       1, "EMFILE at the limit");
	tap_is(CODE(limit.rlim_cur = limit.rlim_max; setrlimit(RLIMIT_NOFILE, &limit);
		    fd = fcntl(0, F_DUPFD, 4000); _exit(fd == 4000 && write(4001, "", 0) < 0)),
	       1, "number 4000");
}

static void shared(void)
{
	int a, b, c;

	a = open("file", O_RDWR | O_TRUNC);
	b = dup(a);
	c = open("file", O_RDWR);
	write(a, "abc", 3);
	tap_is(lseek(b, 0, SEEK_CUR), 3, "dup shares the position");
	tap_is(lseek(c, 0, SEEK_CUR), 0, "a second open does not");
	tap_is(err(fcntl(b, F_SETFL, O_APPEND | O_NONBLOCK)), 0, "F_SETFL");
	tap_says(fcntl(a, F_GETFL), "dup shares the flags");
	tap_says(fcntl(c, F_GETFL), "a second open does not");
	tap_is(err(fcntl(b, F_SETFL, O_RDONLY | O_CREAT | O_TRUNC)), 0, "F_SETFL ignores the rest");
	tap_says(fcntl(a, F_GETFL), "left");
	close(a);
	tap_is(write(b, "d", 1), 1, "closing one leaves the other");
	close(b);
	close(c);
}

static void paths(void)
{
	struct stat st;
	int fd = open("file", O_PATH), dir = open("dir", O_PATH | O_DIRECTORY), l;

	tap_ok(fd >= 0, "O_PATH");
	tap_is(err(read(fd, buffer, 1)), -EBADF, "no read");
	tap_is(err(write(fd, buffer, 1)), -EBADF, "no write");
	tap_is(err(fstat(fd, &st)), 0, "fstat");
	tap_is(err(fchmod(fd, 0600)), -EBADF, "no fchmod");
	tap_is(err(lseek(fd, 0, SEEK_SET)), -EBADF, "no lseek");
	tap_is(err(ftruncate(fd, 0)), -EBADF, "no ftruncate");
	tap_is(err(fsync(fd)), -EBADF, "no fsync");
	tap_is(err(fcntl(fd, F_GETFL)), O_PATH, "F_GETFL");
	tap_is(err(fcntl(fd, F_SETFL, 0)), -EBADF, "no F_SETFL");
	tap_is(err(fcntl(fd, F_GETFD)), 0, "F_GETFD");
	tap_is(err(dup(fd)) > 0, 1, "dup");
	tap_is(err(openat(dir, "x", O_RDONLY)) > 0, 1, "openat below it");
	tap_is(err(fchdir(dir)), 0, "fchdir to it");
	tap_is(err(chdir("..")), 0, "and back");
	l = open("todir", O_PATH | O_NOFOLLOW);
	tap_is(err(readlinkat(l, "", buffer, 100)), 3, "a link's own descriptor: readlinkat");
	fstat(l, &st);
	tap_ok(S_ISLNK(st.st_mode), "fstat says link");
	close(l);
	close(fd);
	close(dir);
}

static long openat2(int dir, const char *name, unsigned long flags, unsigned long mode,
		    unsigned long resolve)
{
	struct open_how how = { flags, mode, resolve };
	long fd = sys(SYS_openat2, dir, name, &how, sizeof(how));

	if (fd >= 0)
		close(fd);
	return fd < 0 ? fd : 0;
}

static void resolves(void)
{
	struct { struct open_how how; long more; } big = { { O_RDONLY, 0, 0 }, 0 };
	int dir = open("dir", O_PATH);

	symlink("/tmp", "dir/abs");
	symlink("../file", "dir/up");
	symlink("x", "dir/link");
	tap_is(openat2(AT_FDCWD, "file", O_RDONLY, 0, 0), 0, "openat2");
	tap_is(openat2(AT_FDCWD, "file", 1ul << 40, 0, 0), -EINVAL, "openat2, unknown flag");
	tap_is(openat2(AT_FDCWD, "file", O_RDONLY, 0644, 0), -EINVAL,
	       "openat2, mode without O_CREAT");
	tap_is(openat2(AT_FDCWD, "file", O_RDONLY, 0, 1 << 20), -EINVAL,
	       "openat2, unknown resolve");
	tap_is(openat2(dir, "up", O_RDONLY, 0, RESOLVE_BENEATH), -EXDEV,
	       "RESOLVE_BENEATH: up and out");
	tap_is(openat2(dir, "abs", O_RDONLY, 0, RESOLVE_BENEATH), -EXDEV,
	       "RESOLVE_BENEATH: an absolute link");
	tap_is(openat2(dir, "link", O_RDONLY, 0, RESOLVE_BENEATH), 0, "RESOLVE_BENEATH: within");
	tap_is(openat2(dir, "link", O_RDONLY, 0, RESOLVE_NO_SYMLINKS), -ELOOP,
	       "RESOLVE_NO_SYMLINKS");
	tap_is(openat2(dir, "/x", O_RDONLY, 0, RESOLVE_IN_ROOT), 0, "RESOLVE_IN_ROOT");
	tap_is(openat2(dir, "../../x", O_RDONLY, 0, RESOLVE_IN_ROOT), 0, "RESOLVE_IN_ROOT: above");
	tap_is(sys(SYS_openat2, AT_FDCWD, "file", &big, 8), -EINVAL, "openat2, too small");
	tap_ok(sys(SYS_openat2, AT_FDCWD, "file", &big, sizeof(big)) > 0, "openat2, larger");
	big.more = 1;
	tap_is(sys(SYS_openat2, AT_FDCWD, "file", &big, sizeof(big)), -E2BIG,
	       "openat2, more in it");
	close(dir);
}

static void tmpfile_flag(void)
{
	int fd = open(".", O_TMPFILE | O_RDWR, 0600);
	char name[40];

	tap_is(fd >= 0, 1, "O_TMPFILE");
	tap_is(write(fd, "x", 1), 1, "can be written");
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	tap_is(err(linkat(AT_FDCWD, name, AT_FDCWD, "named", AT_SYMLINK_FOLLOW)), 0,
	       "and given a name");
	tap_is(err(open(".", O_TMPFILE | O_RDONLY, 0600)), -EINVAL, "O_TMPFILE for reading");
	close(fd);
}

int main(void)
{
	flags();
	many();
	shared();
	paths();
	resolves();
	tmpfile_flag();
	numbers();
	return tap_exit();
}
