/* SPDX-License-Identifier: MIT */
/* Pipes and FIFOs: ends, capacity, atomic writes, blocking and not, the order of opening. */
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include "child.h"

static char big[200000], buffer[200000];

static void basics(void)
{
	int p[2], q[2];
	struct stat st;

	tap_is(err(pipe(p)), 0, "pipe");
	tap_is(sys(SYS_pipe2, p, 0x1), -EINVAL, "an unknown flag");
	tap_is(sys(SYS_pipe2, NULL, 0), -EFAULT, "nowhere");
	pipe2(q, O_CLOEXEC | O_NONBLOCK);
	tap_is(fcntl(q[0], F_GETFD), FD_CLOEXEC, "O_CLOEXEC");
	tap_says(fcntl(q[0], F_GETFL), "flags of the read end");
	tap_says(fcntl(q[1], F_GETFL), "flags of the write end");
	tap_is(err(read(q[0], buffer, 1)), -EAGAIN, "O_NONBLOCK: nothing to read");
	tap_is(err(write(p[1], "hello", 5)), 5, "write");
	int have = 0;
	tap_ok(!ioctl(p[0], FIONREAD, &have) && have == 5, "FIONREAD");
	tap_is(err(read(p[0], buffer, 3)), 3, "read a part");
	tap_is(err(read(p[0], buffer + 3, 100)), 2, "read the rest");
	tap_ok(!memcmp(buffer, "hello", 5), "what was written");
	tap_is(err(write(p[1], "", 0)), 0, "write nothing");
	tap_is(err(read(p[1], buffer, 1)), -EBADF, "read from the write end");
	tap_is(err(write(p[0], "x", 1)), -EBADF, "write to the read end");
	tap_is(err(lseek(p[0], 0, SEEK_SET)), -ESPIPE, "lseek");
	tap_is(err(pread(p[0], buffer, 1, 0)), -ESPIPE, "pread");
	tap_is(err(pwrite(p[1], buffer, 1, 0)), -ESPIPE, "pwrite");
	tap_is(err(ftruncate(p[1], 0)), -EINVAL, "ftruncate");
	tap_is(err(fsync(p[1])), -EINVAL, "fsync");
	fstat(p[0], &st);
	tap_ok(S_ISFIFO(st.st_mode) && st.st_size == 0 && st.st_nlink == 1, "fstat");
	tap_is(st.st_mode & 0777, 0600, "its permissions");
	close(p[1]);
	tap_is(err(read(p[0], buffer, 1)), 0, "end of file");
	close(p[0]);
	close(q[0]);
	signal(SIGPIPE, SIG_IGN);
	tap_is(err(write(q[1], "x", 1)), -EPIPE, "no reader");
	tap_is(err(write(q[1], "x", 0)), 0, "writing nothing to no reader");
	close(q[1]);
}

static void capacity(void)
{
	int p[2];
	long n, total = 0;

	pipe2(p, O_NONBLOCK);
	tap_is(fcntl(p[0], F_GETPIPE_SZ), 65536, "64 KiB");
	while ((n = write(p[1], big, 4096)) > 0)
		total += n;
	tap_is(total, 65536, "that much can be written");
	tap_is(err(write(p[1], big, 1)), -EAGAIN, "and no more");
	tap_is(read(p[0], buffer, 100), 100, "read 100");
	tap_is(err(write(p[1], big, 100)), -EAGAIN, "100 of a page are no page");
	tap_is(read(p[0], buffer, 3996), 3996, "read the rest of the page");
	tap_is(err(write(p[1], big, 5000)), 4096, "a write over PIPE_BUF may be partial");
	tap_is(read(p[0], buffer, 4096), 4096, "read a page");
	tap_is(err(write(p[1], big, 4096)), 4096, "PIPE_BUF at once");
	while (read(p[0], buffer, sizeof(buffer)) > 0)
		;
	tap_is(err(fcntl(p[0], F_SETPIPE_SZ, 4096)), 4096, "F_SETPIPE_SZ: one page");
	tap_is(err(write(p[1], big, 8192)), 4096, "it holds one page");
	tap_is(err(fcntl(p[0], F_SETPIPE_SZ, 100000)), 131072, "F_SETPIPE_SZ rounds up");
	tap_is(err(write(p[1], big, 200000)), 131072 - 4096, "it holds the rest");
	tap_is(err(fcntl(p[0], F_SETPIPE_SZ, 4096)), -EBUSY, "too full to shrink");
	tap_is(err(fcntl(p[0], F_SETPIPE_SZ, -1)), -EINVAL, "a nonsense size");
	close(p[0]);
	close(p[1]);
}

static void blocking(void)
{
	int p[2];
	long total = 0, n;
	pid_t child;

	for (unsigned i = 0; i < sizeof(big); i++)
		big[i] = i * 7 + i / 251;
	pipe(p);
	child = CHILD(close(p[0]); _exit(write(p[1], big, sizeof(big)) == sizeof(big) ? 0 : 1));
	close(p[1]);
	while ((n = read(p[0], buffer + total, 1000 + total % 777)) > 0)
		total += n;
	tap_is(total, sizeof(big), "a large write arrives");
	tap_ok(!memcmp(big, buffer, sizeof(big)), "as it was");
	tap_is(code_of(status_of(child)), 0, "the writer wrote all");
	close(p[0]);

	/* Two writers of PIPE_BUF: their writes do not mix. */
	pipe(p);
	for (int w = 0; w < 2; w++)
		CHILD(char line[512]; memset(line, 'a' + w, sizeof(line));
		      for (int i = 0; i < 100; i++) write(p[1], line, sizeof(line)));
	close(p[1]);
	int mixed = 0, records = 0;
	char line[512];
	while ((n = read(p[0], line, sizeof(line))) == sizeof(line)) {
		records++;
		for (int i = 1; i < 512; i++)
			mixed += line[i] != line[0];
	}
	tap_is(records, 200, "200 records of two writers");
	tap_is(mixed, 0, "none is mixed");
	wait(NULL);
	wait(NULL);
	close(p[0]);

	/* A blocked writer learns that the reader went. */
	pipe(p);
	child = CHILD(close(p[0]); signal(SIGPIPE, SIG_IGN);
		      n = write(p[1], big, sizeof(big)); _exit(n == 65536 ? 1 : n == -1 ? errno : 2));
	close(p[1]);
	sleep_ms(30);
	close(p[0]);
	tap_is(code_of(status_of(child)), 1, "a writer whose reader goes returns what it wrote");
	pipe(p);
	child = CHILD(close(p[1]); _exit(read(p[0], buffer, 1)));
	close(p[0]);
	sleep_ms(10);
	close(p[1]);
	tap_is(code_of(status_of(child)), 0, "a reader whose writer goes returns 0");
}

static void vectors(void)
{
	int p[2];
	char a[3], b[4];
	struct iovec out[3] = { { "ab", 2 }, { "", 0 }, { "cdefg", 5 } }, in[2] = { { a, 3 }, { b, 4 } };

	pipe(p);
	tap_is(writev(p[1], out, 3), 7, "writev");
	tap_is(readv(p[0], in, 2), 7, "readv");
	tap_ok(!memcmp(a, "abc", 3) && !memcmp(b, "defg", 4), "scattered");
	tap_is(err(writev(p[1], out, -1)), -EINVAL, "writev of -1");
	tap_is(err(writev(p[1], out, 1025)), -EINVAL, "writev of 1025");
	tap_is(err(writev(p[1], out, 0)), 0, "writev of none");
	out[0].iov_len = -1;
	tap_is(err(writev(p[1], out, 3)), -EINVAL, "writev, a negative length");
	close(p[0]);
	close(p[1]);
}

static void fifos(void)
{
	int r, w;
	struct stat st;
	pid_t child;

	unlink("fifo");
	umask(022);
	tap_is(err(mkfifo("fifo", 0666)), 0, "mkfifo");
	tap_is(err(mkfifo("fifo", 0666)), -EEXIST, "again");
	stat("fifo", &st);
	tap_is(st.st_mode, S_IFIFO | 0644, "its mode");
	tap_is(err(open("fifo", O_WRONLY | O_NONBLOCK)), -ENXIO, "no reader: ENXIO");
	r = open("fifo", O_RDONLY | O_NONBLOCK);
	tap_ok(r >= 0, "a reader need not wait with O_NONBLOCK");
	tap_is(err(read(r, buffer, 1)), 0, "no writer: end of file");
	w = open("fifo", O_WRONLY | O_NONBLOCK);
	tap_ok(w >= 0, "now a writer may come");
	tap_is(err(read(r, buffer, 1)), -EAGAIN, "a writer but no data");
	write(w, "data", 4);
	close(w);
	tap_is(err(read(r, buffer, 10)), 4, "data outlives its writer");
	tap_is(err(read(r, buffer, 10)), 0, "then the end");
	close(r);
	child = CHILD(w = open("fifo", O_WRONLY); write(w, "late", 4));
	r = open("fifo", O_RDONLY);
	tap_is(err(read(r, buffer, 10)), 4, "opening waits for the other side");
	status_of(child);
	close(r);
	r = open("fifo", O_RDWR);
	tap_ok(r >= 0 && write(r, "x", 1) == 1 && read(r, buffer, 10) == 1, "O_RDWR is both sides");
	close(r);
	tap_is(err(open("fifo", O_RDONLY | O_DIRECTORY)), -ENOTDIR, "O_DIRECTORY");
	struct sigaction act = { .sa_handler = SIG_DFL };
	sigaction(SIGALRM, &act, NULL);
	child = CHILD(open("fifo", O_RDONLY));
	sleep_ms(10);
	kill(child, SIGTERM);
	tap_is(code_of(status_of(child)), -SIGTERM, "waiting to open can be killed");
	unlink("fifo");
}

/* A pipe's own name in /proc: its other side is not waited for. */
static void by_proc(void)
{
	char path[40], byte;
	int p[2], fd;

	if (pipe(p) || write(p[1], "x", 1) != 1)
		tap_bail("no pipe");
	close(p[1]);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", p[0]);
	fd = open(path, O_RDONLY);
	tap_is(err(fd) < 0 ? err(fd) : 0, 0, "open the reader again, without a writer");
	tap_is(err(read(fd, &byte, 1)), 1, "what is in it");
	tap_is(err(read(fd, &byte, 1)), 0, "then the end");
	close(fd);
	close(p[0]);
	if (pipe(p))
		tap_bail("no pipe");
	close(p[0]);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", p[1]);
	fd = open(path, O_WRONLY | O_NONBLOCK);
	tap_is(err(fd) < 0 ? err(fd) : 0, 0, "open the writer again, without a reader");
	close(fd);
	close(p[1]);
}

int main(void)
{
	basics();
	capacity();
	blocking();
	vectors();
	fifos();
	by_proc();
	return tap_exit();
}
