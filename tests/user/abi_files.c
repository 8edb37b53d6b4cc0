/* SPDX-License-Identifier: MIT */
/* Names and attributes of files: what each call answers, in the root file system of the guest. */
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/vfs.h>
#include <dirent.h>
#include <time.h>
#include "tap.h"

#define AT AT_FDCWD
#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE 1
#define RENAME_EXCHANGE 2
#endif

static int make(const char *name, const char *text)
{
	int fd = open(name, O_CREAT | O_WRONLY | O_TRUNC, 0644);

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) != (long)strlen(text))
		return -EIO;
	return close(fd);
}

static long inode_of(const char *name)
{
	struct stat st;

	return lstat(name, &st) ? -errno : (long)st.st_ino;
}

static bool reads(const char *name, const char *text)
{
	char buf[64];
	int fd = open(name, O_RDONLY), n = fd < 0 ? -1 : (int)read(fd, buf, sizeof(buf));

	if (fd >= 0)
		close(fd);
	return n == (int)strlen(text) && !memcmp(buf, text, n);
}

static void test_create(void)
{
	char longname[300];
	int fd;

	memset(longname, 'n', sizeof(longname));
	longname[255] = 0;
	tap_is(err(fd = open("a", O_CREAT | O_EXCL | O_RDWR, 0644)), 3,
	       "O_CREAT|O_EXCL makes a file");
	tap_is(write(fd, "hello", 5), 5, "write");
	tap_is(lseek(fd, 0, SEEK_CUR), 5, "position");
	tap_is(lseek(fd, -2, SEEK_END), 3, "SEEK_END");
	char buf[8];
	tap_is(read(fd, buf, 8), 2, "read to the end");
	tap_is(read(fd, buf, 8), 0, "end of file");
	tap_is(pread(fd, buf, 3, 1), 3, "pread");
	tap_ok(!memcmp(buf, "ell", 3), "what pread read");
	tap_is(err(lseek(fd, -1, SEEK_SET)), -EINVAL, "negative position");
	tap_is(err(lseek(fd, 0, 77)), -EINVAL, "lseek whence");
	tap_is(lseek(fd, 0, SEEK_DATA), 0, "SEEK_DATA");
	tap_is(lseek(fd, 0, SEEK_HOLE), 5, "SEEK_HOLE");
	tap_is(err(lseek(fd, 5, SEEK_DATA)), -ENXIO, "SEEK_DATA at the end");
	close(fd);
	tap_is(err(open("a", O_CREAT | O_EXCL | O_RDWR, 0644)), -EEXIST, "O_EXCL on what is there");
	tap_is(err(open("none", O_RDONLY)), -ENOENT, "open a missing file");
	tap_is(err(open("", O_RDONLY)), -ENOENT, "open the empty name");
	tap_is(err(open("a/b", O_RDONLY)), -ENOTDIR, "a file as a directory");
	tap_is(err(open("a/", O_RDONLY)), -ENOTDIR, "slash after a file");
	tap_is(err(open("new/", O_CREAT | O_RDWR, 0644)), -EISDIR, "O_CREAT with a slash");
	tap_is(err(open(".", O_RDWR)), -EISDIR, "write a directory");
	tap_is(err(open(".", O_CREAT | O_RDONLY, 0644)), -EISDIR, "O_CREAT on a directory");
	tap_is(err(open("a", O_DIRECTORY | O_RDONLY)), -ENOTDIR, "O_DIRECTORY on a file");
	tap_is(err(open(longname, O_CREAT | O_RDWR, 0644)), 3, "255 bytes of name");
	close(3);
	tap_is(err(unlink(longname)), 0, "and away");
	longname[255] = 'n';
	longname[256] = 0;
	tap_is(err(open(longname, O_CREAT | O_RDWR, 0644)), -ENAMETOOLONG, "256 bytes of name");
	tap_is(err(open(longname, O_RDONLY)), -ENAMETOOLONG, "256 bytes of name, lookup");
	tap_is(sys(SYS_openat, AT, 0, 0), -EFAULT, "NULL name");
	tap_is(sys(SYS_openat, 77, "a", 0), -EBADF, "bad directory descriptor");
	tap_is(sys(SYS_openat, 77, "/", 0) >= 0, 1, "which an absolute name does not need");
	close(3);
	tap_is(sys(SYS_openat, AT, "a", O_CREAT | O_DIRECTORY, 0644), -EINVAL,
	       "O_CREAT|O_DIRECTORY");
}

static void test_umask(void)
{
	struct stat st;

	umask(027);
	close(open("m1", O_CREAT | O_RDWR, 0666));
	stat("m1", &st);
	tap_is(st.st_mode, S_IFREG | 0640, "mode under umask 027");
	mkdir("m2", 0777);
	stat("m2", &st);
	tap_is(st.st_mode, S_IFDIR | 0750, "directory's mode");
	tap_is(umask(022), 027, "umask gives back the old one");
	mknod("m3", S_IFIFO | 0666, 0);
	stat("m3", &st);
	tap_is(st.st_mode, S_IFIFO | 0644, "FIFO's mode");
	tap_is(err(mknod("m4", S_IFDIR | 0666, 0)), -EPERM, "mknod of a directory");
	tap_is(err(mknod("m4", 0170000 | 0666, 0)), -EINVAL, "mknod of nothing known");
	tap_is(err(mknod("m3", S_IFIFO | 0666, 0)), -EEXIST, "mknod of what is there");
	tap_is(err(mknod("m5", S_IFCHR | 0600, 0x103)), 0, "character device");
	stat("m5", &st);
	tap_is(st.st_rdev, 0x103, "its number");
	unlink("m1");
	rmdir("m2");
	unlink("m3");
	unlink("m5");
}

/* f and g: two names of one file; s: a link to f; d: a directory. */
static void hard_links(void)
{
	struct stat st;

	make("f", "text");
	tap_is(err(link("f", "g")), 0, "link");
	stat("g", &st);
	tap_is(st.st_nlink, 2, "two names");
	tap_is(err(link("f", "g")), -EEXIST, "link to what is there");
	tap_is(err(link("none", "h")), -ENOENT, "link of what is not");
	tap_is(err(link("d", "h")), -EPERM, "link of a directory");
}

static void symbolic_links(void)
{
	struct stat st;
	char buf[16];

	tap_is(err(symlink("f", "s")), 0, "symlink");
	tap_is(readlink("s", buf, sizeof(buf)), 1, "readlink");
	tap_is(readlink("s", buf, 0) < 0 ? -errno : 0, -EINVAL, "readlink into nothing");
	tap_is(err(readlink("f", buf, sizeof(buf))), -EINVAL, "readlink of a file");
	tap_is(err(symlink("x", "s")), -EEXIST, "symlink over a name");
	tap_is(err(symlink("", "s2")), -ENOENT, "symlink to nothing");
	tap_ok(reads("s", "text"), "read through a link");
	tap_is(err(open("s", O_NOFOLLOW | O_RDONLY)), -ELOOP, "O_NOFOLLOW");
	lstat("s", &st);
	tap_is(st.st_mode, S_IFLNK | 0777, "lstat");
	tap_is(st.st_size, 1, "a link's size");
}

static void links_to_nothing(void)
{
	symlink("loop2", "loop1");
	symlink("loop1", "loop2");
	tap_is(err(open("loop1", O_RDONLY)), -ELOOP, "a circle of links");
	symlink("nowhere", "dangling");
	tap_is(err(open("dangling", O_RDONLY)), -ENOENT, "a link to nowhere");
	tap_is(err(open("dangling", O_CREAT | O_EXCL | O_RDWR, 0644)), -EEXIST, "O_EXCL on it");
	tap_is(err(make("dangling", "made")), 0, "O_CREAT through it");
	tap_ok(reads("nowhere", "made"), "made the target");
	unlink("nowhere");
	unlink("loop1");
	unlink("loop2");
	unlink("dangling");
}

static void links_to_what_is_made(void)
{
	symlink("d/inside", "d/l1");
	symlink("../inside2", "d/l2");
	symlink("/tmp/../tmp/abs_target", "labs");
	tap_is(err(make("d/l2", "made2")), 0, "O_CREAT through a relative link");
	tap_ok(reads("inside2", "made2"), "made it where the link's directory says");
	tap_is(err(make("d/l1", "x")), -ENOENT, "O_CREAT through a link to a missing directory");
	unlink("inside2");
	unlink("labs");
	unlink("d/l1");
	unlink("d/l2");
}

static void links_that_are_followed(void)
{
	symlink("d", "sd");
	tap_is(err(rmdir("sd")), -ENOTDIR, "rmdir of a link");
	tap_is(err(open("sd/", O_RDONLY | O_DIRECTORY)), 3, "slash follows the link");
	close(3);
	tap_is(err(unlink("sd/")), -ENOTDIR, "unlink with a slash does not follow");
	tap_is(sys(SYS_linkat, AT, "s", AT, "hs", 0), 0, "linkat does not follow");
	tap_is(inode_of("hs") == inode_of("s"), 1, "it is the link itself");
	tap_is(sys(SYS_linkat, AT, "s", AT, "hf", AT_SYMLINK_FOLLOW), 0, "AT_SYMLINK_FOLLOW does");
	tap_is(inode_of("hf") == inode_of("f"), 1, "it is the file");
	tap_is(sys(SYS_linkat, AT, "s", AT, "hx", 0x1), -EINVAL, "linkat flags");
	unlink("hs");
	unlink("hf");
	unlink("sd");
}

static void directories_that_go(void)
{
	tap_is(err(unlink("d")), -EISDIR, "unlink a directory");
	tap_is(err(rmdir("f")), -ENOTDIR, "rmdir a file");
	make("d/in", "");
	tap_is(err(rmdir("d")), -ENOTEMPTY, "rmdir with a name in it");
	unlink("d/in");
	tap_is(err(rmdir("d/.")), -EINVAL, "rmdir .");
	mkdir("d/e", 0755);
	tap_is(err(rmdir("d/e/..")), -ENOTEMPTY, "rmdir ..");
	tap_is(err(rmdir("/")), -EBUSY, "rmdir /");
	rmdir("d/e");
	tap_is(err(rmdir("d/")), 0, "rmdir with a slash");
	tap_is(err(mkdir("d/", 0755)), 0, "mkdir with a slash");
	tap_is(err(mkdir("d", 0755)), -EEXIST, "mkdir again");
	tap_is(err(mkdir("/", 0755)), -EEXIST, "mkdir /");
	tap_is(err(mkdir("none/x", 0755)), -ENOENT, "mkdir below nothing");
}

static void names_that_go(void)
{
	struct stat st;

	unlink("f");
	stat("g", &st);
	tap_is(st.st_nlink, 1, "one name left");
	unlink("g");
	tap_is(err(unlink("g")), -ENOENT, "unlink what is gone");
	tap_is(sys(SYS_unlinkat, AT, "g", 0x1), -EINVAL, "unlinkat flags");
}

static void test_links(void)
{
	mkdir("d", 0755);
	hard_links();
	symbolic_links();
	links_to_nothing();
	links_to_what_is_made();
	links_that_are_followed();
	unlink("s");
	directories_that_go();
	rmdir("d");
	names_that_go();
}

static void test_deleted(void)
{
	struct stat st;
	char buf[64];
	int fd, d;

	make("f", "text");
	fd = open("f", O_RDWR);
	unlink("f");
	fstat(fd, &st);
	tap_is(st.st_nlink, 0, "an open file without a name");
	tap_is(pread(fd, buf, 4, 0), 4, "can be read");
	tap_is(err(make("f", "other")), 0, "the name can be taken again");
	tap_is(pread(fd, buf, 4, 0) == 4 && !memcmp(buf, "text", 4), 1, "and is another file");
	close(fd);
	unlink("f");
	mkdir("d", 0755);
	d = open("d", O_RDONLY | O_DIRECTORY);
	rmdir("d");
	tap_is(sys(SYS_openat, d, "x", O_CREAT | O_RDWR, 0644), -ENOENT,
	       "create in a removed directory");
	tap_is(sys(SYS_mkdirat, d, "x", 0755), -ENOENT, "mkdir in it");
	tap_is(sys(SYS_openat, d, "..", O_RDONLY) >= 0, 1, ".. of it");
	close(d + 1);
	tap_is(sys(SYS_getdents64, d, buf, sizeof(buf)), -ENOENT, "list it");
	close(d);
}

static void rename_files(void)
{
	long ino;

	make("a1", "one");
	make("a2", "two");
	ino = inode_of("a1");
	tap_is(err(rename("a1", "b1")), 0, "rename");
	tap_is(inode_of("b1") == ino, 1, "the same file");
	tap_is(inode_of("a1"), -ENOENT, "the old name is gone");
	tap_is(err(rename("b1", "a2")), 0, "rename over a file");
	tap_ok(reads("a2", "one"), "which is replaced");
	tap_is(err(rename("none", "x")), -ENOENT, "rename of what is not");
	tap_is(err(rename("a2", "a2")), 0, "rename to itself");
	link("a2", "a3");
	tap_is(err(rename("a2", "a3")), 0, "rename between two names of one file");
	tap_is(inode_of("a2") == inode_of("a3"), 1, "changes nothing");
	unlink("a3");
}

/* a2 is a file, d1 has a directory in it, d2 is empty. */
static void rename_directories(void)
{
	struct stat st;

	tap_is(err(rename("a2", "d1")), -EISDIR, "file over directory");
	tap_is(err(rename("d1", "a2")), -ENOTDIR, "directory over file");
	tap_is(err(rename("d2", "d1")), -ENOTEMPTY, "over a directory that is not empty");
	tap_is(err(rename("d1", "d1/sub/x")), -EINVAL, "below itself");
	tap_is(err(rename("d1/sub", "d1")), -ENOTEMPTY, "over its own parent");
	tap_is(err(rename("a2", "d1/a2")), 0, "into a directory");
	tap_ok(reads("d1/a2", "one"), "and it is there");
	stat("d1", &st);
	tap_says(st.st_nlink, "links of a directory with one below");
	tap_is(err(rename("d1/sub", "d2/sub")), 0, "a directory into another");
	stat("d1", &st);
	tap_says(st.st_nlink, "links of the one it left");
	stat("d2", &st);
	tap_says(st.st_nlink, "links of the one it came to");
	tap_is(inode_of("d2/sub/..") == inode_of("d2"), 1, "its .. follows");
	mkdir("d3", 0755);
	tap_is(err(rename("d2/sub", "d3")), 0, "over an empty directory");
	tap_is(err(rename("d3/", "d4/")), 0, "directories with slashes");
	tap_is(err(rename("d1/a2", "x/")), -ENOTDIR, "a file to a name with a slash");
	tap_is(err(rename("d4/.", "x")), -EBUSY, "rename of .");
	tap_is(err(rename("d4", "d1/..")), -EBUSY, "rename to ..");
	tap_is(err(rename("/", "/x")), -EBUSY, "rename of /");
}

static void rename_flags(void)
{
	struct stat st;

	make("a1", "one");
	make("a2", "two");
	tap_is(sys(SYS_renameat2, AT, "a1", AT, "a2", RENAME_NOREPLACE), -EEXIST,
	       "RENAME_NOREPLACE");
	tap_is(sys(SYS_renameat2, AT, "a1", AT, "a9", RENAME_NOREPLACE), 0, "onto a free name");
	tap_is(sys(SYS_renameat2, AT, "a9", AT, "a2", RENAME_EXCHANGE), 0, "RENAME_EXCHANGE");
	tap_ok(reads("a9", "two") && reads("a2", "one"), "they have changed places");
	tap_is(sys(SYS_renameat2, AT, "a9", AT, "none", RENAME_EXCHANGE), -ENOENT,
	       "exchange with nothing");
	tap_is(sys(SYS_renameat2, AT, "a9", AT, "d4", RENAME_EXCHANGE), 0,
	       "exchange file and directory");
	stat("a9", &st);
	tap_is(S_ISDIR(st.st_mode), 1, "the directory has the file's name");
	tap_is(sys(SYS_renameat2, AT, "a9", AT, "d1/a2", RENAME_EXCHANGE), 0, "across directories");
	stat("d1", &st);
	tap_says(st.st_nlink, "links after it");
	tap_is(sys(SYS_renameat2, AT, "a2", AT, "a9", RENAME_EXCHANGE | RENAME_NOREPLACE), -EINVAL,
	       "both flags");
	tap_is(sys(SYS_renameat2, AT, "a2", AT, "a9", 0x100), -EINVAL, "unknown flag");
}

static void test_rename(void)
{
	rename_files();
	mkdir("d1", 0755);
	mkdir("d2", 0755);
	mkdir("d1/sub", 0755);
	rename_directories();
	rename_flags();
	tap_is(err(rmdir("d1/a2")), 0, "remove it there");
	unlink("a2");
	unlink("a9");
	unlink("d4");
	rmdir("d1");
	rmdir("d2");
}

static void test_mode(void)
{
	struct stat st;
	int fd;

	make("f", "text");
	tap_is(err(chmod("f", 0107777 | 04755)), 0, "chmod takes only the permission bits");
	stat("f", &st);
	tap_is(st.st_mode, S_IFREG | 07777, "all of them");
	tap_is(err(chown("f", 5, 6)), 0, "chown");
	stat("f", &st);
	tap_is(st.st_uid, 5, "uid");
	tap_is(st.st_gid, 6, "gid");
	tap_is(st.st_mode, S_IFREG | 01777, "set-id bits go with the owner");
	tap_is(err(chown("f", -1, 7)), 0, "chown of the group alone");
	stat("f", &st);
	tap_is(st.st_uid == 5 && st.st_gid == 7, 1, "leaves the user");
	fd = open("f", O_RDWR);
	tap_is(err(fchmod(fd, 0600)), 0, "fchmod");
	tap_is(err(fchown(fd, 0, 0)), 0, "fchown");
	close(fd);
	fd = open("f", O_PATH);
	tap_is(err(fchmod(fd, 0600)), -EBADF, "fchmod of an O_PATH descriptor");
	close(fd);
	symlink("f", "s");
	tap_is(sys(SYS_fchownat, AT, "s", 9, 9, AT_SYMLINK_NOFOLLOW), 0, "lchown");
	stat("f", &st);
	tap_is(st.st_uid, 0, "leaves the file");
	lstat("s", &st);
	tap_is(st.st_uid, 9, "and changes the link");
	tap_is(sys(SYS_fchownat, AT, "s", 9, 9, 1), -EINVAL, "fchownat flags");
	tap_is(sys(452, AT, "s", 0600, AT_SYMLINK_NOFOLLOW), -EOPNOTSUPP, "fchmodat2 of a link");
	tap_is(sys(452, AT, "f", 0640, 0), 0, "fchmodat2");
	tap_is(sys(452, AT, "f", 0640, 1), -EINVAL, "fchmodat2 flags");
	tap_is(err(access("f", R_OK | W_OK)), 0, "access as root");
	tap_is(err(access("f", X_OK)), -EACCES, "no execute bit, even for root");
	tap_is(err(access("f", 8)), -EINVAL, "access mode");
	tap_is(err(access("none", F_OK)), -ENOENT, "access of what is not");
	unlink("s");
	unlink("f");
}

static void test_as_user(void)
{
	struct stat st;

	make("mine", "x");
	make("yours", "x");
	chown("mine", 1000, 1000);
	mkdir("sticky", 01777);
	chmod("sticky", 01777);
	make("sticky/root", "x");
	mkdir("secret", 0700);
	make("secret/f", "x");
	chmod(".", 0755);
	if (setresgid(1000, 1000, 0) || setresuid(1000, 1000, 0))
		tap_bail("setresuid");
	tap_is(err(open("yours", O_RDWR)), -EACCES, "write another's file");
	tap_is(err(open("yours", O_RDONLY)), 3, "read it");
	close(3);
	tap_is(err(chmod("yours", 0777)), -EPERM, "chmod it");
	tap_is(err(chown("yours", 1000, -1)), -EPERM, "chown it");
	tap_is(err(chown("mine", 1001, -1)), -EPERM, "give one's own away");
	tap_is(err(chown("mine", -1, 1000)), 0, "chown to oneself");
	tap_is(err(chown("mine", -1, 5)), -EPERM, "to a group one is not in");
	chmod("mine", 06755);
	stat("mine", &st);
	tap_is(st.st_mode & 07777, 06755, "set-id bits of one's own");
	int fd = open("mine", O_WRONLY);
	tap_is(write(fd, "y", 1), 1, "a write");
	close(fd);
	stat("mine", &st);
	tap_is(st.st_mode & 07777, 0755, "takes them away");
	tap_is(err(open("new", O_CREAT | O_RDWR, 0644)), -EACCES, "create in root's directory");
	tap_is(err(unlink("mine")), -EACCES, "unlink there");
	tap_is(err(open("secret/f", O_RDONLY)), -EACCES, "search a directory without x");
	tap_is(err(unlink("sticky/root")), -EPERM, "unlink another's in a sticky directory");
	tap_is(err(rename("sticky/root", "sticky/r2")), -EPERM, "rename it");
	tap_is(err(make("sticky/user", "x")), 0, "create there");
	tap_is(err(unlink("sticky/user")), 0, "and unlink");
	tap_is(err(mknod("sticky/dev", S_IFCHR | 0600, 0x103)), -EPERM, "mknod of a device");
	tap_is(sys(SYS_utimensat, AT, "yours", 0, 0), -EACCES, "touch another's");
	struct timespec t[2] = { { 1, 0 }, { 1, 0 } };
	tap_is(sys(SYS_utimensat, AT, "yours", t, 0), -EPERM, "set another's times");
	tap_is(sys(SYS_utimensat, AT, "mine", t, 0), 0, "set one's own");
	tap_is(err(chroot(".")), -EPERM, "chroot");
	/* access() asks with the real ids. */
	if (setresuid(1000, 0, 0))
		tap_bail("setresuid back");
	tap_is(err(access("yours", W_OK)), -EACCES, "access with the real uid");
	tap_is(sys(SYS_faccessat2, AT, "yours", W_OK, AT_EACCESS), 0,
	       "AT_EACCESS with the effective");
	tap_is(sys(SYS_faccessat2, AT, "yours", W_OK, 1), -EINVAL, "faccessat2 flags");
	if (setresuid(0, 0, 0) || setresgid(0, 0, 0))
		tap_bail("setresuid to root");
	unlink("mine");
	unlink("yours");
	unlink("sticky/root");
	rmdir("sticky");
	unlink("secret/f");
	rmdir("secret");
}

static void test_times(void)
{
	struct timespec t[2] = { { 100, 5 }, { 200, 7 } };
	struct stat st;
	int fd;

	make("f", "x");
	tap_is(sys(SYS_utimensat, AT, "f", t, 0), 0, "utimensat");
	stat("f", &st);
	tap_is(st.st_atime, 100, "atime");
	tap_is(st.st_mtim.tv_nsec, 7, "mtime's ns");
	t[0].tv_nsec = UTIME_OMIT;
	t[1] = (struct timespec){ 300, 0 };
	tap_is(sys(SYS_utimensat, AT, "f", t, 0), 0, "UTIME_OMIT");
	stat("f", &st);
	tap_is(st.st_atime, 100, "leaves the atime");
	tap_is(st.st_mtime, 300, "sets the other");
	t[1].tv_nsec = UTIME_OMIT;
	tap_is(sys(SYS_utimensat, AT, "none", t, 0), 0, "both omitted: the name is not looked at");
	t[0].tv_nsec = 1000000000;
	tap_is(sys(SYS_utimensat, AT, "f", t, 0), -EINVAL, "too many ns");
	fd = open("f", O_RDONLY);
	t[0] = t[1] = (struct timespec){ 400, 0 };
	tap_is(sys(SYS_utimensat, fd, 0, t, 0), 0, "by descriptor");
	tap_is(sys(SYS_utimensat, fd, 0, t, AT_SYMLINK_NOFOLLOW), -EINVAL, "with flags");
	tap_is(sys(SYS_utimensat, AT, 0, t, 0), -EFAULT, "no name");
	fstat(fd, &st);
	tap_is(st.st_mtime, 400, "mtime");
	close(fd);
	fd = open("f", O_RDWR);
	tap_is(write(fd, "y", 1), 1, "a write");
	fstat(fd, &st);
	clock_gettime(CLOCK_REALTIME, &t[0]);
	tap_is(st.st_mtime <= t[0].tv_sec && st.st_mtime > t[0].tv_sec - 5, 1, "sets the mtime");
	close(fd);
	unlink("f");
}

static void test_size(void)
{
	struct stat st;
	char buf[8];
	int fd;

	make("f", "0123456789");
	tap_is(err(truncate("f", 4)), 0, "truncate");
	tap_ok(reads("f", "0123"), "shorter");
	tap_is(err(truncate("f", 8)), 0, "longer");
	fd = open("f", O_RDWR);
	tap_is(read(fd, buf, 8), 8, "eight bytes");
	tap_ok(!memcmp(buf, "0123\0\0\0\0", 8), "zeros behind");
	tap_is(err(ftruncate(fd, -1)), -EINVAL, "negative size");
	tap_is(err(ftruncate(fd, 100000)), 0, "ftruncate");
	fstat(fd, &st);
	tap_is(st.st_size, 100000, "size");
	tap_is(pwrite(fd, "x", 1, 200000), 1, "write beyond the end");
	fstat(fd, &st);
	tap_is(st.st_size, 200001, "size after it");
	tap_is(pread(fd, buf, 8, 150000) == 8 && !buf[0], 1, "the hole reads as zeros");
	close(fd);
	fd = open("f", O_RDONLY);
	tap_is(err(ftruncate(fd, 0)), -EINVAL, "ftruncate of a read-only descriptor");
	tap_is(err(write(fd, "x", 1)), -EBADF, "write to it");
	close(fd);
	fd = open("f", O_WRONLY | O_APPEND);
	tap_is(err(read(fd, buf, 1)), -EBADF, "read from a write-only one");
	tap_is(pwrite(fd, "end", 3, 0), 3, "pwrite with O_APPEND");
	fstat(fd, &st);
	tap_is(st.st_size, 200004, "appends");
	close(fd);
	tap_is(err(truncate(".", 0)), -EISDIR, "truncate a directory");
	tap_is(err(truncate("none", 0)), -ENOENT, "truncate nothing");
	mkfifo("p", 0600);
	tap_is(err(truncate("p", 0)), -EINVAL, "truncate a FIFO");
	unlink("p");
	tap_is(err(open("f", O_RDONLY | O_TRUNC)), 3, "O_TRUNC");
	fstat(3, &st);
	tap_is(st.st_size, 0, "empties the file");
	close(3);
	unlink("f");
}

static void test_list(void)
{
	char name[16];
	int seen = 0, dots = 0;
	DIR *d;

	mkdir("d", 0755);
	for (int i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "d/n%d", i);
		make(name, "");
	}
	d = opendir("d");
	for (struct dirent *e; (e = readdir(d));) {
		if (e->d_name[0] == '.') {
			dots++;
			continue;
		}
		seen++;
		if (e->d_type != DT_REG && e->d_type != DT_UNKNOWN)
			seen = -1000;
		snprintf(name, sizeof(name), "d/%.12s", e->d_name);
		if (unlink(name))
			seen = -1000;
	}
	tap_is(dots, 2, ". and ..");
	tap_is(seen, 300, "every name once, while they are unlinked");
	rewinddir(d);
	seen = 0;
	while (readdir(d))
		seen++;
	tap_is(seen, 2, "nothing left");
	closedir(d);
	tap_is(err(rmdir("d")), 0, "it is empty");
	int fd = open(".", O_RDONLY);
	tap_is(sys(SYS_getdents64, fd, name, 1), -EINVAL, "no room for an entry");
	tap_is(err(read(fd, name, 1)), -EISDIR, "read a directory");
	close(fd);
	make("f", "");
	fd = open("f", O_RDONLY);
	tap_is(sys(SYS_getdents64, fd, name, 16), -ENOTDIR, "list a file");
	close(fd);
	unlink("f");
}

static void test_cwd(void)
{
	char cwd[PATH_MAX], buf[PATH_MAX];
	int fd;

	getcwd(cwd, sizeof(cwd));
	mkdir("d", 0755);
	tap_is(err(chdir("d")), 0, "chdir");
	getcwd(buf, sizeof(buf));
	tap_is(!strncmp(buf, cwd, strlen(cwd)) && !strcmp(buf + strlen(cwd), "/d"), 1, "getcwd");
	tap_is(sys(SYS_getcwd, buf, 1), -ERANGE, "getcwd into one byte");
	tap_is(err(chdir("none")), -ENOENT, "chdir to nothing");
	fd = open("..", O_RDONLY);
	rmdir("../d");
	tap_is(sys(SYS_getcwd, buf, sizeof(buf)), -ENOENT, "getcwd of a removed directory");
	tap_is(err(fchdir(fd)), 0, "fchdir");
	close(fd);
	make("f", "");
	tap_is(err(chdir("f")), -ENOTDIR, "chdir to a file");
	fd = open("f", O_RDONLY);
	tap_is(err(fchdir(fd)), -ENOTDIR, "fchdir to a file");
	close(fd);
	unlink("f");
	tap_is(sys(SYS_getcwd, buf, sizeof(buf)), (long)strlen(cwd) + 1, "back");
}

static void test_stat(void)
{
	struct statfs sf;
	struct stat st;
	int fd;

	tap_is(sys(SYS_newfstatat, AT, "", &st, 0), -ENOENT, "stat of the empty name");
	tap_is(sys(SYS_newfstatat, AT, "", &st, AT_EMPTY_PATH), 0, "AT_EMPTY_PATH");
	tap_is(S_ISDIR(st.st_mode), 1, "is the working directory");
	tap_is(sys(SYS_newfstatat, AT, ".", &st, 0x8000), -EINVAL, "flags");
	tap_is(sys(SYS_newfstatat, AT, ".", 8, 0), -EFAULT, "wild pointer");
	tap_is(sys(SYS_fstat, 77, &st), -EBADF, "fstat of nothing");
	fd = open("f", O_CREAT | O_RDWR, 0600);
	tap_is(sys(SYS_newfstatat, fd, "", &st, AT_EMPTY_PATH), 0, "of a descriptor");
	tap_is(st.st_mode, S_IFREG | 0600, "mode");
	tap_is(st.st_blksize, 4096, "block size");
	tap_is(sys(SYS_newfstatat, fd, "x", &st, 0), -ENOTDIR, "below a file");
	close(fd);
	tap_is(err(statfs("f", &sf)), 0, "statfs");
	tap_is(sf.f_bsize, 4096, "its block size");
	tap_is(sf.f_namelen, 255, "longest name");
	tap_is(err(statfs("none", &sf)), -ENOENT, "statfs of nothing");
	tap_is(sys(SYS_fstatfs, 77, &sf), -EBADF, "fstatfs of nothing");
	unlink("f");
}

int main(void)
{
	test_create();
	test_umask();
	test_links();
	test_deleted();
	test_rename();
	test_mode();
	test_as_user();
	test_times();
	test_size();
	test_list();
	test_cwd();
	test_stat();
	return tap_exit();
}
