/* SPDX-License-Identifier: MIT */
/*
 * Locks on files: records of processes and of open files, and flock.
 */
#include "tap.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

static volatile long *shared;		/* between a test and its children */

static long lock(int fd, int cmd, int type, long start, long len)
{
	struct flock l = { .l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = len };

	return err(fcntl(fd, cmd, &l));
}

/* In a child: what F_GETLK says of a range, as one number: type, start, length; 0: free. */
static long asked_by_child(int fd, int type, long start, long len)
{
	int status;
	pid_t parent = getpid(), pid = fork();

	if (!pid) {
		struct flock l = { .l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = len };

		shared[0] = err(fcntl(fd, F_GETLK, &l));
		shared[1] = l.l_type;
		shared[2] = l.l_start;
		shared[3] = l.l_len;
		shared[4] = l.l_pid == parent ? 1 : l.l_pid;
		_exit(0);
	}
	waitpid(pid, &status, 0);
	return shared[0];
}

static void child_sees(int fd, int type, long start, long len, const char *what)
{
	asked_by_child(fd, type, start, len);
	tap_ok(true, "%s: %ld type %ld from %ld len %ld pid %ld", what, shared[0], shared[1],
	       shared[2], shared[1] == F_UNLCK ? 0 : shared[3],
	       shared[1] == F_UNLCK ? 0 : shared[4]);
}

/* Result of a lock by a child, which keeps nothing. */
static long by_child(int fd, int cmd, int type, long start, long len)
{
	int status;
	pid_t pid = fork();

	if (!pid)
		_exit(-lock(fd, cmd, type, start, len));
	waitpid(pid, &status, 0);
	return -WEXITSTATUS(status);
}

static int fresh(void)
{
	int fd = open("file", O_RDWR | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || ftruncate(fd, 1000))
		tap_bail("no file: %s", strerror(errno));
	return fd;
}

/* Every piece of the file that the parent holds. */
static void map_of(int fd, const char *what)
{
	char text[300];
	size_t at = 0;
	long from = 0;

	text[0] = '\0';
	while (from < 2000 && at < sizeof(text) - 40) {
		asked_by_child(fd, F_WRLCK, from, 0);
		if (shared[1] == F_UNLCK)
			break;
		at += snprintf(text + at, sizeof(text) - at, " %c%ld+%ld",
			       shared[1] == F_RDLCK ? 'r' : 'w', shared[2], shared[3]);
		if (!shared[3])
			break;
		from = shared[2] + shared[3];
	}
	tap_ok(true, "%s:%s", what, text);
}

static void records(void)
{
	int fd = fresh(), other;

	tap_is(lock(fd, F_SETLK, F_WRLCK, 10, 10), 0, "a write lock");
	child_sees(fd, F_RDLCK, 0, 0, "a child's F_GETLK");
	child_sees(fd, F_WRLCK, 0, 10, "before it");
	child_sees(fd, F_WRLCK, 20, 0, "behind it");
	child_sees(fd, F_RDLCK, 19, 1, "its last byte");
	tap_is(by_child(fd, F_SETLK, F_RDLCK, 15, 1), -EAGAIN, "a child's read lock on it");
	tap_is(by_child(fd, F_SETLK, F_WRLCK, 20, 1), 0, "behind it");
	tap_is(lock(fd, F_SETLK, F_RDLCK, 12, 4), 0, "a read lock in its middle");
	map_of(fd, "three pieces");
	tap_is(by_child(fd, F_SETLK, F_RDLCK, 12, 4), 0, "that a child may share");
	tap_is(lock(fd, F_SETLK, F_WRLCK, 12, 4), 0, "back to write");
	map_of(fd, "one piece");
	tap_is(lock(fd, F_SETLK, F_UNLCK, 5, 8), 0, "unlock its beginning");
	map_of(fd, "the rest");
	tap_is(lock(fd, F_SETLK, F_UNLCK, 15, 2), 0, "unlock its middle");
	map_of(fd, "two pieces");
	tap_is(lock(fd, F_SETLK, F_RDLCK, 0, 14), 0, "a read lock over the first's beginning");
	map_of(fd, "pieces");
	tap_is(lock(fd, F_SETLK, F_WRLCK, 20, 0), 0, "to the end of all files");
	map_of(fd, "joined");
	tap_is(lock(fd, F_SETLK, F_UNLCK, 30, 5), 0, "a hole in it");
	map_of(fd, "with a hole");
	tap_is(lock(fd, F_SETLK, F_RDLCK, 0, 0), 0, "all of it to read");
	map_of(fd, "one piece");
	other = open("file", O_RDONLY);
	close(other);
	map_of(fd, "closing another descriptor drops all");
	tap_is(lock(fd, F_SETLK, F_WRLCK, 0, 1), 0, "lock again");
	other = dup(fd);
	close(other);
	map_of(fd, "closing a copy does too");
	close(fd);
}

static long whence(int fd, int type, int how, long start, long len)
{
	struct flock l = { .l_type = type, .l_whence = how, .l_start = start, .l_len = len };

	return err(fcntl(fd, F_SETLK, &l));
}

static void arguments(void)
{
	struct flock l = { .l_type = 7, .l_whence = SEEK_SET };
	int fd = fresh(), ro = open("file", O_RDONLY), wo = open("file", O_WRONLY),
	    path = open("file", O_PATH);
	int p[2];

	lseek(fd, 100, SEEK_SET);
	tap_is(whence(fd, F_WRLCK, SEEK_CUR, 10, 5), 0, "from the position");
	map_of(fd, "is");
	tap_is(whence(fd, F_WRLCK, SEEK_END, -10, 5), 0, "from the end");
	map_of(fd, "is");
	tap_is(whence(fd, F_WRLCK, SEEK_SET, 50, -5), 0, "a negative length");
	map_of(fd, "is before");
	tap_is(whence(fd, F_WRLCK, SEEK_SET, 3, -5), -EINVAL, "before the file");
	tap_is(whence(fd, F_WRLCK, SEEK_SET, -1, 5), -EINVAL, "a negative start");
	tap_is(whence(fd, F_WRLCK, 9, 0, 5), -EINVAL, "no such whence");
	tap_is(whence(fd, F_WRLCK, SEEK_CUR, 0x7fffffffffffffff, 5), -EOVERFLOW, "a start too far");
	tap_is(whence(fd, F_WRLCK, SEEK_SET, 0x7ffffffffffffff0, 0x20), -EOVERFLOW,
	       "an end too far");
	tap_is(whence(fd, F_WRLCK, SEEK_SET, 0x7ffffffffffffff0, 0x10), 0,
	       "an end just near enough");
	tap_is(err(fcntl(fd, F_SETLK, &l)), -EINVAL, "no such type");
	tap_is(err(fcntl(fd, F_GETLK, &l)), -EINVAL, "F_GETLK of it");
	l.l_type = F_UNLCK;
	tap_is(err(fcntl(fd, F_GETLK, &l)), -EINVAL, "F_GETLK of F_UNLCK");
	tap_is(err(fcntl(fd, F_SETLK, NULL)), -EFAULT, "from nowhere");
	tap_is(lock(ro, F_SETLK, F_WRLCK, 0, 1), -EBADF, "a write lock on what is open to read");
	tap_is(lock(wo, F_SETLK, F_RDLCK, 0, 1), -EBADF, "a read lock on what is open to write");
	tap_is(lock(path, F_SETLK, F_RDLCK, 0, 1), -EBADF, "a lock on O_PATH");
	tap_is(err(flock(path, LOCK_SH)), -EBADF, "flock on O_PATH");
	tap_is(lock(99, F_SETLK, F_RDLCK, 0, 1), -EBADF, "a lock on nothing");
	if (pipe(p))
		tap_bail("no pipe");
	tap_is(lock(p[0], F_SETLK, F_RDLCK, 0, 1), 0, "a lock on a pipe");
	close(path);
	map_of(fd, "closing O_PATH drops nothing");
	close(ro);
	close(wo);
	close(fd);
}

static void alarmed(int sig)
{
	(void)sig;
}

static void waiting(void)
{
	struct sigaction sa = { .sa_handler = alarmed };
	int fd = fresh(), status;
	pid_t pid;

	lock(fd, F_SETLK, F_WRLCK, 0, 10);
	shared[10] = 0;
	pid = fork();
	if (!pid) {
		shared[10] = 1;
		shared[11] = lock(fd, F_SETLKW, F_WRLCK, 5, 10);
		shared[10] = 2;
		pause();
	}
	while (!shared[10])
		usleep(1000);
	usleep(50000);
	tap_is(shared[10], 1, "a child waits");
	tap_is(lock(fd, F_SETLK, F_UNLCK, 0, 7), 0, "unlock a part");
	usleep(50000);
	tap_is(shared[10], 1, "it still waits");
	tap_is(lock(fd, F_SETLK, F_UNLCK, 7, 3), 0, "unlock the rest");
	for (int i = 0; i < 200 && shared[10] != 2; i++)
		usleep(5000);
	tap_is(shared[10], 2, "it has got it");
	tap_is(shared[11], 0, "its answer");
	sigaction(SIGALRM, &sa, NULL);
	alarm(1);
	tap_is(lock(fd, F_SETLKW, F_WRLCK, 0, 10), -EINTR, "a wait ended by a signal");
	kill(pid, SIGKILL);
	tap_is(lock(fd, F_SETLKW, F_WRLCK, 0, 10), 0, "one ended by the holder's death");
	waitpid(pid, &status, 0);

	/* Two processes want each other's. */
	shared[10] = 0;
	pid = fork();
	if (!pid) {
		lock(fd, F_SETLK, F_WRLCK, 20, 10);
		shared[10] = 1;
		_exit(-lock(fd, F_SETLKW, F_WRLCK, 0, 10));
	}
	while (!shared[10])
		usleep(1000);
	usleep(50000);
	tap_is(lock(fd, F_SETLKW, F_WRLCK, 20, 10), -EDEADLK, "a deadlock is refused");
	tap_is(lock(fd, F_SETLK, F_UNLCK, 0, 10), 0, "give way");
	waitpid(pid, &status, 0);
	tap_is(status, 0, "the other has got it");
	close(fd);
}

static void threads_and_exec(void)
{
	int fd = fresh(), status;

	lock(fd, F_SETLK, F_WRLCK, 0, 10);
	pid_t pid = fork();
	if (!pid) {
		/* Not inherited: this is another owner, whose close drops nothing. */
		long r = lock(fd, F_SETLK, F_WRLCK, 0, 10);

		close(fd);
		_exit(r == -EAGAIN ? 0 : 1);
	}
	waitpid(pid, &status, 0);
	tap_is(status, 0, "a fork's child has none");
	map_of(fd, "and its close drops none");
	pid = fork();
	if (!pid) {
		int again = open("file", O_RDWR);

		lock(again, F_SETLK, F_WRLCK, 20, 10);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	tap_is(lock(fd, F_SETLK, F_WRLCK, 20, 10), 0, "an exit drops all");
	close(fd);
}

static void open_file_locks(void)
{
	int a = fresh(), b = open("file", O_RDWR), c;
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 10, .l_pid = 1 };

	tap_is(err(fcntl(a, F_OFD_SETLK, &l)), -EINVAL, "an OFD lock with a pid");
	tap_is(lock(a, F_OFD_SETLK, F_WRLCK, 0, 10), 0, "an OFD lock");
	tap_is(lock(b, F_OFD_SETLK, F_WRLCK, 5, 10), -EAGAIN, "another open file's");
	tap_is(lock(b, F_SETLK, F_RDLCK, 5, 10), -EAGAIN, "and the process's own record");
	tap_is(lock(a, F_SETLK, F_RDLCK, 5, 10), -EAGAIN, "by the same file too");
	l = (struct flock){ .l_type = F_RDLCK, .l_whence = SEEK_SET };
	tap_is(err(fcntl(b, F_OFD_GETLK, &l)), 0, "F_OFD_GETLK");
	tap_is(l.l_type, F_WRLCK, "type");
	tap_is(l.l_len, 10, "length");
	tap_is(l.l_pid, -1, "of no process");
	l = (struct flock){ .l_type = F_UNLCK, .l_whence = SEEK_SET };
	tap_is(err(fcntl(a, F_OFD_GETLK, &l)), 0, "F_OFD_GETLK of F_UNLCK");
	tap_says(l.l_type, "its own lock");
	c = dup(a);
	close(a);
	tap_is(lock(b, F_OFD_SETLK, F_WRLCK, 5, 10), -EAGAIN,
	       "closing one descriptor drops nothing");
	tap_is(lock(c, F_OFD_SETLK, F_RDLCK, 0, 10), 0, "the copy can change it");
	tap_is(lock(b, F_OFD_SETLK, F_RDLCK, 5, 10), 0, "readers share");
	close(c);
	tap_is(lock(b, F_OFD_SETLKW, F_WRLCK, 0, 100), 0, "the last close does");
	close(b);
}

static long flock_by_child(int op)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		int fd = open("file", O_RDONLY);

		_exit(-err(flock(fd, op)));
	}
	waitpid(pid, &status, 0);
	return -WEXITSTATUS(status);
}

static void flocks(void)
{
	int fd = fresh(), other = open("file", O_RDONLY), copy, status;

	tap_is(err(flock(fd, 0)), -EINVAL, "flock 0");
	tap_is(err(flock(fd, LOCK_SH | LOCK_EX)), -EINVAL, "both");
	tap_is(err(flock(99, LOCK_SH)), -EBADF, "of nothing");
	tap_is(err(flock(fd, LOCK_UN)), 0, "unlock what is not locked");
	tap_is(err(flock(fd, LOCK_SH)), 0, "shared");
	tap_is(flock_by_child(LOCK_SH | LOCK_NB), 0, "by a child too");
	tap_is(flock_by_child(LOCK_EX | LOCK_NB), -EAGAIN, "not exclusive");
	tap_is(err(flock(fd, LOCK_EX)), 0, "exclusive");
	tap_is(err(flock(fd, LOCK_EX)), 0, "again");
	tap_is(err(flock(other, LOCK_SH | LOCK_NB)), -EAGAIN, "not by another file of the process");
	tap_is(lock(fd, F_SETLK, F_WRLCK, 0, 0), 0, "records are another matter");
	copy = dup(fd);
	close(fd);
	tap_is(flock_by_child(LOCK_SH | LOCK_NB), -EAGAIN, "a copy holds it");
	pid_t pid = fork();
	if (!pid)
		_exit(-err(flock(copy, LOCK_UN)));
	waitpid(pid, &status, 0);
	tap_is(status, 0, "a child's copy can unlock");
	tap_is(flock_by_child(LOCK_EX | LOCK_NB), 0, "and did");
	tap_is(err(flock(other, LOCK_SH)), 0, "two shared");
	tap_is(err(flock(copy, LOCK_SH)), 0, "of them");
	tap_is(err(flock(copy, LOCK_EX | LOCK_NB)), -EAGAIN, "no upgrade beside another");
	close(other);
	tap_is(err(flock(copy, LOCK_EX | LOCK_NB)), 0, "after its close there is");
	shared[10] = 0;
	pid = fork();
	if (!pid) {
		int mine = open("file", O_RDONLY);

		close(copy);
		shared[10] = 1;
		_exit(-err(flock(mine, LOCK_EX)));
	}
	while (!shared[10])
		usleep(1000);
	usleep(50000);
	tap_is(waitpid(pid, &status, WNOHANG), 0, "a child waits");
	close(copy);
	waitpid(pid, &status, 0);
	tap_is(status, 0, "until the last close");
}

int main(void)
{
	shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		tap_bail("no shared memory");
	records();
	arguments();
	waiting();
	threads_and_exec();
	open_file_locks();
	flocks();
	return tap_exit();
}
