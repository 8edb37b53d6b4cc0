/* SPDX-License-Identifier: MIT */
/*
 * kbench - micro- and macro-benchmarks for a kernel with the Linux system
 * call ABI.  One static program; prints one line per measurement:
 *
 *     name value unit lower|higher|info
 *     name unsupported REASON
 *
 * usage: kbench [-t|-j] [-d DIR] [-m MS] [-p PREFIX] [-r RAM_MIB]
 *               [-H HOST:PORT] [-C] [-F] [-T SEC] [-l] [all | NAME | GROUP ...]
 *
 * Started as process 1 it prints the value of the time CSR and then runs
 * /run.sh through /bin/busybox (or, failing that, every benchmark).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <arpa/inet.h>
#include <linux/futex.h>
#include <linux/io_uring.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

typedef uint64_t u64;
typedef uint32_t u32;

#define LOWER  "lower"
#define HIGHER "higher"
#define INFO   "info"
#define MAXREP 41
#define KIB 1024ul
#define MIB (1024ul * 1024ul)

static int opt_fmt, opt_cpuonly, opt_nofork, opt_timeout, opt_ram;
static double target_ns = 300e6;        /* guest time per measurement */
static const char *dir = "/tmp", *prefix = "", *hostport;
static const char *cur_name, *cur_group;
static char self_path[512];
extern char **environ;

/* ---------------------------------------------------------------- time */

static u64 now(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (u64)ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

static inline u64 rdtime(void)
{
#ifdef __riscv
	u64 v;
	__asm__ volatile("rdtime %0" : "=r"(v));
	return v;
#else
	return 0;
#endif
}

static sigjmp_buf ill_jmp;
static void on_ill(int s) { (void)s; siglongjmp(ill_jmp, 1); }

static int have_rdtime(void)
{
#ifdef __riscv
	struct sigaction sa = { .sa_handler = on_ill }, old;
	int ok = 0;
	if (sigaction(SIGILL, &sa, &old) < 0)
		return 0;
	if (!sigsetjmp(ill_jmp, 1)) {
		rdtime();
		ok = 1;
	}
	sigaction(SIGILL, &old, NULL);
	return ok;
#else
	return 0;
#endif
}

/* the cheapest system call path: no C library in between */
static inline long raw0(long nr)
{
#ifdef __riscv
	register long a7 __asm__("a7") = nr;
	register long a0 __asm__("a0");
	__asm__ volatile("ecall" : "=r"(a0) : "r"(a7) : "memory");
	return a0;
#else
	return syscall(nr);
#endif
}

static inline long raw3(long nr, long x, long y, long z)
{
#ifdef __riscv
	register long a7 __asm__("a7") = nr;
	register long a0 __asm__("a0") = x;
	register long a1 __asm__("a1") = y;
	register long a2 __asm__("a2") = z;
	__asm__ volatile("ecall" : "+r"(a0) : "r"(a1), "r"(a2), "r"(a7) : "memory");
	return a0;
#else
	return syscall(nr, x, y, z);
#endif
}

/* -------------------------------------------------------------- output */

static void put(const char *name, double v, const char *unit, const char *better,
		double lo, double hi, u64 n)
{
	if (opt_fmt == 1)
		printf("%s%s\t%.5g\t%s\t%s\t%s\t%.5g\t%.5g\t%llu\n", prefix, name, v, unit,
		       better, cur_group, lo, hi, (unsigned long long)n);
	else if (opt_fmt == 2)
		printf("{\"name\":\"%s%s\",\"value\":%.6g,\"unit\":\"%s\",\"better\":\"%s\","
		       "\"group\":\"%s\",\"min\":%.6g,\"max\":%.6g,\"iters\":%llu}\n",
		       prefix, name, v, unit, better, cur_group, lo, hi, (unsigned long long)n);
	else
		printf("%s%-24s %12.2f %-8s %s\n", prefix, name, v, unit, better);
	fflush(stdout);
}

static void unsup(const char *name, const char *fmt, ...)
{
	char why[160];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(why, sizeof why, fmt, ap);
	va_end(ap);
	for (char *p = why; *p; p++)
		if (*p == ' ' || *p == '\t')
			*p = '-';
	if (opt_fmt == 1)
		printf("%s%s\tunsupported\t%s\t-\t%s\n", prefix, name, why, cur_group);
	else if (opt_fmt == 2)
		printf("{\"name\":\"%s%s\",\"unsupported\":\"%s\",\"group\":\"%s\"}\n", prefix,
		       name, why, cur_group);
	else
		printf("%s%-24s unsupported %s\n", prefix, name, why);
	fflush(stdout);
}

#define UNSUP(call) do { unsup(cur_name, "%s: %s", call, strerror(errno)); return; } while (0)

static int cmpd(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return x < y ? -1 : x > y;
}

struct stat_ { double med, lo, hi; u64 n; };

static struct stat_ summarize(double *s, int n, u64 iters)
{
	struct stat_ r;
	qsort(s, n, sizeof *s, cmpd);
	r.med = n & 1 ? s[n / 2] : (s[n / 2 - 1] + s[n / 2]) / 2;
	r.lo = s[0];
	r.hi = s[n - 1];
	r.n = iters;
	return r;
}

/* A batch runs n operations and returns the nanoseconds they took, or a
 * negative value on error (errno set). */
typedef double (*batch)(u64 n, void *arg);

static int measure(batch f, void *arg, u64 cap, struct stat_ *out)
{
	double s[MAXREP], t, spent = 0, want = target_ns / 8;
	u64 n = 1, total = 0;
	int reps = 0;

	if ((t = f(1, arg)) < 0)        /* warm up */
		return -1;
	for (;;) {
		if ((t = f(n, arg)) < 0)
			return -1;
		if (t >= want * 0.7 || (cap && n >= cap) || n > 1ull << 34)
			break;
		double k = t < 1000 ? 10 : want / t;
		if (k > 10) k = 10;
		if (k < 1.3) k = 1.3;
		n = (u64)(n * k) + 1;
		if (cap && n > cap) n = cap;
	}
	while (reps < MAXREP && (reps < 5 || spent < target_ns)) {
		if ((t = f(n, arg)) < 0)
			return -1;
		s[reps++] = t / n;
		spent += t;
		total += n;
		if (reps >= 5 && spent > 4 * target_ns)
			break;
	}
	*out = summarize(s, reps, total);
	return 0;
}

/* measure and print nanoseconds per operation */
static void run_ns(const char *name, batch f, void *arg, u64 cap)
{
	struct stat_ r;
	if (measure(f, arg, cap, &r) < 0)
		unsup(name, "%s", strerror(errno));
	else
		put(name, r.med, "ns", LOWER, r.lo, r.hi, r.n);
}

/* the same, printed as MB/s (10^6 bytes), `bytes` per operation */
static void run_mbs(const char *name, batch f, void *arg, u64 cap, double bytes)
{
	struct stat_ r;
	if (measure(f, arg, cap, &r) < 0)
		unsup(name, "%s", strerror(errno));
	else
		put(name, bytes * 1e3 / r.med, "MB/s", HIGHER, bytes * 1e3 / r.hi,
		    bytes * 1e3 / r.lo, r.n);
}

static int ncpu(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);
	return n < 1 ? 1 : (int)n;
}

static void *shmem(size_t n)
{
	void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return p == MAP_FAILED ? NULL : p;
}

static void reap(pid_t p)
{
	int st;
	if (p > 0) {
		kill(p, SIGKILL);
		waitpid(p, &st, 0);
	}
}

static const char *fpath(const char *leaf)
{
	static char b[4][600];
	static int k;
	k = (k + 1) & 3;
	snprintf(b[k], sizeof b[k], "%s/%s", dir, leaf);
	return b[k];
}

/* --------------------------------------------------------- system calls */

static double b_getppid(u64 n, void *a)
{
	u64 t = now();
	(void)a;
	for (u64 i = 0; i < n; i++)
		raw0(SYS_getppid);
	return now() - t;
}
static void null_syscall(void) { run_ns(cur_name, b_getppid, NULL, 0); }

static double b_gettime(u64 n, void *a)
{
	struct timespec ts;
	u64 t = now();
	(void)a;
	for (u64 i = 0; i < n; i++)
		clock_gettime(CLOCK_MONOTONIC, &ts);
	return now() - t;
}
static void clock_gettime_(void) { run_ns(cur_name, b_gettime, NULL, 0); }

static double b_rd1(u64 n, void *a)
{
	int fd = *(int *)a;
	char c;
	u64 t = now();
	for (u64 i = 0; i < n; i++)
		if (raw3(SYS_read, fd, (long)&c, 1) != 1)
			return errno = EIO, -1;
	return now() - t;
}
static double b_wr1(u64 n, void *a)
{
	int fd = *(int *)a;
	char c = 0;
	u64 t = now();
	for (u64 i = 0; i < n; i++)
		if (raw3(SYS_write, fd, (long)&c, 1) != 1)
			return errno = EIO, -1;
	return now() - t;
}
static void read_zero(void)
{
	int fd = open("/dev/zero", O_RDONLY);
	if (fd < 0) UNSUP("open");
	run_ns(cur_name, b_rd1, &fd, 0);
	close(fd);
}
static void write_null(void)
{
	int fd = open("/dev/null", O_WRONLY);
	if (fd < 0) UNSUP("open");
	run_ns(cur_name, b_wr1, &fd, 0);
	close(fd);
}

static int mkfile(const char *path, size_t bytes)
{
	static char buf[65536];
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0644);
	if (fd < 0)
		return -1;
	for (size_t d = 0; d < bytes;) {
		size_t k = bytes - d < sizeof buf ? bytes - d : sizeof buf;
		ssize_t r = write(fd, buf, k);
		if (r <= 0) {
			int e = r < 0 ? errno : EIO;
			close(fd);
			return errno = e, -1;
		}
		d += r;
	}
	return fd;
}

static double b_openclose(u64 n, void *a)
{
	u64 t = now();
	for (u64 i = 0; i < n; i++) {
		int fd = open(a, O_RDONLY);
		if (fd < 0)
			return -1;
		close(fd);
	}
	return now() - t;
}
static double b_stat(u64 n, void *a)
{
	struct stat st;
	u64 t = now();
	for (u64 i = 0; i < n; i++)
		if (stat(a, &st) < 0)
			return -1;
	return now() - t;
}
static void on_small_file(batch f)
{
	const char *p = fpath("kb.small");
	int fd = mkfile(p, 1);
	if (fd < 0) UNSUP("create");
	close(fd);
	run_ns(cur_name, f, (void *)p, 0);
	unlink(p);
}
static void open_close(void) { on_small_file(b_openclose); }
static void stat_(void) { on_small_file(b_stat); }

static volatile u64 sig_count;
static void on_usr(int s) { (void)s; sig_count++; }
static double b_siginstall(u64 n, void *a)
{
	struct sigaction sa = { .sa_handler = on_usr };
	u64 t = now();
	(void)a;
	for (u64 i = 0; i < n; i++)
		if (sigaction(SIGUSR1, &sa, NULL) < 0)
			return -1;
	return now() - t;
}
static double b_sigdeliver(u64 n, void *a)
{
	pid_t pid = getpid(), tid = syscall(SYS_gettid);
	(void)a;
	sig_count = 0;
	u64 t = now();
	for (u64 i = 0; i < n; i++)
		raw3(SYS_tgkill, pid, tid, SIGUSR1);
	t = now() - t;
	if (sig_count != n)
		return errno = EIO, -1;
	return t;
}
static void sig_install(void) { run_ns(cur_name, b_siginstall, NULL, 0); }
static void sig_deliver(void)
{
	b_siginstall(1, NULL);
	run_ns(cur_name, b_sigdeliver, NULL, 0);
}

/* --------------------------------------------------------------- memory */

static double touch_anon(u64 n, int huge)
{
	size_t len = n * 4096;
	char *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return -1;
	if (!huge)
		madvise(p, len, MADV_NOHUGEPAGE);
	u64 t = now();
	for (size_t i = 0; i < len; i += 4096)
		p[i] = 1;
	t = now() - t;
	munmap(p, len);
	return t;
}
static double b_pfanon(u64 n, void *a) { (void)a; return touch_anon(n, 0); }
static double b_pfhuge(u64 n, void *a) { (void)a; return touch_anon(n, 1); }
static void pf_anon(void) { run_ns(cur_name, b_pfanon, NULL, 4096); }
static void pf_anon_default(void) { run_ns(cur_name, b_pfhuge, NULL, 4096); }

static double b_anoncycle(u64 n, void *a)
{
	u64 t = now();
	(void)a;
	for (u64 i = 0; i < n; i++) {
		char *p = mmap(NULL, 65536, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (p == MAP_FAILED)
			return -1;
		for (int k = 0; k < 65536; k += 4096)
			p[k] = 1;
		munmap(p, 65536);
	}
	return now() - t;
}
static void mmap_touch_unmap(void) { run_ns(cur_name, b_anoncycle, NULL, 0); }

static double b_pffile(u64 n, void *a)
{
	int fd = *(int *)a;
	volatile char *p = mmap(NULL, n * 4096, PROT_READ, MAP_SHARED, fd, 0);
	char x = 0;
	if (p == MAP_FAILED)
		return -1;
	u64 t = now();
	for (u64 i = 0; i < n; i++)
		x += p[i * 4096];
	t = now() - t;
	(void)x;
	munmap((void *)p, n * 4096);
	return t;
}
static void pf_file(void)
{
	const char *p = fpath("kb.map");
	int fd = mkfile(p, 4 * MIB);
	if (fd < 0) UNSUP("create");
	run_ns(cur_name, b_pffile, &fd, 1024);
	close(fd);
	unlink(p);
}

static double b_mmap(u64 n, void *a)
{
	u64 t = now();
	(void)a;
	for (u64 i = 0; i < n; i++) {
		void *p = mmap(NULL, 65536, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (p == MAP_FAILED || munmap(p, 65536) < 0)
			return -1;
	}
	return now() - t;
}
static void mmap_munmap(void) { run_ns(cur_name, b_mmap, NULL, 0); }

static double b_brk(u64 n, void *a)
{
	u64 t = now();
	(void)a;
	for (u64 i = 0; i < n; i++)
		if (sbrk(65536) == (void *)-1 || sbrk(-65536) == (void *)-1)
			return -1;
	return now() - t;
}
static void brk_(void) { run_ns(cur_name, b_brk, NULL, 0); }

static double b_cow(u64 n, void *a)
{
	u64 *out = a;
	size_t len = n * 4096;
	char *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return -1;
	madvise(p, len, MADV_NOHUGEPAGE);
	memset(p, 1, len);
	*out = 0;
	pid_t c = fork();
	if (c < 0) {
		munmap(p, len);
		return -1;
	}
	if (!c) {
		u64 t = now();
		for (size_t i = 0; i < len; i += 4096)
			p[i] = 2;
		*out = now() - t;
		_exit(0);
	}
	int st;
	waitpid(c, &st, 0);
	munmap(p, len);
	return *out ? (double)*out : (errno = EIO, -1);
}
static void cow_fault(void)
{
	u64 *s = shmem(4096);
	if (!s) UNSUP("mmap-shared");
	run_ns(cur_name, b_cow, s, 2048);
}

static void mem_boot(void)
{
	FILE *f = fopen("/proc/meminfo", "r");
	char k[64];
	double v, tot = 0, fre = 0, avail = 0;
	if (!f) UNSUP("open-/proc/meminfo");
	while (fscanf(f, "%63s %lf%*[^\n]", k, &v) == 2) {
		if (!strcmp(k, "MemTotal:")) tot = v;
		if (!strcmp(k, "MemFree:")) fre = v;
		if (!strcmp(k, "MemAvailable:")) avail = v;
	}
	fclose(f);
	put("mem_total", tot, "KiB", INFO, tot, tot, 1);
	put("mem_used", tot - fre, "KiB", LOWER, tot - fre, tot - fre, 1);
	if (avail)
		put("mem_not_available", tot - avail, "KiB", LOWER, tot - avail, tot - avail, 1);
	if (opt_ram)
		put("mem_ram_minus_free", opt_ram * 1024.0 - fre, "KiB", LOWER,
		    opt_ram * 1024.0 - fre, opt_ram * 1024.0 - fre, 1);
}

/* ------------------------------------------------------------ processes */

static double b_fork(u64 n, void *a)
{
	int st;
	u64 t = now();
	(void)a;
	for (u64 i = 0; i < n; i++) {
		pid_t c = fork();
		if (c < 0)
			return -1;
		if (!c)
			_exit(0);
		waitpid(c, &st, 0);
	}
	return now() - t;
}
static void fork_exit(void) { run_ns(cur_name, b_fork, NULL, 0); }
static void fork_exit_10m(void)
{
	size_t len = 10 * MIB;
	char *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED) UNSUP("mmap");
	madvise(p, len, MADV_NOHUGEPAGE);
	memset(p, 1, len);
	run_ns(cur_name, b_fork, NULL, 0);
	munmap(p, len);
}

static char *noop_argv[] = { self_path, "--noop", NULL };
static double b_exec(u64 n, void *a)
{
	int st, how = *(int *)a;
	u64 t = now();
	for (u64 i = 0; i < n; i++) {
		pid_t c;
		if (how == 2) {
			int e = posix_spawn(&c, self_path, NULL, NULL, noop_argv, environ);
			if (e)
				return errno = e, -1;
		} else {
			c = how == 1 ? vfork() : fork();
			if (c < 0)
				return -1;
			if (!c) {
				execve(self_path, noop_argv, environ);
				_exit(127);
			}
		}
		if (waitpid(c, &st, 0) < 0)
			return -1;
		if (!WIFEXITED(st) || WEXITSTATUS(st))
			return errno = ENOEXEC, -1;
	}
	return now() - t;
}
static void fork_exec(void) { int h = 0; run_ns(cur_name, b_exec, &h, 0); }
static void vfork_exec(void) { int h = 1; run_ns(cur_name, b_exec, &h, 0); }
static void posix_spawn_(void) { int h = 2; run_ns(cur_name, b_exec, &h, 0); }

static void *th_nop(void *a) { return a; }
static double b_thread(u64 n, void *a)
{
	pthread_t th;
	u64 t = now();
	(void)a;
	for (u64 i = 0; i < n; i++) {
		int e = pthread_create(&th, NULL, th_nop, NULL);
		if (e)
			return errno = e, -1;
		pthread_join(th, NULL);
	}
	return now() - t;
}
static void thread_create(void) { run_ns(cur_name, b_thread, NULL, 0); }

/* ------------------------------------------------------------------ IPC */

struct ring { int nproc, ws, first_w, last_r; pid_t kid[16]; char *buf; };

static void walk(char *b, int ws)
{
	for (int i = 0; i < ws; i += 64)
		(*(volatile char *)&b[i])++;
}
static double b_ring(u64 n, void *a)
{
	struct ring *r = a;
	char c = 0;
	u64 t = now();
	for (u64 i = 0; i < n; i++) {
		if (write(r->first_w, &c, 1) != 1 || read(r->last_r, &c, 1) != 1)
			return errno = EIO, -1;
		walk(r->buf, r->ws);
	}
	t = now() - t;
	return (double)t / r->nproc;
}
static void ctx(int nproc, int ws)
{
	struct ring r = { .nproc = nproc, .ws = ws };
	int p[16][2], made = 0;
	r.buf = malloc(ws + 64);
	memset(r.buf, 1, ws + 64);
	for (; made < nproc; made++)
		if (pipe(p[made]) < 0) UNSUP("pipe");
	for (int i = 1; i < nproc; i++) {       /* i reads p[i-1], writes p[i] */
		r.kid[i] = fork();
		if (r.kid[i] < 0) UNSUP("fork");
		if (!r.kid[i]) {
			char c;
			for (int k = 0; k < nproc; k++) {
				if (k != i - 1) close(p[k][0]);
				if (k != i) close(p[k][1]);
			}
			while (read(p[i - 1][0], &c, 1) == 1) {
				walk(r.buf, ws);
				if (write(p[i][1], &c, 1) != 1)
					break;
			}
			_exit(0);
		}
	}
	r.first_w = p[0][1];
	r.last_r = p[nproc - 1][0];
	run_ns(cur_name, b_ring, &r, 0);
	for (int i = 1; i < nproc; i++)
		reap(r.kid[i]);
	for (int i = 0; i < nproc; i++)
		close(p[i][0]), close(p[i][1]);
	free(r.buf);
}
static void ctx_2p_0k(void) { ctx(2, 0); }
static void ctx_2p_64k(void) { ctx(2, 65536); }
static void ctx_8p_0k(void) { ctx(8, 0); }
static void ctx_8p_64k(void) { ctx(8, 65536); }

static volatile int fut_turn, fut_stop;
static void fut_wait_for(int v)
{
	while (fut_turn != v && !fut_stop)
		syscall(SYS_futex, &fut_turn, FUTEX_WAIT_PRIVATE, !v, NULL, NULL, 0);
}
static void fut_give(int v)
{
	__atomic_store_n(&fut_turn, v, __ATOMIC_SEQ_CST);
	syscall(SYS_futex, &fut_turn, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}
static void *th_futex(void *a)
{
	while (!fut_stop) {
		fut_wait_for(1);
		fut_give(0);
	}
	return a;
}
static double b_futex(u64 n, void *a)
{
	u64 t = now();
	(void)a;
	for (u64 i = 0; i < n; i++) {
		fut_give(1);
		fut_wait_for(0);
	}
	return (now() - t) / 2.0;
}
static void futex_handoff(void)
{
	pthread_t th;
	if (syscall(SYS_futex, &fut_turn, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0) < 0) UNSUP("futex");
	if (pthread_create(&th, NULL, th_futex, NULL)) UNSUP("pthread_create");
	run_ns(cur_name, b_futex, NULL, 0);
	fut_stop = 1;
	fut_give(1);
	pthread_join(th, NULL);
}

#define CHUNK 65536
static char chunk[CHUNK];
static double b_drain(u64 n, void *a)
{
	int fd = *(int *)a;
	u64 t = now(), want = n * CHUNK;
	while (want) {
		ssize_t r = read(fd, chunk, want < CHUNK ? want : CHUNK);
		if (r <= 0)
			return errno = r ? errno : EPIPE, -1;
		want -= r;
	}
	return now() - t;
}
static void bandwidth(int rfd, int wfd)
{
	pid_t c = fork();
	if (c < 0) UNSUP("fork");
	if (!c) {
		if (rfd != wfd)
			close(rfd);
		while (write(wfd, chunk, CHUNK) > 0)
			;
		_exit(0);
	}
	close(wfd);
	run_mbs(cur_name, b_drain, &rfd, 0, CHUNK);
	reap(c);
	close(rfd);
}
static double b_pong(u64 n, void *a)
{
	int fd = *(int *)a;
	char c = 0;
	u64 t = now();
	for (u64 i = 0; i < n; i++)
		if (write(fd, &c, 1) != 1 || read(fd, &c, 1) != 1)
			return errno = EIO, -1;
	return now() - t;
}
static void pingpong(int mine, int theirs)
{
	pid_t c = fork();
	if (c < 0) UNSUP("fork");
	if (!c) {
		char x;
		close(mine);
		while (read(theirs, &x, 1) == 1 && write(theirs, &x, 1) == 1)
			;
		_exit(0);
	}
	run_ns(cur_name, b_pong, &mine, 0);
	reap(c);
	close(mine);
	close(theirs);
}
static void pipe_bw(void)
{
	int p[2];
	if (pipe(p) < 0) UNSUP("pipe");
	bandwidth(p[0], p[1]);
}
static void unix_lat(void)
{
	int s[2];
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, s) < 0) UNSUP("socketpair");
	pingpong(s[0], s[1]);
}
static void unix_bw(void)
{
	int s[2];
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, s) < 0) UNSUP("socketpair");
	bandwidth(s[0], s[1]);
}

/* epoll / poll wake-up: the waiter watches one live pipe and n idle fds */
struct waiter { int to, from; };
static double b_waker(u64 n, void *a)
{
	struct waiter *w = a;
	char c = 0;
	u64 t = now();
	for (u64 i = 0; i < n; i++)
		if (write(w->to, &c, 1) != 1 || read(w->from, &c, 1) != 1)
			return errno = EIO, -1;
	return now() - t;
}
static int idle_fd(void)
{
	static int use_pipe;
	int p[2];
	if (!use_pipe) {
		int fd = eventfd(0, 0);
		if (fd >= 0 || errno == EMFILE)
			return fd;
		use_pipe = 1;
	}
	return pipe(p) < 0 ? -1 : p[0];
}
static void wakeup(int nidle, int use_epoll)
{
	int go[2], back[2], ep = -1, e = 0, ok[2];
	struct pollfd *pf = calloc(nidle + 1, sizeof *pf);
	struct rlimit rl = { 4096, 4096 };
	struct waiter w;

	getrlimit(RLIMIT_NOFILE, &rl);
	if (rl.rlim_cur < 2100) {
		rl.rlim_cur = 2100;
		if (rl.rlim_max < 2100)
			rl.rlim_max = 2100;
		setrlimit(RLIMIT_NOFILE, &rl);
	}
	if (pipe(go) < 0 || pipe(back) < 0 || pipe(ok) < 0) UNSUP("pipe");
	pid_t c = fork();
	if (c < 0) UNSUP("fork");
	if (!c) {
		struct epoll_event ev = { .events = EPOLLIN };
		char x;
		if (use_epoll && (ep = epoll_create1(0)) < 0)
			e = errno;
		for (int i = 0; i <= nidle && !e; i++) {
			int fd = i < nidle ? idle_fd() : go[0];
			if (fd < 0)
				e = errno;
			ev.data.fd = fd;
			pf[i].fd = fd;
			pf[i].events = POLLIN;
			if (!e && use_epoll && epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev) < 0)
				e = errno;
		}
		if (write(ok[1], &e, sizeof e) < 0 || e)
			_exit(1);
		for (;;) {
			int r = use_epoll ? epoll_wait(ep, &ev, 1, -1) : poll(pf, nidle + 1, -1);
			if (r < 1 || read(go[0], &x, 1) != 1 || write(back[1], &x, 1) != 1)
				_exit(0);
		}
	}
	if (read(ok[0], &e, sizeof e) != sizeof e)
		e = EIO;
	close(back[1]);
	w.to = go[1];
	w.from = back[0];
	if (e)
		unsup(cur_name, "%s", strerror(e));
	else
		run_ns(cur_name, b_waker, &w, 0);
	reap(c);
	close(go[0]); close(go[1]); close(back[0]); close(ok[0]); close(ok[1]);
	free(pf);
}
static void epoll_1(void) { wakeup(1, 1); }
static void epoll_100(void) { wakeup(100, 1); }
static void epoll_1000(void) { wakeup(1000, 1); }
static void poll_100(void) { wakeup(100, 0); }

/* ------------------------------------------------------- loopback net */

static int lo_listen(int type, struct sockaddr_in *sa)
{
	socklen_t l = sizeof *sa;
	int one = 1, s = socket(AF_INET, type, 0);
	if (s < 0)
		return -1;
	memset(sa, 0, sizeof *sa);
	sa->sin_family = AF_INET;
	sa->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (bind(s, (void *)sa, sizeof *sa) < 0 || getsockname(s, (void *)sa, &l) < 0 ||
	    (type == SOCK_STREAM && listen(s, 128) < 0)) {
		int e = errno;
		close(s);
		return errno = e, -1;
	}
	return s;
}
static int tcp_pair(int fd[2])
{
	struct sockaddr_in sa;
	int one = 1, l = lo_listen(SOCK_STREAM, &sa);
	if (l < 0)
		return -1;
	fd[0] = socket(AF_INET, SOCK_STREAM, 0);
	if (fd[0] < 0 || connect(fd[0], (void *)&sa, sizeof sa) < 0) {
		int e = errno;
		close(l);
		return errno = e, -1;
	}
	fd[1] = accept(l, NULL, NULL);
	close(l);
	if (fd[1] < 0)
		return -1;
	setsockopt(fd[0], IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	setsockopt(fd[1], IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	return 0;
}
static void tcp_lat(void)
{
	int s[2];
	if (tcp_pair(s) < 0) UNSUP("tcp-loopback");
	pingpong(s[0], s[1]);
}
static void tcp_bw(void)
{
	int s[2];
	if (tcp_pair(s) < 0) UNSUP("tcp-loopback");
	bandwidth(s[0], s[1]);
}
/* The same from a cached file of SENDFILE bytes, 64 KiB a call. */
#define SENDFILE (4u << 20)
static int sendfile_all(int s, int file, u64 n)
{
	for (u64 i = 0; i < n; i++) {
		off_t at = (off_t)(i * CHUNK % SENDFILE);
		for (size_t left = CHUNK; left;) {
			ssize_t r = sendfile(s, file, &at, left);
			if (r <= 0)
				return -1;
			left -= r;
		}
	}
	return 0;
}
static int cached_file(void)
{
	int fd = mkfile(fpath("kb.send"), SENDFILE);
	unlink(fpath("kb.send"));
	return fd;
}
static void tcp_sendfile(void)
{
	int s[2], file = cached_file();
	if (file < 0) UNSUP("file");
	if (tcp_pair(s) < 0) UNSUP("tcp-loopback");
	pid_t c = fork();
	if (c < 0) UNSUP("fork");
	if (!c) {
		close(s[0]);
		sendfile_all(s[1], file, ~0ull);
		_exit(0);
	}
	close(s[1]);
	run_mbs(cur_name, b_drain, &s[0], 0, CHUNK);
	reap(c);
	close(s[0]);
	close(file);
}
static double b_conn(u64 n, void *a)
{
	char c;
	u64 t = now();
	for (u64 i = 0; i < n; i++) {
		int s = socket(AF_INET, SOCK_STREAM, 0);
		if (s < 0)
			return -1;
		if (connect(s, a, sizeof(struct sockaddr_in)) < 0) {
			int e = errno;
			close(s);
			return errno = e, -1;
		}
		if (read(s, &c, 1) < 0)         /* end of file from the server */
			return -1;
		close(s);
	}
	return now() - t;
}
static void tcp_conn(void)
{
	struct sockaddr_in sa;
	struct stat_ r;
	int l = lo_listen(SOCK_STREAM, &sa);
	if (l < 0) UNSUP("tcp-listen");
	pid_t c = fork();
	if (c < 0) UNSUP("fork");
	if (!c)
		for (;;) {
			int s = accept(l, NULL, NULL);
			if (s < 0)
				_exit(1);
			close(s);
		}
	if (measure(b_conn, &sa, 500, &r) < 0)
		unsup(cur_name, "%s", strerror(errno));
	else
		put(cur_name, 1e9 / r.med, "conn/s", HIGHER, 1e9 / r.hi, 1e9 / r.lo, r.n);
	reap(c);
	close(l);
}
static void udp_lat(void)
{
	struct sockaddr_in a, b;
	int x = lo_listen(SOCK_DGRAM, &a), y = lo_listen(SOCK_DGRAM, &b);
	if (x < 0 || y < 0) UNSUP("udp-bind");
	if (connect(x, (void *)&b, sizeof b) < 0 || connect(y, (void *)&a, sizeof a) < 0)
		UNSUP("connect");
	pingpong(x, y);
}

/* ------------------------------------------------------------ scheduler */

static int oversleep(int samples, double *out)
{
	prctl(PR_SET_TIMERSLACK, 1);    /* no deliberate lateness (Linux: 50 us) */
	struct timespec ts = { 0, 1000000 };
	for (int i = 0; i < samples; i++) {
		u64 t = now();
		if (clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL))
			return -1;
		out[i] = (double)(now() - t) - 1e6;
	}
	qsort(out, samples, sizeof *out, cmpd);
	return 0;
}
static void put_pct(const char *base, double *s, int n)
{
	char nm[64];
	snprintf(nm, sizeof nm, "%s_p50", base);
	put(nm, s[n / 2] / 1e3, "us", LOWER, s[0] / 1e3, s[n - 1] / 1e3, n);
	snprintf(nm, sizeof nm, "%s_p99", base);
	put(nm, s[n * 99 / 100] / 1e3, "us", LOWER, s[0] / 1e3, s[n - 1] / 1e3, n);
}
static void oversleep_1ms(void)
{
	double s[300];
	if (oversleep(300, s) < 0) UNSUP("clock_nanosleep");
	put_pct(cur_name, s, 300);
}

static void pin0(void)
{
	cpu_set_t c;
	CPU_ZERO(&c);
	CPU_SET(0, &c);
	sched_setaffinity(0, sizeof c, &c);
}
static void hog(volatile u64 *cnt)
{
	u64 n = 0;
	for (;;) {
		for (int i = 0; i < 256; i++)
			__asm__ volatile("");
		*cnt = ++n;
	}
}
static pid_t spawn_hog(volatile u64 *cnt, int nice_, int pin)
{
	pid_t c = fork();
	if (c)
		return c;
	if (pin)
		pin0();
	if (nice_ && setpriority(PRIO_PROCESS, 0, nice_) < 0)
		_exit(1);
	hog(cnt);
	return 0;
}
/* 2 hogs at nice 0 and 2 at nice `lo` on one processor for 2 s: total
 * variation distance between the shares and the ideal weights, in % */
static void fair(int lo, double wlo, u64 ns)
{
	volatile u64 *cnt = shmem(4096);
	u64 a[4], d[4], sum = 0;
	pid_t k[4];
	double w[4] = { 1024, 1024, wlo, wlo }, tv = 0, wsum = 2048 + 2 * wlo;
	struct timespec warm = { 0, 200000000 }, run = { ns / 1000000000, ns % 1000000000 };
	if (!cnt) UNSUP("mmap-shared");
	for (int i = 0; i < 4; i++)
		if ((k[i] = spawn_hog(&cnt[i * 16], i < 2 ? 0 : lo, 1)) < 0) UNSUP("fork");
	clock_nanosleep(CLOCK_MONOTONIC, 0, &warm, NULL);
	for (int i = 0; i < 4; i++)
		a[i] = cnt[i * 16];
	clock_nanosleep(CLOCK_MONOTONIC, 0, &run, NULL);
	for (int i = 0; i < 4; i++)
		sum += d[i] = cnt[i * 16] - a[i];
	for (int i = 0; i < 4; i++)
		reap(k[i]);
	if (!d[0] || !d[1] || !d[2] || !d[3]) {
		unsup(cur_name, "a hog did not run (%llu %llu %llu %llu)", (unsigned long long)d[0],
		      (unsigned long long)d[1], (unsigned long long)d[2], (unsigned long long)d[3]);
		return;
	}
	for (int i = 0; i < 4; i++)
		tv += fabs((double)d[i] / sum - w[i] / wsum) / 2;
	put(cur_name, tv * 100, "%err", LOWER, tv * 100, tv * 100, 1);
	if (lo)
		put("fair_nice_ratio", (double)(d[0] + d[1]) / (d[2] + d[3]), "x(ideal-3.06)", INFO,
		    0, 0, 1);
}
static void fair_equal(void) { fair(0, 1024, 1000000000); }
static void fair_nice5(void) { fair(5, 335, 2000000000); }

static void wake_load(void)
{
	double s[500];
	volatile u64 *cnt = shmem(4096);
	pid_t k[16];
	int n = 2 * ncpu(), e;
	if (!cnt) UNSUP("mmap-shared");
	if (n > 16) n = 16;
	for (int i = 0; i < n; i++)
		if ((k[i] = spawn_hog(&cnt[i * 16], 0, 0)) < 0) UNSUP("fork");
	e = oversleep(500, s);
	for (int i = 0; i < n; i++)
		reap(k[i]);
	if (e < 0) UNSUP("clock_nanosleep");
	put_pct(cur_name, s, 500);
}

static double b_yield(u64 n, void *a)
{
	u64 t = now();
	(void)a;
	for (u64 i = 0; i < n; i++)
		raw0(SYS_sched_yield);
	return now() - t;
}
static void sched_yield_(void) { run_ns(cur_name, b_yield, NULL, 0); }

/* ------------------------------------------------ soak: cost without idle
 *
 * A lowest-priority process counts loops while the measured operation waits
 * for a device.  What it counted is subtracted from the elapsed time; the
 * rest is the processor time the operation cost, interrupts, kernel threads
 * and context switches included.  Needs one processor.  The smallest of the
 * repeats is printed: longer waits only ever add timer and housekeeping work. */
static volatile u64 *soak_cnt;
static pid_t soak_pid;
static double soak_rate;        /* counts per ns when alone */

static int soak_start(void)
{
	if (ncpu() != 1)
		return errno = ENOTSUP, -1;
	if (!soak_cnt && !(soak_cnt = shmem(4096)))
		return -1;
	soak_pid = fork();
	if (soak_pid < 0)
		return -1;
	if (!soak_pid) {
		struct sched_param sp = { 0 };
		setpriority(PRIO_PROCESS, 0, 19);
#ifdef SCHED_IDLE
		sched_setscheduler(0, SCHED_IDLE, &sp);
#endif
		volatile u64 *p = soak_cnt;
		for (;;)
			*p = *p + 1;
	}
	struct timespec ts = { 0, 50000000 };
	soak_rate = 0;
	for (int i = 0; i < 4; i++) {
		u64 t = now(), c = *soak_cnt;
		clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL);
		c = *soak_cnt - c;
		t = now() - t;
		if (i && (double)c / t > soak_rate)
			soak_rate = (double)c / t;
	}
	if (soak_rate <= 0) {
		reap(soak_pid);
		return errno = ENOTSUP, -1;
	}
	return 0;
}
static void soak_end(void) { reap(soak_pid); }

/* run a batch with device waits: wall time, then processor cost */
static void run_dev(const char *name, batch f, void *arg, u64 n, int reps, double bytes)
{
	char nm[64];
	double s[MAXREP];
	struct stat_ r;
	if (!opt_cpuonly) {
		for (int i = -1; i < reps; i++) {
			double t = f(n, arg);
			if (t < 0) {
				unsup(name, "%s", strerror(errno));
				return;
			}
			if (i >= 0)
				s[i] = t / n;
		}
		r = summarize(s, reps, n * reps);
		if (bytes)
			put(name, bytes * 1e3 / r.med, "MB/s", HIGHER, bytes * 1e3 / r.hi,
			    bytes * 1e3 / r.lo, r.n);
		else
			put(name, r.med, "ns", LOWER, r.lo, r.hi, r.n);
	}
	snprintf(nm, sizeof nm, "%s_cpu", name);
	if (soak_start() < 0) {
		unsup(nm, ncpu() > 1 ? "needs one processor" : "%s", strerror(errno));
		return;
	}
	for (int i = -1; i < reps; i++) {
		u64 c = *soak_cnt, t0 = now();
		double t = f(n, arg);
		u64 wall = now() - t0;
		c = *soak_cnt - c;
		if (t < 0) {
			soak_end();
			unsup(nm, "%s", strerror(errno));
			return;
		}
		if (i >= 0)
			s[i] = (wall - c / soak_rate) / n;
	}
	soak_end();
	r = summarize(s, reps, n * reps);
	if (bytes) {
		double k = bytes / 1024;
		put(nm, r.lo / k, "ns/KiB", LOWER, r.lo / k, r.hi / k, r.n);
	} else
		put(nm, r.lo, "ns", LOWER, r.lo, r.hi, r.n);
}

/* ---------------------------------------------------------------- files */

static void create_rate(size_t bytes)
{
	double c[9], u[9];
	static char buf[4096];
	char nm[64], leaf[32];
	struct stat_ r;
	enum { N = 200 };
	for (int rep = -1; rep < 9; rep++) {
		u64 t = now();
		for (int i = 0; i < N; i++) {
			snprintf(leaf, sizeof leaf, "kbf%d", i);
			int fd = open(fpath(leaf), O_WRONLY | O_CREAT | O_EXCL, 0644);
			if (fd < 0 || (bytes && write(fd, buf, bytes) != (ssize_t)bytes))
				UNSUP("create");
			close(fd);
		}
		u64 t2 = now();
		for (int i = 0; i < N; i++) {
			snprintf(leaf, sizeof leaf, "kbf%d", i);
			if (unlink(fpath(leaf)) < 0) UNSUP("unlink");
		}
		u64 t3 = now();
		if (rep >= 0) {
			c[rep] = (double)(t2 - t) / N;
			u[rep] = (double)(t3 - t2) / N;
		}
	}
	r = summarize(c, 9, 9 * N);
	snprintf(nm, sizeof nm, "file_create_%zuk", bytes / 1024);
	put(nm, r.med, "ns", LOWER, r.lo, r.hi, r.n);
	r = summarize(u, 9, 9 * N);
	snprintf(nm, sizeof nm, "file_unlink_%zuk", bytes / 1024);
	put(nm, r.med, "ns", LOWER, r.lo, r.hi, r.n);
}
static void file_create_0k(void) { create_rate(0); }
static void file_create_4k(void) { create_rate(4096); }

struct fil { int fd; size_t size; u32 seed; char *buf; };

static double b_rdfile(u64 n, void *a)
{
	struct fil *f = a;
	off_t o = 0;
	u64 t = now();
	for (u64 i = 0; i < n; i++) {
		if (pread(f->fd, chunk, CHUNK, o) != CHUNK)
			return errno = EIO, -1;
		o += CHUNK;
		if (o + CHUNK > (off_t)f->size)
			o = 0;
	}
	return now() - t;
}
static double b_wrfile(u64 n, void *a)
{
	struct fil *f = a;
	off_t o = 0;
	u64 t = now();
	for (u64 i = 0; i < n; i++) {
		if (pwrite(f->fd, chunk, CHUNK, o) != CHUNK)
			return -1;
		o += CHUNK;
		if (o + CHUNK > (off_t)f->size)
			o = 0;
	}
	return now() - t;
}
static double b_pread4k(u64 n, void *a)
{
	struct fil *f = a;
	u64 t = now();
	for (u64 i = 0; i < n; i++) {
		f->seed = f->seed * 1664525u + 1013904223u;
		off_t o = (off_t)((f->seed >> 8) % (f->size / 4096)) * 4096;
		if (pread(f->fd, f->buf, 4096, o) != 4096)
			return -1;
	}
	return now() - t;
}
static int fil_open(struct fil *f, size_t size)
{
	memset(f, 0, sizeof *f);
	f->size = size;
	f->seed = 1;
	f->buf = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (f->buf == MAP_FAILED)
		return -1;
	memset(f->buf, 0x5a, 65536);
	f->fd = mkfile(fpath("kb.data"), size);
	return f->fd;
}
static void fil_done(struct fil *f)
{
	close(f->fd);
	unlink(fpath("kb.data"));
}
static void file_read_cached(void)
{
	struct fil f;
	if (fil_open(&f, 4 * MIB) < 0) UNSUP("create");
	run_mbs(cur_name, b_rdfile, &f, 0, CHUNK);
	fil_done(&f);
}
static void file_rewrite(void)
{
	struct fil f;
	if (fil_open(&f, 4 * MIB) < 0) UNSUP("create");
	run_mbs(cur_name, b_wrfile, &f, 0, CHUNK);
	fil_done(&f);
}
static void file_pread4k(void)
{
	struct fil f;
	if (fil_open(&f, 4 * MIB) < 0) UNSUP("create");
	run_ns(cur_name, b_pread4k, &f, 0);
	fil_done(&f);
}

/* ---------------------------------------------------- files on a device */

static double b_seqwrite(u64 n, void *a)        /* n chunks, then fsync */
{
	struct fil *f = a;
	u64 t = now();
	if (ftruncate(f->fd, 0) < 0)
		return -1;
	for (u64 i = 0; i < n; i++)
		if (pwrite(f->fd, chunk, CHUNK, i * CHUNK) != CHUNK)
			return -1;
	if (fsync(f->fd) < 0)
		return -1;
	return now() - t;
}
static void disk_write_fsync(void)
{
	struct fil f;
	if (fil_open(&f, 4096) < 0) UNSUP("create");
	run_dev(cur_name, b_seqwrite, &f, 128, 9, CHUNK);
	fil_done(&f);
}
static int drop(struct fil *f)
{
	unsigned char v[1024];
	int res = 0, fd;
	fsync(f->fd);
	posix_fadvise(f->fd, 0, 0, POSIX_FADV_DONTNEED);
	if ((fd = open("/proc/sys/vm/drop_caches", O_WRONLY)) >= 0) {
		if (write(fd, "1\n", 2) < 0)
			res = 0;
		close(fd);
	}
	size_t pages = f->size / 4096 < 1024 ? f->size / 4096 : 1024;
	void *p = mmap(NULL, pages * 4096, PROT_READ, MAP_SHARED, f->fd, 0);
	if (p != MAP_FAILED) {
		if (mincore(p, pages * 4096, v) == 0)
			for (size_t i = 0; i < pages; i++)
				res += v[i] & 1;
		munmap(p, pages * 4096);
	}
	return res > (int)pages / 16 ? (errno = EBUSY, -1) : 0;
}
static double b_coldread(u64 n, void *a)
{
	struct fil *f = a;
	if (drop(f) < 0)
		return -1;
	return b_rdfile(n, a);
}
static void disk_read_cold(void)
{
	struct fil f;
	char nm[64];
	double s[7];
	struct stat_ r;
	const u64 n = 128;
	if (fil_open(&f, n * CHUNK) < 0) UNSUP("create");
	if (!opt_cpuonly) {
		for (int i = -1; i < 7; i++) {
			double t = b_coldread(n, &f);
			if (t < 0) {
				unsup(cur_name, "cache not dropped: %s", strerror(errno));
				fil_done(&f);
				return;
			}
			if (i >= 0)
				s[i] = t / n;
		}
		r = summarize(s, 7, 7 * n);
		put(cur_name, CHUNK * 1e3 / r.med, "MB/s", HIGHER, CHUNK * 1e3 / r.hi,
		    CHUNK * 1e3 / r.lo, 7 * n);
	}
	snprintf(nm, sizeof nm, "%s_cpu", cur_name);
	if (soak_start() < 0) {
		unsup(nm, ncpu() > 1 ? "needs one processor" : "%s", strerror(errno));
	} else {
		for (int i = -1; i < 7; i++) {
			if (drop(&f) < 0) {
				unsup(nm, "cache not dropped");
				goto out;
			}
			u64 c = *soak_cnt, t = now();
			if (b_rdfile(n, &f) < 0) {
				unsup(nm, "%s", strerror(errno));
				goto out;
			}
			t = now() - t;
			c = *soak_cnt - c;
			if (i >= 0)
				s[i] = (t - c / soak_rate) / n / (CHUNK / 1024);
		}
		r = summarize(s, 7, 7 * n);
		put(nm, r.lo, "ns/KiB", LOWER, r.lo, r.hi, r.n);
out:
		soak_end();
	}
	fil_done(&f);
}
static void disk_pread4k_direct(void)
{
	struct fil f;
	if (fil_open(&f, 4 * MIB) < 0) UNSUP("create");
	fsync(f.fd);
	close(f.fd);
	f.fd = open(fpath("kb.data"), O_RDONLY | O_DIRECT);
	if (f.fd < 0)
		unsup(cur_name, "O_DIRECT: %s", strerror(errno));
	else
		run_dev(cur_name, b_pread4k, &f, 200, 21, 0);
	fil_done(&f);
}
static double b_fsync4k(u64 n, void *a)
{
	struct fil *f = a;
	u64 t = now();
	for (u64 i = 0; i < n; i++)
		if (pwrite(f->fd, f->buf, 4096, (i & 63) * 4096) != 4096 || fsync(f->fd) < 0)
			return -1;
	return now() - t;
}
static void disk_fsync_4k(void)
{
	struct fil f;
	if (fil_open(&f, 256 * KIB) < 0) UNSUP("create");
	fsync(f.fd);
	run_dev(cur_name, b_fsync4k, &f, 64, 21, 0);
	fil_done(&f);
}

/* ------------------------------------------------------------- io_uring */

static struct {
	int fd;
	unsigned *sqh, *sqt, *sqm, *sqa, *cqh, *cqt, *cqm;
	struct io_uring_sqe *sqe;
	struct io_uring_cqe *cqe;
} ur;

static int ur_init(unsigned entries)
{
	struct io_uring_params p;
	memset(&p, 0, sizeof p);
	ur.fd = syscall(SYS_io_uring_setup, entries, &p);
	if (ur.fd < 0)
		return -1;
	size_t sl = p.sq_off.array + p.sq_entries * 4;
	size_t cl = p.cq_off.cqes + p.cq_entries * sizeof(struct io_uring_cqe);
	if (cl > sl) sl = cl;
	char *s = mmap(NULL, sl, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ur.fd, IORING_OFF_SQ_RING);
	char *c = p.features & IORING_FEAT_SINGLE_MMAP ? s :
		mmap(NULL, sl, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ur.fd, IORING_OFF_CQ_RING);
	ur.sqe = mmap(NULL, p.sq_entries * sizeof *ur.sqe, PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_POPULATE, ur.fd, IORING_OFF_SQES);
	if (s == MAP_FAILED || c == MAP_FAILED || ur.sqe == MAP_FAILED)
		return -1;
	ur.sqh = (void *)(s + p.sq_off.head); ur.sqt = (void *)(s + p.sq_off.tail);
	ur.sqm = (void *)(s + p.sq_off.ring_mask); ur.sqa = (void *)(s + p.sq_off.array);
	ur.cqh = (void *)(c + p.cq_off.head); ur.cqt = (void *)(c + p.cq_off.tail);
	ur.cqm = (void *)(c + p.cq_off.ring_mask); ur.cqe = (void *)(c + p.cq_off.cqes);
	return 0;
}
struct urarg { int op, depth; struct fil *f; };
static double b_uring(u64 n, void *a)
{
	struct urarg *u = a;
	u64 t = now();
	for (u64 done = 0; done < n;) {
		unsigned k = n - done < (u64)u->depth ? n - done : (u64)u->depth, tail = *ur.sqt;
		for (unsigned i = 0; i < k; i++, tail++) {
			struct io_uring_sqe *q = &ur.sqe[tail & *ur.sqm];
			memset(q, 0, sizeof *q);
			q->opcode = u->op;
			q->fd = -1;
			if (u->f) {
				u->f->seed = u->f->seed * 1664525u + 1013904223u;
				q->fd = u->f->fd;
				q->off = (u64)((u->f->seed >> 8) % (u->f->size / 4096)) * 4096;
				q->addr = (u64)(uintptr_t)u->f->buf;
				q->len = 4096;
			}
			ur.sqa[tail & *ur.sqm] = tail & *ur.sqm;
		}
		__atomic_store_n(ur.sqt, tail, __ATOMIC_RELEASE);
		if (syscall(SYS_io_uring_enter, ur.fd, k, k, IORING_ENTER_GETEVENTS, NULL, 0) != k)
			return errno = EIO, -1;
		unsigned h = *ur.cqh, ct = __atomic_load_n(ur.cqt, __ATOMIC_ACQUIRE);
		for (; h != ct; h++, done++)
			if (ur.cqe[h & *ur.cqm].res != (u->f ? 4096 : 0))
				return errno = EIO, -1;
		__atomic_store_n(ur.cqh, h, __ATOMIC_RELEASE);
	}
	return now() - t;
}
static void uring(int op, int depth)
{
	struct urarg u = { op, depth, NULL };
	struct fil f;
	if (ur_init(64) < 0) UNSUP("io_uring_setup");
	if (op != IORING_OP_NOP) {
		if (fil_open(&f, 4 * MIB) < 0) UNSUP("create");
		u.f = &f;
	}
	run_ns(cur_name, b_uring, &u, 0);
	if (u.f)
		fil_done(&f);
	close(ur.fd);
}
static void uring_nop_1(void) { uring(IORING_OP_NOP, 1); }
static void uring_nop_32(void) { uring(IORING_OP_NOP, 32); }
static void uring_read4k_32(void) { uring(IORING_OP_READ, 32); }

/* ------------------------------------------------------- SMP throughput */

enum { W_CPU, W_SYS, W_PF, W_PIPE, W_FILE, W_FORK };
struct worker { int kind, id; u64 iters; pthread_barrier_t *bar; int *err; };

static void do_work(int kind, int id, u64 iters, int *err)
{
	u64 x = 88172645463325252ull + id;
	char c = 0, *p;
	int fd[2], st;
	switch (kind) {
	case W_CPU:
		for (u64 i = 0; i < iters; i++) {
			x ^= x << 13; x ^= x >> 7; x ^= x << 17;
		}
		__asm__ volatile("" : : "r"(x));
		break;
	case W_SYS:
		for (u64 i = 0; i < iters; i++)
			raw0(SYS_getppid);
		break;
	case W_PF:
		for (u64 i = 0; i < iters; i += 256) {
			p = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
				 0);
			if (p == MAP_FAILED) { *err = errno; return; }
			madvise(p, MIB, MADV_NOHUGEPAGE);
			for (size_t k = 0; k < MIB; k += 4096)
				p[k] = 1;
			munmap(p, MIB);
		}
		break;
	case W_PIPE:
		if (pipe(fd) < 0) { *err = errno; return; }
		for (u64 i = 0; i < iters; i++)
			if (write(fd[1], &c, 1) != 1 || read(fd[0], &c, 1) != 1) *err = EIO;
		close(fd[0]); close(fd[1]);
		break;
	case W_FILE: {
		char path[600], leaf[32];
		snprintf(leaf, sizeof leaf, "kbw%d", id);
		snprintf(path, sizeof path, "%s/%s", dir, leaf);
		for (u64 i = 0; i < iters; i++) {
			int f = open(path, O_RDWR | O_CREAT, 0644);
			if (f < 0) { *err = errno; return; }
			if (pwrite(f, chunk, 4096, 0) != 4096 || pread(f, chunk, 4096, 0) != 4096)
				*err = EIO;
			close(f);
		}
		unlink(path);
		break;
	}
	case W_FORK:
		for (u64 i = 0; i < iters; i++) {
			pid_t k = fork();
			if (k < 0) { *err = errno; return; }
			if (!k) _exit(0);
			waitpid(k, &st, 0);
		}
		break;
	}
}
static void *th_work(void *a)
{
	struct worker *w = a;
	pthread_barrier_wait(w->bar);
	do_work(w->kind, w->id, w->iters, w->err);
	return NULL;
}
static double smp_once(int kind, int nth, u64 iters, int *err)
{
	if (kind == W_FORK) {           /* processes, not threads */
		pid_t k[8];
		int go[2], st;
		char c;
		if (pipe(go) < 0) { *err = errno; return 0; }
		for (int i = 0; i < nth; i++)
			if (!(k[i] = fork())) {
				int e = 0;
				close(go[1]);
				if (read(go[0], &c, 1) != 0) _exit(2);
				do_work(kind, i, iters, &e);
				_exit(e != 0);
			}
		usleep(20000);
		u64 t = now();
		close(go[0]); close(go[1]);
		for (int i = 0; i < nth; i++) {
			waitpid(k[i], &st, 0);
			if (st) *err = EIO;
		}
		return now() - t;
	}
	pthread_t th[8];
	struct worker w[8];
	pthread_barrier_t bar;
	pthread_barrier_init(&bar, NULL, nth + 1);
	for (int i = 0; i < nth; i++) {
		w[i] = (struct worker){ kind, i, iters, &bar, err };
		if (pthread_create(&th[i], NULL, th_work, &w[i])) { *err = EAGAIN; return 0; }
	}
	u64 t = now();          /* before the barrier opens: no thread can outrun it */
	pthread_barrier_wait(&bar);
	for (int i = 0; i < nth; i++)
		pthread_join(th[i], NULL);
	return now() - t;
}
static void smp(int kind)
{
	static const int nths[] = { 1, 2, 4 };
	double best1 = 0;
	char nm[64];
	u64 iters = kind == W_PF ? 256 : kind == W_FORK ? 4 : 200;
	int err = 0;
	for (;;) {              /* one thread for ~1/8 of the target */
		double t = smp_once(kind, 1, iters, &err);
		if (err) { errno = err; UNSUP("work"); }
		if (t > target_ns / 8)
			break;
		iters *= t > target_ns / 32 ? 2 : 4;
	}
	for (int k = 0; k < 3; k++) {
		double s[15];
		for (int r = 0; r < 15; r++) {
			double t = smp_once(kind, nths[k], iters, &err);
			if (err) { errno = err; UNSUP("work"); }
			s[r] = 1e9 * iters * nths[k] / t;
		}
		struct stat_ st = summarize(s, 15, iters * 15 * nths[k]);
		snprintf(nm, sizeof nm, "%s_%d", cur_name, nths[k]);
		put(nm, st.hi / 1e3, "kop/s", HIGHER, st.lo / 1e3, st.hi / 1e3, st.n);
		if (!k)
			best1 = st.hi;
		else {
			snprintf(nm, sizeof nm, "%s_speedup_%d", cur_name, nths[k]);
			put(nm, st.hi / best1, "x", HIGHER, st.lo / best1, st.hi / best1, st.n);
		}
	}
}
static void smp_cpu(void) { smp(W_CPU); }
static void smp_sys(void) { smp(W_SYS); }
static void smp_pf(void) { smp(W_PF); }
static void smp_pipe(void) { smp(W_PIPE); }
static void smp_file(void) { smp(W_FILE); }
static void smp_fork(void) { smp(W_FORK); }

/* ----------------------------------------- TCP to a server on the host
 * First byte sent: 'T' the server only reads, 'R' the server only writes,
 * 'P' the server echoes. */
static int host_conn(char mode)
{
	struct sockaddr_in sa = { .sin_family = AF_INET };
	char h[64];
	int one = 1, s;
	if (!hostport || sscanf(hostport, "%63[^:]", h) != 1 || !strchr(hostport, ':'))
		return errno = EDESTADDRREQ, -1;
	sa.sin_port = htons(atoi(strchr(hostport, ':') + 1));
	inet_pton(AF_INET, h, &sa.sin_addr);
	if ((s = socket(AF_INET, SOCK_STREAM, 0)) < 0)
		return -1;
	if (connect(s, (void *)&sa, sizeof sa) < 0) {
		int e = errno;
		close(s);
		return errno = e, -1;
	}
	setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	if (write(s, &mode, 1) != 1)
		return -1;
	return s;
}
static double b_send(u64 n, void *a)
{
	int fd = *(int *)a;
	u64 t = now();
	for (u64 i = 0; i < n; i++)
		for (size_t d = 0; d < CHUNK;) {
			ssize_t r = write(fd, chunk + d, CHUNK - d);
			if (r <= 0)
				return -1;
			d += r;
		}
	return now() - t;
}
static void vnet_tx(void)
{
	int s = host_conn('T');
	if (s < 0) UNSUP("connect-host");
	run_dev(cur_name, b_send, &s, opt_cpuonly ? 128 : 256, 9, CHUNK);
	close(s);
}
static double b_sendfile(u64 n, void *a)
{
	int *fd = a;
	u64 t = now();
	return sendfile_all(fd[0], fd[1], n) ? -1 : (double)(now() - t);
}
static void vnet_sendfile(void)
{
	int fd[2] = { host_conn('T'), cached_file() };
	if (fd[0] < 0) UNSUP("connect-host");
	if (fd[1] < 0) UNSUP("file");
	run_dev(cur_name, b_sendfile, fd, opt_cpuonly ? 128 : 256, 9, CHUNK);
	close(fd[0]);
	close(fd[1]);
}
/* Writes by reference; the notices are taken as they come. */
static double b_zerocopy(u64 n, void *a)
{
	int fd = *(int *)a;
	char control[128];
	u64 t = now();
	for (u64 i = 0; i < n; i++) {
		struct msghdr m = { .msg_control = control, .msg_controllen = sizeof control };
		for (size_t d = 0; d < CHUNK;) {
			ssize_t r = send(fd, chunk + d, CHUNK - d, MSG_ZEROCOPY);
			if (r <= 0)
				return -1;
			d += r;
		}
		recvmsg(fd, &m, MSG_ERRQUEUE | MSG_DONTWAIT);
	}
	return now() - t;
}
static void vnet_zerocopy(void)
{
	int one = 1, s = host_conn('T');
	if (s < 0) UNSUP("connect-host");
	if (setsockopt(s, SOL_SOCKET, SO_ZEROCOPY, &one, sizeof one)) UNSUP("SO_ZEROCOPY");
	memset(chunk, 1, CHUNK);        /* pages of its own */
	run_dev(cur_name, b_zerocopy, &s, opt_cpuonly ? 128 : 256, 9, CHUNK);
	close(s);
}
static void vnet_rx(void)
{
	int s = host_conn('R');
	if (s < 0) UNSUP("connect-host");
	run_dev(cur_name, b_drain, &s, opt_cpuonly ? 128 : 256, 9, CHUNK);
	close(s);
}
static void vnet_rtt(void)
{
	int s = host_conn('P');
	if (s < 0) UNSUP("connect-host");
	run_dev(cur_name, b_pong, &s, 200, 21, 0);
	close(s);
}

/* ----------------------------------------------------------------- main */

static const struct bench { const char *name, *group; void (*fn)(void); int flag; } tab[] = {
	/* flag: 1 only on several processors, 2 only with -H */
	{ "mem_boot", "boot", mem_boot, 0 },
	{ "null_syscall", "syscall", null_syscall, 0 },
	{ "clock_gettime", "syscall", clock_gettime_, 0 },
	{ "read_zero_1b", "syscall", read_zero, 0 },
	{ "write_null_1b", "syscall", write_null, 0 },
	{ "open_close", "syscall", open_close, 0 },
	{ "stat", "syscall", stat_, 0 },
	{ "sig_install", "syscall", sig_install, 0 },
	{ "sig_deliver", "syscall", sig_deliver, 0 },
	{ "pf_anon", "memory", pf_anon, 0 },
	{ "pf_anon_default", "memory", pf_anon_default, 0 },
	{ "pf_file", "memory", pf_file, 0 },
	{ "cow_fault", "memory", cow_fault, 0 },
	{ "mmap_munmap_64k", "memory", mmap_munmap, 0 },
	{ "mmap_touch_unmap_64k", "memory", mmap_touch_unmap, 0 },
	{ "brk_64k", "memory", brk_, 0 },
	{ "fork_exit", "process", fork_exit, 0 },
	{ "fork_exit_10m", "process", fork_exit_10m, 0 },
	{ "fork_exec", "process", fork_exec, 0 },
	{ "vfork_exec", "process", vfork_exec, 0 },
	{ "posix_spawn", "process", posix_spawn_, 0 },
	{ "thread_create_join", "process", thread_create, 0 },
	{ "ctx_2p_0k", "ipc", ctx_2p_0k, 0 },
	{ "ctx_2p_64k", "ipc", ctx_2p_64k, 0 },
	{ "ctx_8p_0k", "ipc", ctx_8p_0k, 0 },
	{ "ctx_8p_64k", "ipc", ctx_8p_64k, 0 },
	{ "futex_handoff", "ipc", futex_handoff, 0 },
	{ "pipe_bw", "ipc", pipe_bw, 0 },
	{ "unix_lat", "ipc", unix_lat, 0 },
	{ "unix_bw", "ipc", unix_bw, 0 },
	{ "epoll_1", "ipc", epoll_1, 0 },
	{ "epoll_100", "ipc", epoll_100, 0 },
	{ "epoll_1000", "ipc", epoll_1000, 0 },
	{ "poll_100", "ipc", poll_100, 0 },
	{ "tcp_lat", "net", tcp_lat, 0 },
	{ "tcp_conn", "net", tcp_conn, 0 },
	{ "tcp_bw", "net", tcp_bw, 0 },
	{ "tcp_sendfile", "net", tcp_sendfile, 0 },
	{ "udp_lat", "net", udp_lat, 0 },
	{ "sched_yield", "sched", sched_yield_, 0 },
	{ "oversleep_1ms", "sched", oversleep_1ms, 0 },
	{ "wake_load", "sched", wake_load, 0 },
	{ "fair_equal", "sched", fair_equal, 0 },
	{ "fair_nice5", "sched", fair_nice5, 0 },
	{ "uring_nop_1", "files", uring_nop_1, 0 },
	{ "uring_nop_32", "files", uring_nop_32, 0 },
	{ "uring_read4k_32", "files", uring_read4k_32, 0 },
	{ "file_create_0k", "files", file_create_0k, 0 },
	{ "file_create_4k", "files", file_create_4k, 0 },
	{ "file_read_cached", "files", file_read_cached, 0 },
	{ "file_rewrite", "files", file_rewrite, 0 },
	{ "file_pread4k_cached", "files", file_pread4k, 0 },
	{ "smp_cpu", "smp", smp_cpu, 1 },
	{ "smp_sys", "smp", smp_sys, 1 },
	{ "smp_pf", "smp", smp_pf, 1 },
	{ "smp_pipe", "smp", smp_pipe, 1 },
	{ "smp_file", "smp", smp_file, 1 },
	{ "smp_fork", "smp", smp_fork, 1 },
	{ "disk_write_fsync", "disk", disk_write_fsync, 0 },
	{ "disk_read_cold", "disk", disk_read_cold, 0 },
	{ "disk_pread4k_direct", "disk", disk_pread4k_direct, 0 },
	{ "disk_fsync_4k", "disk", disk_fsync_4k, 0 },
	{ "vnet_tx", "vnet", vnet_tx, 2 },
	{ "vnet_sendfile", "vnet", vnet_sendfile, 2 },
	{ "vnet_zerocopy", "vnet", vnet_zerocopy, 2 },
	{ "vnet_rx", "vnet", vnet_rx, 2 },
	{ "vnet_rtt", "vnet", vnet_rtt, 2 },
};
#define NTAB ((int)(sizeof tab / sizeof *tab))

static void run_one(const struct bench *b)
{
	int st = 0;
	cur_name = b->name;
	cur_group = b->group;
	fflush(stdout);
	pid_t c = opt_nofork ? -1 : fork();
	if (c < 0) {
		b->fn();
		return;
	}
	if (!c) {
		signal(SIGPIPE, SIG_IGN);
		if (opt_timeout)
			alarm(opt_timeout);
		b->fn();
		fflush(stdout);
		_exit(0);
	}
	while (waitpid(c, &st, 0) < 0 && errno == EINTR)
		;
	if (WIFSIGNALED(st))
		unsup(b->name, WTERMSIG(st) == SIGALRM ? "timeout" : "crashed with signal %d",
		      WTERMSIG(st));
}

static int wanted(const struct bench *b, int ac, char **av)
{
	if (ac == 0)
		goto all;
	for (int i = 0; i < ac; i++) {
		if (!strcmp(av[i], "all"))
			goto all;
		if (av[i][0] == '!' &&
		    (!strcmp(av[i] + 1, b->name) || !strcmp(av[i] + 1, b->group)))
			return 0;
		if (!strcmp(av[i], b->name) || !strcmp(av[i], b->group))
			return 1;
	}
	return 0;
all:
	for (int i = 0; i < ac; i++)
		if (av[i][0] == '!' &&
		    (!strcmp(av[i] + 1, b->name) || !strcmp(av[i] + 1, b->group)))
			return 0;
	if ((b->flag & 1) && ncpu() < 2)
		return 0;
	if ((b->flag & 2) && !hostport)
		return 0;
	return 1;
}

/* As the first process: say when that was, and let a script have its way. */
static void begin_as_init(void)
{
	printf("KBENCH-STAMP %llu\n", (unsigned long long)rdtime());
	fflush(stdout);
	if (access("/run.sh", R_OK) == 0) {
		char *v[] = { "sh", "/run.sh", NULL };

		execv("/bin/busybox", v);
	}
	mkdir("/tmp", 0777);
}

static void list(void)
{
	for (int i = 0; i < NTAB; i++)
		printf("%-8s %s\n", tab[i].group, tab[i].name);
}

/* -1: go on; else what to end with. */
static int options(int argc, char **argv)
{
	int o;

	while ((o = getopt(argc, argv, "tjd:m:p:r:H:CFT:l")) != -1)
		switch (o) {
		case 't': opt_fmt = 1; break;
		case 'j': opt_fmt = 2; break;
		case 'd': dir = optarg; break;
		case 'm': target_ns = atof(optarg) * 1e6; break;
		case 'p': prefix = optarg; break;
		case 'r': opt_ram = atoi(optarg); break;
		case 'H': hostport = optarg; break;
		case 'C': opt_cpuonly = 1; break;
		case 'F': opt_nofork = 1; break;
		case 'T': opt_timeout = atoi(optarg); break;
		case 'l':
			list();
			return 0;
		default:
			fprintf(stderr,
				"usage: kbench [-t|-j] [-d DIR] [-m MS] [-p PREFIX] [-r RAM_MIB] "
				"[-H HOST:PORT] [-C] [-F] [-T SEC] [-l] [all | NAME | GROUP | !NAME ...]\n");
			return 2;
		}
	return -1;
}

static void find_self(const char *called)
{
	ssize_t n = readlink("/proc/self/exe", self_path, sizeof self_path - 1);

	if (n <= 0)
		snprintf(self_path, sizeof self_path, "%s", strchr(called, '/') ? called : "/bin/kbench");
}

static void say_clock(void)
{
	struct timespec ts = { 0, 20000000 };
	u64 t = now(), r = rdtime();

	clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL);
	r = rdtime() - r;
	t = now() - t;
	printf("# rdtime_hz %.0f\n", r * 1e9 / t);
}

int main(int argc, char **argv)
{
	int end;

	if (argc > 1 && !strcmp(argv[1], "--noop"))
		_exit(0);
	if (argc > 1 && !strcmp(argv[1], "--off")) {
		sync();
		reboot(RB_POWER_OFF);
		return 1;
	}
	if (getpid() == 1)
		begin_as_init();
	end = options(argc, argv);
	if (end >= 0)
		return end;
	find_self(argv[0]);
	printf("KBENCH-BEGIN\n# cpus %d rdtime %s target_ms %.0f dir %s\n", ncpu(),
	       have_rdtime() ? "yes" : "no", target_ns / 1e6, dir);
	if (have_rdtime())
		say_clock();
	for (int i = 0; i < NTAB; i++)
		if (wanted(&tab[i], argc - optind, argv + optind))
			run_one(&tab[i]);
	printf("KBENCH-END\n");
	fflush(stdout);
	if (getpid() == 1) {
		sync();
		reboot(RB_POWER_OFF);
	}
	return 0;
}
