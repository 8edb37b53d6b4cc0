/* SPDX-License-Identifier: MIT */
/*
 * Flags, commands and options at the edges of calls: each is honoured, ignored or
 * refused as Linux does it. What a call does in the main is the other programs' part.
 */
#include <fcntl.h>
#include <linux/fs.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include "child.h"

#define AT_STATX_FORCE_SYNC_	0x2000
#define AT_STATX_DONT_SYNC_	0x4000
#define STATX_MNT_ID_		0x1000
#define STATX_ATTR_MOUNT_ROOT_	0x2000
#define F_DUPFD_QUERY_		1027
#define F_CREATED_QUERY_	1028

static char buffer[100];

/* mnt_id of a statx; what glibc's headers may not know. */
static unsigned long mnt_id_of(const struct statx *x)
{
	unsigned long id;

	memcpy(&id, (const char *)x + 0x90, sizeof(id));
	return id;
}

/* The mount that /proc says fd is on. */
static unsigned long mnt_id_of_fd(int fd)
{
	char name[40], text[400] = "", *at;
	int info;

	snprintf(name, sizeof(name), "/proc/self/fdinfo/%d", fd);
	info = open(name, O_RDONLY);
	read(info, text, sizeof(text) - 1);
	close(info);
	at = strstr(text, "mnt_id:");
	return at ? strtoul(at + 7, NULL, 10) : ~0ul;
}

static void statx_flags(void)
{
	struct statx x = { 0 };
	struct stat st;
	int fd = open("file", O_RDWR | O_CREAT, 0644), p[2];
	unsigned long id = mnt_id_of_fd(fd);

	tap_says(sys(SYS_newfstatat, AT_FDCWD, "file", &st, AT_STATX_FORCE_SYNC_),
		 "newfstatat, AT_STATX_FORCE_SYNC");
	tap_says(sys(SYS_newfstatat, AT_FDCWD, "file", &st, AT_STATX_DONT_SYNC_),
		 "newfstatat, AT_STATX_DONT_SYNC");
	tap_says(sys(SYS_newfstatat, AT_FDCWD, "file", &st,
		     AT_STATX_DONT_SYNC_ | AT_STATX_FORCE_SYNC_),
		 "newfstatat, both");
	tap_says(sys(SYS_newfstatat, fd, NULL, &st, AT_EMPTY_PATH), "newfstatat, no name");
	tap_says(sys(SYS_newfstatat, fd, NULL, &st, 0), "newfstatat, no name and no flag");
	tap_says(sys(SYS_newfstatat, AT_FDCWD, NULL, &st, AT_EMPTY_PATH),
		 "newfstatat, no name, working directory");
	tap_says(sys(SYS_statx, fd, NULL, AT_EMPTY_PATH, STATX_BASIC_STATS, &x), "statx, no name");
	tap_says(sys(SYS_statx, fd, NULL, 0, STATX_BASIC_STATS, &x), "statx, no name and no flag");
	tap_says(sys(SYS_statx, AT_FDCWD, NULL, AT_EMPTY_PATH, STATX_BASIC_STATS, &x),
		 "statx, no name, working directory");
	tap_says(sys(SYS_statx, fd, "", AT_EMPTY_PATH, 0, &x), "statx, nothing asked for");
	tap_says(x.stx_mask & STATX_BASIC_STATS, "is answered with");
	tap_says(sys(SYS_statx, fd, "", AT_EMPTY_PATH, STATX_MNT_ID_, &x), "statx, STATX_MNT_ID");
	tap_says(!!(x.stx_mask & STATX_MNT_ID_), "is answered");
	tap_says(mnt_id_of(&x) == id, "with the number in fdinfo");
	tap_says(!!(x.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT_),
		 "whether it is a mount's root is known");
	tap_says(!!(x.stx_attributes & STATX_ATTR_MOUNT_ROOT_), "a file is not");
	tap_says(sys(SYS_statx, AT_FDCWD, "/proc", 0, STATX_BASIC_STATS, &x), "statx of /proc");
	tap_says(!!(x.stx_attributes & STATX_ATTR_MOUNT_ROOT_), "is a mount's root");
	tap_says(mnt_id_of(&x) != id, "on another mount");
	tap_says(sys(SYS_statx, AT_FDCWD, "/proc/self", 0, STATX_BASIC_STATS, &x),
		 "statx below it");
	tap_says(!!(x.stx_attributes & STATX_ATTR_MOUNT_ROOT_), "is not");
	pipe(p);
	tap_says(sys(SYS_statx, p[0], "", AT_EMPTY_PATH, STATX_BASIC_STATS, &x), "statx of a pipe");
	tap_says(!!(x.stx_mask & STATX_MNT_ID_), "has a mount");
	tap_says(mnt_id_of(&x) == mnt_id_of_fd(p[0]), "as in fdinfo");
	tap_says(sys(SYS_statx, fd, "", AT_EMPTY_PATH | 0x80000, 0, &x), "statx, unknown flag");
	close(p[0]);
	close(p[1]);
	close(fd);
}

static void fcntl_commands(void)
{
	int fd = open("made", O_RDWR | O_CREAT | O_EXCL, 0644),
	    again = open("made", O_RDWR | O_CREAT, 0644);
	int copy = dup(fd), path = open("made", O_PATH), p[2], e = eventfd(0, 0);

	pipe(p);
	tap_says(err(fcntl(fd, F_DUPFD_QUERY_, copy)), "F_DUPFD_QUERY of a copy");
	tap_says(err(fcntl(fd, F_DUPFD_QUERY_, again)), "F_DUPFD_QUERY of another open file");
	tap_says(err(fcntl(fd, F_DUPFD_QUERY_, 99)), "F_DUPFD_QUERY of none");
	tap_says(err(fcntl(path, F_DUPFD_QUERY_, path)), "F_DUPFD_QUERY of O_PATH");
	tap_says(err(fcntl(fd, F_CREATED_QUERY_, 0)), "F_CREATED_QUERY of who made it");
	tap_says(err(fcntl(again, F_CREATED_QUERY_, 0)), "F_CREATED_QUERY of who found it");
	tap_says(err(fcntl(copy, F_CREATED_QUERY_, 0)), "F_CREATED_QUERY of a copy");
	tap_says(err(fcntl(fd, 4711, 0)), "an unknown command");
	tap_says(err(fcntl(path, F_SETFL, 0)), "F_SETFL of O_PATH");
	tap_says(err(fcntl(path, F_GETFL, 0)), "F_GETFL of O_PATH");
	tap_says(err(fcntl(fd, F_SETFL, O_TRUNC | O_CREAT | O_WRONLY)),
		 "F_SETFL with flags of open");
	tap_says(err(fcntl(fd, F_GETFL)), "changes nothing");
	tap_says(err(fcntl(fd, F_SETFL, O_DIRECT)), "F_SETFL O_DIRECT");
	tap_says(err(fcntl(e, F_SETFL, O_DIRECT)), "F_SETFL O_DIRECT of an eventfd");
	tap_says(err(fcntl(fd, F_SETFL, 0)), "F_SETFL of nothing");
	close(fd);
	fd = open("/dev/tty", O_RDONLY | O_ASYNC);
	if (fd < 0)
		fd = open("/dev/ptmx", O_RDWR | O_ASYNC);
	tap_says(!!(fcntl(fd, F_GETFL) & O_ASYNC), "O_ASYNC of open shows");
	tap_says(err(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK)), "F_SETFL beside it");
	tap_says(err(ioctl(fd, FIONBIO, &(int){ 0 })), "FIONBIO beside it");
	tap_says(!!(fcntl(fd, F_GETFL) & O_ASYNC), "leaves it");
	close(fd);
	close(again);
	close(copy);
	close(path);
	close(e);
	close(p[0]);
	close(p[1]);
}

static void ioctls_of_files(void)
{
	int fd = open("ioctl", O_RDWR | O_CREAT, 0644), dir = open(".", O_RDONLY), n;

	ftruncate(fd, 5000);
	lseek(fd, 100, SEEK_SET);
	n = -1;
	tap_says(err(ioctl(fd, FIONREAD, &n)), "FIONREAD of a file");
	tap_says(n, "what is left");
	lseek(fd, 6000, SEEK_SET);
	n = -1;
	tap_says(err(ioctl(fd, FIONREAD, &n)), "FIONREAD beyond the end");
	tap_says(n, "is");
	tap_says(err(ioctl(fd, FIONREAD, NULL)), "FIONREAD to nowhere");
	n = -1;
	tap_says(err(ioctl(fd, FIGETBSZ, &n)), "FIGETBSZ");
	tap_says(n, "block size");
	n = -1;
	tap_says(err(ioctl(dir, FIGETBSZ, &n)), "FIGETBSZ of a directory");
	tap_says(err(ioctl(dir, FIONREAD, &n)), "FIONREAD of a directory");
	tap_says(err(ioctl(fd, FIBMAP, &n)), "FIBMAP");
	tap_says(err(ioctl(fd, _IOW(0x94, 9, int), fd)), "FICLONE");
	tap_says(err(ioctl(fd, _IOWR('f', 11, char[32]), buffer)), "FS_IOC_FIEMAP");
	tap_says(err(ioctl(fd, 0x4711, buffer)), "an unknown one");
	tap_says(err(ioctl(fd, TIOCGWINSZ, buffer)), "a terminal's");
	tap_says(err(ioctl(fd, FIOASYNC, &(int){ 0 })), "FIOASYNC off");
	tap_says(err(ioctl(fd, FIOASYNC, &(int){ 1 })), "FIOASYNC of a file");
	tap_says(err(ioctl(fd, FIONBIO, &(int){ 1 })), "FIONBIO");
	tap_says(!!(fcntl(fd, F_GETFL) & O_NONBLOCK), "sets O_NONBLOCK");
	tap_says(err(ioctl(fd, 0x5460 /* FIOQSIZE */, buffer)), "FIOQSIZE");
	close(fd);
	close(dir);
}

static long rwv(long nr, int fd, long pos, int flags)
{
	struct iovec v = { buffer, 10 };

	return sys(nr, fd, &v, 1, pos, 0, flags);
}

static void no_wait_of(const char *what, int fd)
{
	tap_says(rwv(SYS_preadv2, fd, -1, 8), "RWF_NOWAIT from %s", what);
	close(fd);
}

static void transfer_flags(void)
{
	int fd = open("rwf", O_RDWR | O_CREAT, 0644), proc = open("/proc/uptime", O_RDONLY), p[2];
	int null = open("/dev/null", O_RDWR), e = eventfd(1, 0);
	static const struct { int flag; const char *name; } flags[] = {
		{ 0, "no flag" }, { 1, "RWF_HIPRI" }, { 2, "RWF_DSYNC" }, { 4, "RWF_SYNC" }, { 8, "RWF_NOWAIT" },
		{ 0x10, "RWF_APPEND" }, { 0x20, "RWF_NOAPPEND" }, { 0x40, "RWF_ATOMIC" }, { 0x80, "0x80" },
	};

	pipe(p);
	for (unsigned i = 0; i < ARRAY_SIZE(flags); i++) {
		int f = flags[i].flag;

		ftruncate(fd, 100);
		if (f != 8)
			tap_says(rwv(SYS_pwritev2, fd, 5, f), "pwritev2, %s", flags[i].name);
		tap_says(lseek(fd, 0, SEEK_END), "size afterwards");
		tap_says(rwv(SYS_preadv2, fd, 5, f), "preadv2, %s", flags[i].name);
		tap_says(rwv(SYS_pwritev2, null, 0, f), "pwritev2 to /dev/null, %s", flags[i].name);
		if (f != 8)
			tap_says(rwv(SYS_preadv2, proc, 0, f), "preadv2 of /proc, %s",
				 flags[i].name);
		tap_says(rwv(SYS_pwritev2, p[1], -1, f), "pwritev2 to a pipe, %s", flags[i].name);
		tap_says(rwv(SYS_preadv2, p[0], -1, f) > 0 || f > 0x20, "preadv2 from a pipe, %s",
			 flags[i].name);
	}
	tap_says(rwv(SYS_preadv2, p[0], -1, 8), "RWF_NOWAIT from an empty pipe");
	tap_says(rwv(SYS_preadv2, e, -1, 8), "RWF_NOWAIT from an eventfd");
	tap_says(rwv(SYS_preadv2, e, -1, 8), "RWF_NOWAIT from an empty eventfd");
	no_wait_of("a timerfd", timerfd_create(CLOCK_MONOTONIC, 0));
	no_wait_of("a signalfd", sys(SYS_signalfd4, -1, &(long){ 1 << (SIGUSR1 - 1) }, 8, 0));
	no_wait_of("a terminal", open("/dev/ptmx", O_RDWR));
	no_wait_of("/dev/zero", open("/dev/zero", O_RDONLY));
	no_wait_of("/dev/urandom", open("/dev/urandom", O_RDONLY));
	no_wait_of("/dev/full", open("/dev/full", O_RDONLY));
	no_wait_of("/dev/kmsg", open("/dev/kmsg", O_RDONLY));
	no_wait_of("a directory", open(".", O_RDONLY));
	tap_says(rwv(SYS_preadv2, p[0], 0, 0), "preadv2 from a pipe at a place");
	tap_says(rwv(SYS_preadv2, fd, -2, 0), "preadv2 at -2");
	tap_says(rwv(SYS_preadv2, fd, 0x7ffffffffffffffe, 0), "preadv2 at the end of numbers");
	tap_says(rwv(SYS_pwritev2, fd, 0x7ffffffffffffffe, 0), "pwritev2 at the end of numbers");
	tap_says(sys(SYS_pread64, fd, buffer, 10, 0x7ffffffffffffffe),
		 "pread at the end of numbers");
	tap_says(err(lseek(fd, 0x7ffffffffffffffe, SEEK_SET)) > 0, "lseek there");
	tap_says(err(read(fd, buffer, 10)), "read there");
	tap_says(err(write(fd, buffer, 10)), "write there");
	tap_says(rwv(SYS_pwritev2, fd, 0, 0x30), "RWF_APPEND and RWF_NOAPPEND");
	close(e);
	close(fd);
	close(proc);
	close(null);
	close(p[0]);
	close(p[1]);
}

/* linkat of a descriptor by who has no capability. */
static void link_of_descriptor(void)
{
	chmod(".", 0777);
	int fd = open("before", O_RDWR | O_CREAT, 0666);
	tap_is(CODE(setgid(1000); setuid(1000);
		    tap_says(sys(SYS_linkat, fd, "", AT_FDCWD, "a", AT_EMPTY_PATH),
			     "a descriptor opened by root");
		    int own = open("own", O_RDWR | O_CREAT, 0644);
		    tap_says(sys(SYS_linkat, own, "", AT_FDCWD, "b", AT_EMPTY_PATH), "one's own");
		    own = open(".", O_TMPFILE | O_RDWR, 0644);
		    tap_says(sys(SYS_linkat, own, "", AT_FDCWD, "c", AT_EMPTY_PATH),
			     "one's own without a name");
		    tap_says(sys(SYS_linkat, 99, "", AT_FDCWD, "d", AT_EMPTY_PATH), "none")),
	       0, "a user");
	tap_done += 4;
	tap_says(sys(SYS_linkat, fd, "", AT_FDCWD, "e", AT_EMPTY_PATH), "root may");
	tap_says(sys(SYS_linkat, fd, "", AT_FDCWD, "f", 0), "an empty name without the flag");
	tap_says(sys(SYS_linkat, AT_FDCWD, "before", AT_FDCWD, "g", AT_SYMLINK_NOFOLLOW),
		 "AT_SYMLINK_NOFOLLOW");
	close(fd);
}

static int ended(void *arg)
{
	return 3;
}

/* Signals at a child's end that are none. */
static void exit_signals(void)
{
	static char stack[16384] __attribute__((aligned(16)));
	static const int signals[] = { 65, 100, 200, 255 };

	for (unsigned i = 0; i < ARRAY_SIZE(signals); i++) {
		int status = 0;
		pid_t pid = clone(ended, stack + sizeof(stack), signals[i], NULL);

		tap_says(pid > 0, "clone with exit signal %d", signals[i]);
		tap_says(err(waitpid(pid, &status, __WALL)) == pid, "is waited for");
		tap_says(status, "status");
	}
}

static void pipes(void)
{
	int p[2];

	tap_says(sys(SYS_pipe2, p, O_DIRECT), "pipe2, O_DIRECT");
	tap_says(fcntl(p[0], F_GETFL), "flags of the end to read");
	tap_says(fcntl(p[1], F_GETFL), "flags of the end to write");
	tap_says(sys(SYS_pipe2, p, O_APPEND), "pipe2, O_APPEND");
	tap_says(sys(SYS_pipe2, p, O_SYNC), "pipe2, O_SYNC");
	tap_says(sys(SYS_pipe2, p, O_RDWR), "pipe2, O_RDWR");
}

static void prctls(void)
{
	for (int option = 0; option <= 40; option++) {
		/* Those of other machines, or that end or change the caller. */
		if (option == 22 || option == 21 || option == 35)
			continue;
		if (option == PR_SET_NAME || option == PR_GET_NAME || option == PR_CAPBSET_DROP ||
		    option == PR_SET_PDEATHSIG || option == PR_SET_DUMPABLE ||
		    option == PR_GET_TID_ADDRESS || option == PR_SET_TIMERSLACK ||
		    option == PR_SET_THP_DISABLE || option == PR_GET_THP_DISABLE ||
		    option == PR_TASK_PERF_EVENTS_DISABLE || option == PR_TASK_PERF_EVENTS_ENABLE ||
		    option == PR_MCE_KILL || option == PR_MCE_KILL_GET)
			continue;
		tap_says(sys(SYS_prctl, option, 0, 0, 0, 0), "prctl %d", option);
	}
	tap_says(sys(SYS_prctl, PR_SET_SECUREBITS, 1, 0, 0, 0), "PR_SET_SECUREBITS");
	tap_says(sys(SYS_prctl, PR_GET_SECUREBITS, 0, 0, 0, 0), "PR_GET_SECUREBITS");
	tap_says(sys(SYS_prctl, PR_SET_SECUREBITS, 0, 0, 0, 0), "PR_SET_SECUREBITS back");
	tap_says(sys(SYS_prctl, PR_SET_SECUREBITS, 1 << 20, 0, 0, 0), "PR_SET_SECUREBITS, unknown");
	tap_says(sys(SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, 5, 0, 0),
		 "PR_CAP_AMBIENT_IS_SET");
	tap_says(sys(SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, 5, 0, 0),
		 "PR_CAP_AMBIENT_RAISE");
	tap_says(sys(SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_LOWER, 5, 0, 0),
		 "PR_CAP_AMBIENT_LOWER");
	tap_says(sys(SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0),
		 "PR_CAP_AMBIENT_CLEAR_ALL");
	tap_says(sys(SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 1, 0, 0),
		 "PR_CAP_AMBIENT_CLEAR_ALL of 1");
	tap_says(sys(SYS_prctl, PR_CAP_AMBIENT, 9, 5, 0, 0), "PR_CAP_AMBIENT of nothing");
	tap_says(sys(SYS_prctl, PR_SET_DUMPABLE, 2, 0, 0, 0), "PR_SET_DUMPABLE 2");
	tap_says(sys(SYS_prctl, PR_SET_PDEATHSIG, 65, 0, 0, 0), "PR_SET_PDEATHSIG 65");
	tap_says(sys(SYS_prctl, 4711, 0, 0, 0, 0), "an unknown option");
}

static void mounts(void)
{
	static const struct { const char *type, *options; } kinds[] = {
		{ "proc", "hidepid=0" }, { "proc", "hidepid=9" }, { "proc", "nonsense" }, { "proc", "hidepid" },
		{ "sysfs", "nonsense" }, { "sysfs", "" }, { "tmpfs", "nonsense" }, { "tmpfs", "size=1m,nonsense" },
		{ "tmpfs", "mode=999" },
		{ "tmpfs", "uid=nobody" }, { "tmpfs", "size=" }, { "tmpfs", "size" }, { "tmpfs", "size=1x" },
		{ "tmpfs", "size=1m" }, { "tmpfs", "nr_inodes=4" }, { "tmpfs", "nr_blocks=4" },
		{ "tmpfs", ",,mode=755," }, { "devpts", "nonsense" }, { "devpts", "mode=9" },
		{ "devpts", "ptmxmode=0666,mode=0620" },
		{ "devtmpfs", "nonsense" }, { "devtmpfs", "mode=0755" }, { "devtmpfs", "size=1m" }, { "none", "" },
	};

	mkdir("/mnt/m", 0755);
	for (unsigned i = 0; i < ARRAY_SIZE(kinds); i++) {
		long e = err(mount("x", "/mnt/m", kinds[i].type, 0, kinds[i].options));

		tap_says(e, "mount %s with \"%s\"", kinds[i].type, kinds[i].options);
		if (!e)
			umount("/mnt/m");
	}
	rmdir("/mnt/m");
}

static void signals(void)
{
	struct { void *handler; unsigned long flags, mask; } act = { (void *)1, ~0ul, 0 }, old;

	tap_says(sys(SYS_rt_sigaction, SIGUSR1, &act, NULL, 8), "rt_sigaction with all flags");
	tap_says(sys(SYS_rt_sigaction, SIGUSR1, NULL, &old, 8), "rt_sigaction reads");
	tap_says(old.flags, "the flags that are known");
}

static void others(void)
{
	int fd = open("other", O_RDWR | O_CREAT, 0644), null = open("/dev/null", O_RDWR);
	int proc = open("/proc/version", O_RDONLY), sock = socket(AF_UNIX, SOCK_STREAM, 0);
	static const int advice[] = { 0, 1, 2, 3, 4, 5, 6, -1 };

	for (unsigned i = 0; i < ARRAY_SIZE(advice); i++) {
		tap_says(sys(SYS_fadvise64, fd, 0, 0, advice[i]), "fadvise64 %d", advice[i]);
		tap_says(sys(SYS_fadvise64, null, 0, 0, advice[i]), "fadvise64 %d of /dev/null",
			 advice[i]);
		tap_says(sys(SYS_fadvise64, proc, 0, 0, advice[i]), "fadvise64 %d of /proc", advice[i]);
		tap_says(sys(SYS_fadvise64, sock, 0, 0, advice[i]), "fadvise64 %d of a socket",
			 advice[i]);
	}
	close(proc);
	close(sock);
	tap_says(sys(SYS_readahead, null, 0, 10), "readahead of /dev/null");
	tap_says(sys(SYS_sync_file_range, fd, 0, 0, 7), "sync_file_range");
	tap_says(sys(SYS_sync_file_range, fd, 0, 0, 8), "sync_file_range, unknown flag");
	tap_says(sys(SYS_sync_file_range, null, 0, 0, 7), "sync_file_range of /dev/null");
	for (int mode = 0; mode < 0x100; mode = mode ? mode * 2 : 1)
		tap_says(sys(SYS_fallocate, fd, mode, 0, 4096), "fallocate, mode %#x", mode);
	tap_says(sys(SYS_fallocate, fd, 3, 0, 4096), "fallocate, mode 3");
	tap_says(sys(SYS_fallocate, null, 0, 0, 4096), "fallocate of /dev/null");
	tap_says(sys(SYS_fsync, null), "fsync of /dev/null");
	tap_says(sys(SYS_renameat2, AT_FDCWD, "other", AT_FDCWD, "another", 8),
		 "renameat2, unknown flag");
	tap_says(sys(SYS_unlinkat, AT_FDCWD, "another", AT_SYMLINK_NOFOLLOW),
		 "unlinkat, unknown flag");
	tap_says(sys(SYS_copy_file_range, fd, NULL, fd, NULL, 1, 1),
		 "copy_file_range, unknown flag");
	tap_says(sys(SYS_splice, fd, NULL, fd, NULL, 1, 16), "splice, unknown flag");
	tap_says(sys(SYS_getrandom, buffer, 10, 8), "getrandom, unknown flag");
	tap_says(sys(SYS_getrandom, buffer, 10, 4), "getrandom, GRND_INSECURE");
	tap_says(sys(SYS_getrandom, buffer, 10, 6), "getrandom, GRND_INSECURE and GRND_RANDOM");
	tap_says(sys(SYS_utimensat, AT_FDCWD, "other", NULL, 0x2000), "utimensat, unknown flag");
	tap_says(sys(SYS_fchownat, fd, "", -1, -1, AT_EMPTY_PATH), "fchownat, AT_EMPTY_PATH");
	tap_says(sys(SYS_name_to_handle_at, fd, "", NULL, NULL, 0) < 0, "name_to_handle_at");
	tap_says(sys(SYS_umount2, "/mnt", 16), "umount2, unknown flag");
	tap_says(sys(SYS_unshare, 1), "unshare, unknown flag");
	tap_says(sys(SYS_mlockall, 8), "mlockall, unknown flag");
	tap_says(sys(SYS_mlock2, buffer, 1, 2), "mlock2, unknown flag");
	tap_says(sys(SYS_membarrier, 0, 1, 0), "membarrier, unknown flag");
	tap_says(sys(SYS_close_range, 50, 60, 1), "close_range, unknown flag");
	tap_says(sys(SYS_memfd_create, "x", 0x20), "memfd_create, unknown flag");
	tap_says(sys(SYS_reboot, 0xfee1dead, 672274793, 0x1234, 0), "reboot, unknown command");
	close(fd);
	close(null);
}

int main(void)
{
	statx_flags();
	fcntl_commands();
	ioctls_of_files();
	transfer_flags();
	link_of_descriptor();
	exit_signals();
	pipes();
	mounts();
	signals();
	others();
	prctls();
	return tap_exit();
}
