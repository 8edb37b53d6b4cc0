/* SPDX-License-Identifier: MIT */
/*
 * File locks under fire: while a range is locked to write nobody else is in it, by
 * records, by locks of open files, and by flock; deadlocks are refused and not
 * waited for; a process that is killed leaves nothing locked.
 */
#include "tap.h"
#include "stress.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#define WORKERS	8
#define BYTES	32

static struct {
	unsigned char writers[BYTES];	/* who is in each byte; atomic */
	int bad, taken, refused;	/* atomic */
} *shared;

static unsigned next_random(unsigned *seed)
{
	*seed = *seed * 1103515245u + 12345u;
	return *seed >> 16;
}

static long lock(int fd, int cmd, int type, long start, long len)
{
	struct flock l = { .l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = len };

	return err(fcntl(fd, cmd, &l));
}

/* In the locked range alone. */
static void be_alone(unsigned start, unsigned len, unsigned *seed)
{
	for (unsigned i = start; i < start + len; i++)
		if (__atomic_fetch_add(&shared->writers[i], 1, __ATOMIC_SEQ_CST))
			__atomic_fetch_add(&shared->bad, 1, __ATOMIC_SEQ_CST);
	if (!(next_random(seed) & 3))
		usleep(next_random(seed) & 127);
	for (unsigned i = start; i < start + len; i++)
		__atomic_fetch_sub(&shared->writers[i], 1, __ATOMIC_SEQ_CST);
	__atomic_fetch_add(&shared->taken, 1, __ATOMIC_SEQ_CST);
}

/* Odd ones lock as open files, even ones as processes; some take two ranges, in any order. */
static void work(unsigned nr)
{
	int fd = open("ranges", O_RDWR), set = nr & 1 ? F_OFD_SETLKW : F_SETLKW;
	unsigned seed = nr * 7919 + 1;

	while (stress_goes_on()) {
		unsigned start = next_random(&seed) % BYTES,
			 len = next_random(&seed) % (BYTES - start) + 1;
		long r = lock(fd, set, F_WRLCK, start, len);

		if (r == -EDEADLK) {
			__atomic_fetch_add(&shared->refused, 1, __ATOMIC_SEQ_CST);
			lock(fd, set, F_UNLCK, 0, 0);
			continue;
		}
		if (r)
			_exit(1);
		be_alone(start, len, &seed);
		/*
		 * Keep a part now and then, and go for more: only
		 * processes' records may, whose deadlocks are seen.
		 */
		if (nr & 1 || next_random(&seed) & 1)
			lock(fd, set, F_UNLCK, 0, 0);
		else
			lock(fd, set, F_UNLCK, start, len / 2 + 1);
		if (!(next_random(&seed) & 63)) {
			close(fd);
			fd = open("ranges", O_RDWR);
		}
	}
	_exit(0);
}

static void work_whole(unsigned nr)
{
	unsigned seed = nr + 100;
	int fd = open("whole", O_RDWR);

	while (stress_goes_on()) {
		if (flock(fd, LOCK_EX))
			_exit(1);
		be_alone(BYTES - 1, 1, &seed);
		flock(fd, next_random(&seed) & 1 ? LOCK_UN : LOCK_SH);
		flock(fd, LOCK_UN);
	}
	_exit(0);
}

static void run(void (*fn)(unsigned), const char *what)
{
	pid_t pids[WORKERS];
	int status, sum = 0;

	memset(shared, 0, sizeof(*shared));
	stress_start();
	for (unsigned i = 0; i < WORKERS; i++) {
		pids[i] = fork();
		if (!pids[i])
			fn(i);
	}
	for (unsigned i = 0; i < WORKERS; i++) {
		waitpid(pids[i], &status, 0);
		sum |= status;
	}
	tap_note("%d taken, %d refused", shared->taken, shared->refused);
	tap_is(sum, 0, "%s: all end", what);
	tap_is(shared->bad, 0, "%s: nobody met another", what);
	tap_ok(shared->taken > 100, "%s: they got on", what);
}

/* Holders that are killed. */
static void killed(void)
{
	int fd = open("ranges", O_RDWR), status;
	unsigned seed = 3;
	bool free = true;

	stress_start();
	while (free && stress_goes_on()) {
		pid_t pid = fork();

		if (!pid) {
			int mine = open("ranges", O_RDWR);

			for (;;) {
				lock(mine, F_SETLKW, F_WRLCK, 0, 10);
				flock(mine, LOCK_EX);
				lock(mine, F_OFD_SETLKW, F_WRLCK, 10, 10);
				flock(mine, LOCK_UN);
				lock(mine, F_SETLK, F_UNLCK, 0, 0);
			}
		}
		usleep(next_random(&seed) & 1023);
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		free = !lock(fd, F_SETLK, F_WRLCK, 0, 0) && !lock(fd, F_SETLK, F_UNLCK, 0, 0) &&
		       !flock(fd, LOCK_EX | LOCK_NB);
		flock(fd, LOCK_UN);
	}
	tap_ok(free, "the killed leave nothing locked");
	close(fd);
}

int main(void)
{
	shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		tap_bail("no shared memory");
	close(open("ranges", O_RDWR | O_CREAT, 0600));
	close(open("whole", O_RDWR | O_CREAT, 0600));
	run(work, "records");
	run(work_whole, "flock");
	killed();
	return tap_exit();
}
