/* SPDX-License-Identifier: MIT */
/*
 * Names: directories, links, renaming, removing, permissions, times; what getdents and stat tell.
 */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include "child.h"

static char long_name[300], long_path[5000], buffer[8192];

static void make(const char *name)
{
	close(open(name, O_WRONLY | O_CREAT, 0644));
}

static long nlink_of(const char *name)
{
	struct stat st;

	return lstat(name, &st) ? -errno : (long)st.st_nlink;
}

static void lengths(void)
{
	struct stat st;

	memset(long_name, 'n', 256);
	tap_is(err(open(long_name, O_WRONLY | O_CREAT, 0644)), -ENAMETOOLONG, "a name of 256");
	tap_is(err(stat(long_name, &st)), -ENAMETOOLONG, "looked up");
	long_name[255] = 0;
	make(long_name);
	tap_is(err(stat(long_name, &st)), 0, "a name of 255");
	tap_is(err(unlink(long_name)), 0, "removed");
	memset(long_path, '/', 4096);
	tap_is(err(stat(long_path, &st)), -ENAMETOOLONG, "a path of 4096");
	long_path[4095] = 0;
	tap_is(err(stat(long_path, &st)), 0, "a path of 4095");
}

static void directories(void)
{
	struct stat st;
	char cwd[200];

	umask(022);
	tap_is(err(mkdir("d", 0777)), 0, "mkdir");
	stat("d", &st);
	tap_is(st.st_mode, S_IFDIR | 0755, "its mode");
	tap_is(st.st_nlink, 2, "two links");
	tap_is(err(mkdir("d", 0777)), -EEXIST, "again");
	tap_is(err(mkdir("d/", 0777)), -EEXIST, "with a slash");
	tap_is(err(mkdir("d/e/", 0777)), 0, "a new one with a slash");
	tap_is(nlink_of("d"), 3, "its parent has three");
	tap_is(err(mkdir("d/e/f/g", 0777)), -ENOENT, "without its parent");
	make("plain");
	tap_is(err(mkdir("plain/x", 0777)), -ENOTDIR, "below a file");
	tap_is(err(mkdir("", 0777)), -ENOENT, "without a name");
	tap_is(err(mkdir(".", 0777)), -EEXIST, "mkdir .");
	tap_is(err(mkdir("/", 0777)), -EEXIST, "mkdir /");
	tap_is(err(rmdir("d")), -ENOTEMPTY, "rmdir, not empty");
	tap_is(err(rmdir("d/e/.")), -EINVAL, "rmdir .");
	tap_is(err(rmdir("d/e/..")), -ENOTEMPTY, "rmdir ..");
	tap_is(err(rmdir("/")), -EBUSY, "rmdir /");
	tap_is(err(rmdir("plain")), -ENOTDIR, "rmdir of a file");
	tap_is(err(unlink("d")), -EISDIR, "unlink of a directory");
	tap_is(err(unlink("plain/")), -ENOTDIR, "unlink with a slash");
	tap_is(err(rmdir("none")), -ENOENT, "rmdir of none");
	tap_is(CODE(chdir("d/e"); rmdir("../e"); _exit(-err(open("x", O_WRONLY | O_CREAT, 0600)))),
	       ENOENT,
	       "a file in a removed directory");
	mkdir("d/e", 0755);
	tap_is(CODE(chdir("d/e"); rmdir("../e"); _exit(-sys(SYS_getcwd, cwd, 200))), ENOENT,
	       "getcwd in a removed one");
	tap_is(CODE(chdir("d"); sys(SYS_getcwd, cwd, 200); _exit(strcmp(cwd, "/tmp/abi_names/d"))),
	       0, "getcwd");
	tap_is(sys(SYS_getcwd, cwd, 3), -ERANGE, "getcwd, too small");
	tap_is(CODE(_exit(sys(SYS_getcwd, cwd, 200))), 15, "getcwd's result counts the end");
	tap_is(err(chdir("plain")), -ENOTDIR, "chdir to a file");
	tap_is(err(chdir("none")), -ENOENT, "chdir to none");
	tap_is(err(fchdir(99)), -EBADF, "fchdir to none");
	tap_is(CODE(chroot("d"); chdir("/"); mkdir("inside", 0755);
		    _exit(access("/../inside", F_OK))),
	       0, "chroot");
	tap_is(err(access("d/inside", F_OK)), 0, "seen from outside");
	tap_is(err(rmdir("d/inside")), 0, "removed");
	tap_is(err(mkdir("g", 02755)), 0, "a set-group-id directory");
	chown("g", 0, 77);
	chmod("g", 02775);
	make("g/file");
	mkdir("g/sub", 0755);
	stat("g/file", &st);
	tap_is(st.st_gid, 77, "hands its group on");
	stat("g/sub", &st);
	tap_is(st.st_mode, S_IFDIR | 02755, "and its bit to directories");
}

static void hard_links(void)
{
	struct stat a, b;
	int fd;

	make("one");
	tap_is(err(link("one", "two")), 0, "link");
	stat("one", &a), stat("two", &b);
	tap_ok(a.st_ino == b.st_ino && a.st_dev == b.st_dev && a.st_nlink == 2, "the same file");
	tap_is(err(link("one", "two")), -EEXIST, "again");
	tap_is(err(link("none", "three")), -ENOENT, "of none");
	tap_is(err(link("d", "dd")), -EPERM, "of a directory");
	tap_is(err(link("one", "/dev/x")), -EXDEV, "to another file system");
	symlink("one", "soft");
	tap_is(err(link("soft", "softer")), 0, "of a symbolic link");
	lstat("softer", &a);
	tap_ok(S_ISLNK(a.st_mode) && a.st_nlink == 2, "itself");
	tap_is(err(linkat(AT_FDCWD, "soft", AT_FDCWD, "hard", AT_SYMLINK_FOLLOW)), 0, "followed");
	tap_is(nlink_of("one"), 3, "three names");
	tap_is(err(linkat(AT_FDCWD, "one", AT_FDCWD, "x", 1)), -EINVAL, "unknown flag");
	tap_is(err(link("one", "x/")), -ENOENT, "to a name with a slash");
	fd = open("one", O_RDWR);
	write(fd, "data", 4);
	unlink("one"), unlink("two"), unlink("hard");
	fstat(fd, &a);
	tap_is(a.st_nlink, 0, "no name left");
	tap_is(pread(fd, buffer, 10, 0), 4, "an open file outlives its names");
	tap_is(err(unlink("one")), -ENOENT, "unlink again");
	close(fd);
}

static void symbolic_links(void)
{
	struct stat st;
	char name[20], target[20];

	tap_is(err(symlink("abc", "s")), 0, "symlink");
	tap_is(err(readlink("s", buffer, 100)), 3, "readlink");
	tap_ok(!memcmp(buffer, "abc", 3), "its text");
	tap_is(err(readlink("s", buffer, 2)), 2, "cut");
	tap_is(err(readlink("s", buffer, 0)), -EINVAL, "into nothing");
	tap_is(err(readlink("plain", buffer, 10)), -EINVAL, "of a file");
	tap_is(err(readlink("none", buffer, 10)), -ENOENT, "of none");
	tap_is(err(symlink("x", "s")), -EEXIST, "again");
	tap_is(err(symlink("", "t")), -ENOENT, "to nothing");
	lstat("s", &st);
	tap_ok(st.st_mode == (S_IFLNK | 0777) && st.st_size == 3, "lstat");
	symlink("l1", "l0");
	for (int i = 1; i < 45; i++) {
		snprintf(name, 20, "l%d", i);
		snprintf(target, 20, "l%d", i + 1);
		symlink(target, name);
	}
	make("l41");
	unlink("l40"), make("l40");
	tap_is(err(stat("l0", &st)), 0, "40 links in a row");
	unlink("l40"), symlink("l41", "l40"), unlink("l41"), make("l41");
	tap_is(err(stat("l0", &st)), -ELOOP, "41 are too many");
	symlink("p2", "p1"), symlink("p1", "p2");
	tap_is(err(stat("p1", &st)), -ELOOP, "a circle");
	tap_is(err(open("p1", O_WRONLY | O_CREAT, 0644)), -ELOOP, "a circle with O_CREAT");
	tap_is(err(unlink("p1")), 0, "which can be removed");
	symlink("/tmp/abi_names/d", "abs");
	tap_is(err(mkdir("abs/via", 0755)), 0, "mkdir through a link");
	tap_is(err(rmdir("d/via")), 0, "is there");
	tap_is(err(mkdir("s", 0755)), -EEXIST, "mkdir at a dangling link");
	tap_is(err(rmdir("abs")), -ENOTDIR, "rmdir of a link");
	tap_is(err(rmdir("abs/")), -ENOTDIR, "with a slash too");
}

static void renaming(void)
{
	struct stat a, b;

	make("r1");
	stat("r1", &a);
	tap_is(err(rename("r1", "r2")), 0, "rename");
	stat("r2", &b);
	tap_ok(a.st_ino == b.st_ino && access("r1", F_OK), "the same file");
	make("r3");
	tap_is(err(rename("r2", "r3")), 0, "over another");
	stat("r3", &b);
	tap_is(a.st_ino == b.st_ino, 1, "replaced");
	tap_is(err(rename("none", "r3")), -ENOENT, "of none");
	tap_is(err(rename("r3", "r3")), 0, "onto itself");
	link("r3", "r4");
	tap_is(err(rename("r3", "r4")), 0, "onto another name of itself");
	tap_is(nlink_of("r3"), 2, "does nothing");
	mkdir("rd", 0755), mkdir("rd/sub", 0755), mkdir("empty", 0755);
	tap_is(err(rename("rd", "rd/sub/x")), -EINVAL, "a directory into itself");
	tap_is(err(rename("r3", "rd")), -EISDIR, "a file over a directory");
	tap_is(err(rename("rd", "r3")), -ENOTDIR, "a directory over a file");
	tap_is(err(rename("empty", "rd")), -ENOTEMPTY, "over a full directory");
	tap_is(err(rename("rd", "empty")), 0, "over an empty one");
	tap_is(nlink_of("empty"), 3, "it has its links");
	tap_is(err(rename("empty/sub", "moved")), 0, "a directory to another parent");
	tap_is(nlink_of("empty"), 2, "which counts down");
	tap_is(CODE(chdir("moved");
		    _exit(stat("..", &a) || stat("/tmp/abi_names", &b) || a.st_ino != b.st_ino)),
	       0, "its .. follows");
	tap_is(err(rename(".", "x")), -EBUSY, "rename .");
	tap_is(err(rename("moved/..", "x")), -EBUSY, "rename ..");
	tap_is(err(rename("/", "/x")), -EBUSY, "rename /");
	tap_is(err(rename("r3", "/dev/x")), -EXDEV, "to another file system");
	tap_is(err(rename("r3", "r5/")), -ENOTDIR, "a file to a name with a slash");
	tap_is(err(rename("moved", "moved2/")), 0, "a directory to one");
	tap_is(err(renameat2(AT_FDCWD, "r3", AT_FDCWD, "r4", RENAME_NOREPLACE)), -EEXIST,
	       "RENAME_NOREPLACE");
	tap_is(err(renameat2(AT_FDCWD, "r3", AT_FDCWD, "r6", RENAME_NOREPLACE)), 0,
	       "to a free name");
	tap_is(err(renameat2(AT_FDCWD, "r6", AT_FDCWD, "moved2", RENAME_EXCHANGE)), 0,
	       "RENAME_EXCHANGE");
	stat("r6", &a), stat("moved2", &b);
	tap_ok(S_ISDIR(a.st_mode) && S_ISREG(b.st_mode), "exchanged");
	tap_is(err(renameat2(AT_FDCWD, "r6", AT_FDCWD, "none", RENAME_EXCHANGE)), -ENOENT,
	       "exchange with none");
	tap_is(err(renameat2(AT_FDCWD, "r6", AT_FDCWD, "moved2",
			     RENAME_EXCHANGE | RENAME_NOREPLACE)),
	       -EINVAL, "both flags");
	tap_is(err(renameat2(AT_FDCWD, "r6", AT_FDCWD, "moved2", 64)), -EINVAL, "unknown flag");
}

static int has_name(const char *name, int nr, const char (*names)[32])
{
	int found = 0;

	for (int i = 0; i < nr; i++)
		found += !strcmp(names[i], name);
	return found;
}

static void listing(void)
{
	static char names[400][32];
	char name[32];
	int nr = 0, good = 0, types = 0, fd;
	struct dirent *e;
	DIR *dir;

	mkdir("list", 0755);
	for (int i = 0; i < 300; i++) {
		snprintf(name, 32, "list/file%d", i);
		make(name);
	}
	mkdir("list/dir", 0755), symlink("x", "list/link"), mkfifo("list/fifo", 0644);
	dir = opendir("list");
	while ((e = readdir(dir)) && nr < 400) {
		strncpy(names[nr++], e->d_name, 31);
		types += e->d_type == (!strcmp(e->d_name, "dir") || e->d_name[0] == '.' ? DT_DIR
				       : !strcmp(e->d_name, "link")                     ? DT_LNK
				       : !strcmp(e->d_name, "fifo")                     ? DT_FIFO
											: DT_REG);
	}
	tap_is(nr, 305, "all names");
	tap_is(types, 305, "all types");
	for (int i = 0; i < 300; i++) {
		snprintf(name, 32, "file%d", i);
		good += has_name(name, nr, names) == 1;
	}
	tap_is(good, 300, "each once");
	tap_ok(has_name(".", nr, names) == 1 && has_name("..", nr, names) == 1, ". and .. too");
	rewinddir(dir);
	for (nr = 0; (e = readdir(dir));) {
		snprintf(name, 32, "list/%s", e->d_name);
		nr += e->d_type == DT_REG && !unlink(name);
	}
	tap_is(nr, 300, "removing while reading finds all");
	closedir(dir);
	fd = open("list", O_RDONLY);
	tap_is(sys(SYS_getdents64, fd, buffer, 10), -EINVAL, "too small for one");
	tap_ok(sys(SYS_getdents64, fd, buffer, 8192) > 0, "getdents64");
	tap_is(sys(SYS_getdents64, fd, buffer, 8192), 0, "then the end");
	tap_is(sys(SYS_getdents64, 1, buffer, 8192), -ENOTDIR, "of a terminal");
	tap_is(err(lseek(fd, 0, SEEK_SET)), 0, "back to the start");
	tap_is(sys(SYS_getdents64, fd, 8, 8192), -EFAULT, "into nowhere");
	close(fd);
	fd = open("d", O_RDONLY);
	rmdir("d/e"), rmdir("d");
	tap_is(sys(SYS_getdents64, fd, buffer, 8192), -ENOENT, "of a removed directory");
	close(fd);
}

static int as_user(int (*fn)(const char *), const char *name)
{
	return CODE(setgid(500); setuid(500); _exit(fn(name) < 0 ? errno : 0));
}

static int can_read(const char *n) { return open(n, O_RDONLY); }
static int can_write(const char *n) { return open(n, O_WRONLY); }
static int can_make(const char *n) { return open(n, O_WRONLY | O_CREAT, 0644); }
static int can_list(const char *n) { return opendir(n) ? 0 : -1; }
static int can_enter(const char *n) { return chdir(n); }
static int can_remove(const char *n) { return unlink(n); }
static int can_chmod(const char *n) { return chmod(n, 0777); }
static int can_chown(const char *n) { return chown(n, 1, -1); }
static int can_access(const char *n) { return access(n, R_OK | W_OK); }

static void bits_of_a_file(void)
{
	make("perm");
	chmod("perm", 0640);
	tap_is(as_user(can_read, "perm"), EACCES, "others: no read");
	chown("perm", 0, 500);
	tap_is(as_user(can_read, "perm"), 0, "group: read");
	tap_is(as_user(can_write, "perm"), EACCES, "group: no write");
	tap_is(as_user(can_access, "perm"), EACCES, "access agrees");
	chown("perm", 500, 0);
	tap_is(as_user(can_write, "perm"), 0, "owner: write");
	chmod("perm", 0077);
	tap_is(as_user(can_read, "perm"), EACCES, "the owner's bits alone count for the owner");
	tap_is(as_user(can_chmod, "perm"), 0, "the owner may chmod");
	tap_is(as_user(can_chown, "perm"), EPERM, "but not give away");
	tap_is(as_user(can_make, "new"), EACCES, "no file in another's directory");
	tap_is(as_user(can_remove, "perm"), EACCES, "nor remove one");
}

static void bits_of_a_directory(void)
{
	mkdir("pd", 0711);
	make("pd/file");
	chmod("pd/file", 0644);
	tap_is(as_user(can_list, "pd"), EACCES, "search only: no listing");
	tap_is(as_user(can_read, "pd/file"), 0, "search only: a known name");
	chmod("pd", 0744);
	tap_is(as_user(can_list, "pd"), 0, "read only: listing");
	tap_is(as_user(can_read, "pd/file"), EACCES, "read only: no name");
	tap_is(as_user(can_enter, "pd"), EACCES, "nor entry");
	chmod("pd", 01777);
	tap_is(as_user(can_make, "pd/mine"), 0, "sticky: make");
	tap_is(as_user(can_remove, "pd/file"), EPERM, "sticky: another's stays");
	tap_is(as_user(can_remove, "pd/mine"), 0, "sticky: one's own goes");
	tap_is(as_user(can_chmod, "pd/file"), EPERM, "another's chmod");
}

static void owners(void)
{
	struct stat st;

	chmod("perm", 06755);
	chown("perm", 3, 4);
	stat("perm", &st);
	tap_is(st.st_mode, S_IFREG | 0755, "chown drops the set-id bits");
	tap_ok(st.st_uid == 3 && st.st_gid == 4, "and sets both ids");
	chown("perm", -1, 9);
	stat("perm", &st);
	tap_ok(st.st_uid == 3 && st.st_gid == 9, "-1 leaves one");
	lchown("s", 5, 6);
	lstat("s", &st);
	tap_is(st.st_uid, 5, "lchown");
}

static void accesses(void)
{
	tap_is(err(chmod("none", 0)), -ENOENT, "chmod of none");
	tap_is(err(fchmod(99, 0)), -EBADF, "fchmod of none");
	tap_is(err(access("perm", 8)), -EINVAL, "access, unknown mode");
	chmod("perm", 0000);
	tap_is(err(access("perm", R_OK | W_OK)), 0, "root reads and writes all");
	tap_is(err(access("perm", X_OK)), -EACCES, "but does not run what nobody may");
	tap_is(CODE(seteuid(500); _exit(-err(access("perm", R_OK)))), 0,
	       "access asks for the real user");
	tap_is(CODE(seteuid(500); _exit(-err(faccessat(AT_FDCWD, "perm", R_OK, AT_EACCESS)))),
	       EACCES, "AT_EACCESS for the effective one");
}

static void bits_that_go(void)
{
	struct stat st;

	tap_is(CODE(umask(027); make("masked"); stat("masked", &st); _exit(st.st_mode & 0777)),
	       0640 & 0xff, "umask");
	chmod("perm", 04755);
	chown("perm", 500, 500), chmod("perm", 04755);
	tap_is(CODE(setuid(500); int fd = open("perm", O_WRONLY); write(fd, "x", 1);
		    stat("perm", &st); _exit(st.st_mode >> 9 & 7)),
	       0, "writing drops set-user-id");
}

static void permissions(void)
{
	chmod(".", 0755);
	bits_of_a_file();
	bits_of_a_directory();
	owners();
	accesses();
	bits_that_go();
}

static void times(void)
{
	struct timespec t[2] = { { 1000, 5 }, { 2000, 7 } }, now;
	struct stat st, later;
	int fd;

	make("timed");
	tap_is(err(utimensat(AT_FDCWD, "timed", t, 0)), 0, "utimensat");
	stat("timed", &st);
	tap_ok(st.st_atim.tv_sec == 1000 && st.st_atim.tv_nsec == 5 && st.st_mtim.tv_sec == 2000 &&
		       st.st_mtim.tv_nsec == 7,
	       "both");
	t[0].tv_nsec = UTIME_OMIT, t[1].tv_nsec = UTIME_NOW;
	utimensat(AT_FDCWD, "timed", t, 0);
	stat("timed", &st);
	clock_gettime(CLOCK_REALTIME, &now);
	tap_ok(st.st_atim.tv_sec == 1000 && st.st_mtim.tv_sec >= now.tv_sec - 5,
	       "UTIME_OMIT and UTIME_NOW");
	t[0].tv_nsec = 1000000000;
	tap_is(err(utimensat(AT_FDCWD, "timed", t, 0)), -EINVAL, "nonsense");
	tap_is(err(utimensat(AT_FDCWD, "none", NULL, 0)), -ENOENT, "of none");
	t[0] = t[1] = (struct timespec){ 1, 1 };
	utimensat(AT_FDCWD, "timed", t, 0);
	stat("timed", &st);
	tap_ok(st.st_ctim.tv_sec >= now.tv_sec - 5, "the change time is now");
	fd = open("timed", O_RDWR);
	write(fd, "x", 1);
	fstat(fd, &st);
	tap_ok(st.st_mtim.tv_sec >= now.tv_sec - 5 && st.st_atim.tv_sec == 1,
	       "writing sets the modification time only");
	read(fd, buffer, 0);
	sleep_ms(20);
	chmod("timed", 0600);
	fstat(fd, &later);
	tap_ok(later.st_mtim.tv_nsec == st.st_mtim.tv_nsec &&
		       (later.st_ctim.tv_sec > st.st_ctim.tv_sec ||
			later.st_ctim.tv_nsec > st.st_ctim.tv_nsec),
	       "chmod the change time only");
	stat(".", &st);
	sleep_ms(20);
	make("newfile");
	stat(".", &later);
	tap_ok(later.st_mtim.tv_sec > st.st_mtim.tv_sec ||
		       later.st_mtim.tv_nsec > st.st_mtim.tv_nsec,
	       "a directory's when a name comes");
	tap_is(CODE(setuid(700); _exit(-err(utimensat(AT_FDCWD, "newfile", t, 0)))), EPERM,
	       "another's: set");
	tap_is(CODE(setuid(700); _exit(-err(utimensat(AT_FDCWD, "newfile", NULL, 0)))), EACCES,
	       "another's: touch");
	close(fd);
}

static void stats(void)
{
	struct statx x;
	struct stat st;
	int fd = open("newfile", O_RDWR);

	tap_is(err(statx(AT_FDCWD, "newfile", 0, STATX_BASIC_STATS, &x)), 0, "statx");
	stat("newfile", &st);
	tap_ok(x.stx_ino == st.st_ino && x.stx_mode == st.st_mode && x.stx_size == st.st_size &&
		       x.stx_nlink == 1 && makedev(x.stx_dev_major, x.stx_dev_minor) == st.st_dev &&
		       x.stx_blksize == 4096,
	       "agrees with stat");
	tap_is(x.stx_mask & STATX_BASIC_STATS, STATX_BASIC_STATS, "gives all basic fields");
	tap_is(err(statx(AT_FDCWD, "newfile", 0x8000000, STATX_BASIC_STATS, &x)), -EINVAL,
	       "statx, unknown flag");
	tap_is(err(statx(AT_FDCWD, "newfile", 0, 0x80000000, &x)), -EINVAL, "statx, reserved mask");
	tap_is(err(statx(fd, "", AT_EMPTY_PATH, STATX_SIZE, &x)), 0, "statx of a descriptor");
	tap_is(sys(SYS_newfstatat, fd, "", &st, AT_EMPTY_PATH), 0, "newfstatat of a descriptor");
	tap_is(sys(SYS_newfstatat, fd, "", &st, 0), -ENOENT, "without the flag");
	tap_is(sys(SYS_newfstatat, AT_FDCWD, "newfile", &st, 0x8000), -EINVAL,
	       "newfstatat, unknown flag");
	tap_is(err(fstat(99, &st)), -EBADF, "fstat of none");
	pwrite(fd, "x", 1, 40960);
	fstat(fd, &st);
	tap_ok(st.st_size == 40961 && st.st_blocks > 0 && st.st_blocks < 80,
	       "a sparse file takes few blocks");
	tap_is(err(mknod("null", S_IFCHR | 0666, makedev(1, 3))), 0, "mknod of a device");
	stat("null", &st);
	tap_ok(S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3), "its number");
	tap_is(err(mknod("reg", S_IFREG | 0600, 0)), 0, "mknod of a file");
	tap_is(err(mknod("dirnode", S_IFDIR | 0600, 0)), -EPERM, "mknod of a directory");
	tap_is(err(mknod("odd", 0170000, 0)), -EINVAL, "mknod of an unknown type");
	tap_is(err(mknod("sock", S_IFSOCK | 0600, 0)), 0, "mknod of a socket");
	tap_is(err(open("sock", O_RDONLY)), -ENXIO, "which does not open");
	tap_is(CODE(setuid(5); _exit(-err(mknod("/tmp/usernode", S_IFCHR | 0666, makedev(1, 3))))),
	       EPERM, "mknod as a user");
	close(fd);
}

/* Files of the archive that the root came in (tests/guest.py). */
static void unpacked(void)
{
	struct stat a, b, c, st;
	char text[20] = "";
	int fd;

	stat("/etc/owned", &st);
	tap_is(st.st_uid, 12, "an owner in the archive");
	tap_is(st.st_gid, 34, "and a group");
	stat("/etc/owned.d", &st);
	tap_is(st.st_uid, 12, "of a directory");
	stat("/etc/name0", &a);
	stat("/etc/name1", &b);
	stat("/etc/name2", &c);
	tap_is(a.st_nlink, 3, "a file with three names");
	tap_ok(a.st_ino == b.st_ino && b.st_ino == c.st_ino, "is one");
	tap_is(a.st_uid, 7, "with one owner");
	fd = open("/etc/name0", O_RDONLY);
	read(fd, text, sizeof(text) - 1);
	close(fd);
	tap_ok(!strcmp(text, "of three names"), "whose contents came with the last");
}

int main(void)
{
	unpacked();
	lengths();
	directories();
	hard_links();
	symbolic_links();
	renaming();
	listing();
	permissions();
	times();
	stats();
	return tap_exit();
}
