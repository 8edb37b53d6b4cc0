/* SPDX-License-Identifier: MIT */
/*
 * Every pointer argument of every system call, wild.
 *
 * The list is the kernel's own. For each pointer argument a child makes the call
 * with each bad address in its place, once with plausible other arguments and
 * once with large ones; another child makes calls of random arguments, some of
 * them good addresses. The answers do not matter (abi_efault asks for them): the
 * kernel has to live, and a child must end or be killable. Calls that would end
 * the machine, or stop this program by right, are left out.
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include "child.h"

struct call {
	int nr;
	const char *name;
	int args;
	const char *type[6];
};

static const struct call calls[] = {
#define SYSCALL0(nr, name) { nr, #name, 0, {} },
#define SYSCALL1(nr, name, t0, a0) { nr, #name, 1, { #t0 } },
#define SYSCALL2(nr, name, t0, a0, t1, a1) { nr, #name, 2, { #t0, #t1 } },
#define SYSCALL3(nr, name, t0, a0, t1, a1, t2, a2) { nr, #name, 3, { #t0, #t1, #t2 } },
#define SYSCALL4(nr, name, t0, a0, t1, a1, t2, a2, t3, a3) { nr, #name, 4, { #t0, #t1, #t2, #t3 } },
#define SYSCALL5(nr, name, t0, a0, t1, a1, t2, a2, t3, a3, t4, a4) { nr, #name, 5, { #t0, #t1, #t2, #t3, #t4 } },
#define SYSCALL6(nr, name, t0, a0, t1, a1, t2, a2, t3, a3, t4, a4, t5, a5) \
	{ nr, #name, 6, { #t0, #t1, #t2, #t3, #t4, #t5 } },
#include "../../kernel/uapi/syscalls.def"
};

#define WAIT_MS		300		/* a child that sleeps by right is killed after this */

static long bad[12], good[4];
static int nr_bad;
static unsigned long seed = 20240229;

static unsigned long chance(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static void make_addresses(void)
{
	char *map =
		mmap(NULL, 4 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	memset(map, 'x', 4 * 4096);
	mprotect(map, 4096, PROT_READ);
	munmap(map + 2 * 4096, 4096);
	bad[nr_bad++] = 0;
	bad[nr_bad++] = 8;
	bad[nr_bad++] = -1;
	bad[nr_bad++] = -4096;
	bad[nr_bad++] = (long)0xffffffff80000000ul;	/* kernel text */
	bad[nr_bad++] = (long)0xffffffd800000000ul;	/* direct map, or near it */
	bad[nr_bad++] = 0x3ffffff000;			/* the last user page */
	bad[nr_bad++] = 0x4000000000;			/* the first address that is not the user's */
	bad[nr_bad++] = 0x4141414141414141;		/* not canonical */
	bad[nr_bad++] = (long)map;			/* read-only */
	bad[nr_bad++] = (long)map + 2 * 4096 - 3;	/* straddles the end */
	bad[nr_bad++] = (long)map + 2 * 4096;
	good[0] = (long)map + 4096;
	good[1] = (long)map + 3 * 4096;
	good[2] = (long)"/tmp";
	good[3] = (long)"file";
}

static int is_pointer(const struct call *c, int arg)
{
	return !strcmp(c->type[arg], "uaddr_t");
}

/* Not callable with anything: they end the machine or this test. */
static int is_left_out(const struct call *c)
{
	static const char *names[] = {"reboot", "exit",  "exit_group", "rt_sigreturn",
				      "kill",   "tkill", "setrlimit",  "prlimit64"};

	for (unsigned i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(c->name, names[i]))
			return 1;
	return 0;
}

static long plain(const struct call *c, int arg, int large)
{
	if (is_pointer(c, arg))
		return good[0];
	if (!strcmp(c->type[arg], "size_t"))
		return large ? 1 << 20 : 8;
	return large ? 4096 : arg == 0 ? 1 : 3;
}

/* Each bad address in place of one argument. */
static void try_argument(const struct call *c, int arg)
{
	long a[6] = { 0 };

	for (int large = 0; large < 2; large++)
		for (int i = 0; i < nr_bad; i++) {
			for (int j = 0; j < c->args; j++)
				a[j] = j == arg ? bad[i] : plain(c, j, large);
			tap_syscall(c->nr, a[0], a[1], a[2], a[3], a[4], a[5]);
		}
}

static long any(const struct call *c, int arg)
{
	static const long odd[] = {0,
				   1,
				   2,
				   3,
				   4,
				   7,
				   8,
				   16,
				   100,
				   255,
				   4095,
				   4096,
				   4097,
				   65536,
				   1 << 20,
				   0x7fffffff,
				   -1,
				   -2,
				   -100,
				   (long)0x8000000000000000ul,
				   0x7fffffffffffffff,
				   0xffffffff,
				   0x80000000};

	if (is_pointer(c, arg) || chance() % 8 == 0)
		return chance() % 2 ? good[chance() % 4] : bad[chance() % nr_bad];
	return odd[chance() % ARRAY_SIZE(odd)];
}

static void try_chance(const struct call *c, int times)
{
	long a[6] = { 0 };

	while (times--) {
		for (int j = 0; j < c->args; j++)
			a[j] = any(c, j);
		tap_syscall(c->nr, a[0], a[1], a[2], a[3], a[4], a[5]);
	}
}

static void prepare_child(void)
{
	struct rlimit limit = { 64 << 20, 64 << 20 };

	/* Not among the children of others, no flood of files, nothing on the console. */
	setsid();
	setrlimit(RLIMIT_FSIZE, &limit);
	setrlimit(RLIMIT_AS, &limit);
	close(0);
	close(1);
	close(2);
	open("file", O_RDWR | O_CREAT, 0600);
	open("file", O_RDWR);
	open("/dev/zero", O_RDWR);
	pipe((int[2]){ 0 });
}

/* Wait for a child for a while, then kill it. 0: it is gone. */
static int end_child(pid_t pid)
{
	long until = now_ms() + WAIT_MS;

	while (now_ms() < until) {
		if (waitpid(pid, NULL, WNOHANG) == pid)
			return 0;
		sleep_ms(1);
	}
	kill(pid, SIGKILL);
	until = now_ms() + 5000;
	while (now_ms() < until) {
		if (waitpid(pid, NULL, WNOHANG) == pid)
			return 0;
		sleep_ms(1);
	}
	return 1;
}

int main(void)
{
	int stuck = 0, pointers = 0;

	make_addresses();
	for (unsigned i = 0; i < ARRAY_SIZE(calls); i++) {
		const struct call *c = &calls[i];

		if (is_left_out(c))
			continue;
		for (int arg = 0; arg < c->args; arg++) {
			if (!is_pointer(c, arg))
				continue;
			pointers++;
			if (end_child(CHILD(prepare_child(); try_argument(c, arg)))) {
				tap_note("%s, argument %d: not killable", c->name, arg);
				stuck++;
			}
		}
		seed += i;
		if (end_child(CHILD(prepare_child(); try_chance(c, 60)))) {
			tap_note("%s, random arguments: not killable", c->name);
			stuck++;
		}
	}
	tap_note("%d calls, %d pointers", (int)ARRAY_SIZE(calls), pointers);
	tap_ok(pointers > 100, "the list has pointers");
	tap_is(stuck, 0, "all children ended");
	tap_is(CODE(_exit(7)), 7, "the machine goes on");
	return tap_exit();
}
