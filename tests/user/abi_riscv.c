/* SPDX-License-Identifier: MIT */
/* riscv's own calls: hardware probing, the instruction cache; and small calls of every start-up. */
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include "tap.h"

#define BAD	((void *)8)
#define HWPROBE	258
#define FLUSH	259

struct pair {
	int64_t key;
	uint64_t value;
};

/* The machine's own number for it, of the first hart: it differs with the emulator. */
static uint64_t in_cpuinfo(const char *name)
{
	char line[256];
	FILE *f = fopen("/proc/cpuinfo", "r");
	uint64_t value = ~0ul;

	while (f && value == ~0ul && fgets(line, sizeof(line), f))
		if (!strncmp(line, name, strlen(name)) && strchr(line, ':'))
			value = strtoul(strchr(line, ':') + 1, NULL, 0);
	if (f)
		fclose(f);
	return value;
}

/* The same of its isa line, in hwprobe's bits. */
static uint64_t extensions(void)
{
	static const struct { const char *name; int bit; } known[] = {
		{ "_zba", 3 }, { "_zbb", 4 }, { "_zbs", 5 }, { "_zbc", 7 },
	};
	char line[512], *isa = NULL;
	FILE *f = fopen("/proc/cpuinfo", "r");
	uint64_t bits = 0;

	while (f && !isa && fgets(line, sizeof(line), f))
		if (!strncmp(line, "isa\t", 4))
			isa = strstr(line, "rv64");
	if (f)
		fclose(f);
	if (!isa)
		return ~0ul;
	for (unsigned i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (strstr(isa, known[i].name))
			bits |= 1ul << known[i].bit;
	*strchrnul(isa, '_') = 0;
	return bits | (strchr(isa, 'd') ? 1 : 0) | (strchr(isa, 'c') ? 2 : 0);
}

/* Against the clock, to one part in five: a busy host stops an emulator between the two. */
static bool is_time_base(uint64_t hz)
{
	struct timespec a, b, pause = { 0, 100000000 };
	uint64_t from, to, ns, wanted;

	clock_gettime(CLOCK_MONOTONIC, &a);
	__asm__ volatile("rdtime %0" : "=r"(from));
	nanosleep(&pause, NULL);
	clock_gettime(CLOCK_MONOTONIC, &b);
	__asm__ volatile("rdtime %0" : "=r"(to));
	ns = (uint64_t)((b.tv_sec - a.tv_sec) * 1000000000l + b.tv_nsec - a.tv_nsec);
	wanted = hz * ns / 1000000000;
	return (to - from) * 5 > wanted * 4 && (to - from) * 4 < wanted * 5;
}

static void probing(void)
{
	static const char *const names[] = { "mvendorid", "marchid", "mimpid" };
	struct pair p[3];
	unsigned long cpus[4] = { 0 };

	for (int key = -2; key <= 4; key++) {
		p[0] = (struct pair){ key, 99 };
		tap_says(sys(HWPROBE, p, 1, 0, 0, 0), "probe %d", key);
		tap_says(p[0].key, "key is then");
		if (key >= 0 && key < 3)
			tap_is(p[0].value, in_cpuinfo(names[key]), "%s is that of /proc/cpuinfo",
			       names[key]);
		else if (key != 4)
			tap_says(p[0].value, "value");
		else
			tap_is(p[0].value & 0xbb, extensions(),
			       "FD, C, Zba, Zbb, Zbs, Zbc as in /proc/cpuinfo");
	}
	p[0] = (struct pair){ 5, 99 };
	sys(HWPROBE, p, 1, 0, 0, 0);
	tap_ok(p[0].key == 5 && p[0].value <= 4, "speed of misaligned accesses");
	p[0] = (struct pair){ 8, 0 };
	sys(HWPROBE, p, 1, 0, 0, 0);
	tap_ok(is_time_base(p[0].value), "time base is that of rdtime");
	p[0] = (struct pair){ 1000, 1 };
	p[1] = (struct pair){ 3, 0 };
	tap_says(sys(HWPROBE, p, 2, 0, 0, 0), "an unknown one and a known one");
	tap_says(p[0].key, "unknown is");
	tap_says(p[1].value, "known is");
	tap_says(sys(HWPROBE, p, 0, 0, 0, 0), "no pairs");
	tap_says(sys(HWPROBE, BAD, 1, 0, 0, 0), "pairs nowhere");
	tap_says(sys(HWPROBE, p, 1, 0, 0, 2), "flags 2");
	tap_says(sys(HWPROBE, p, 1, 8, cpus, 0), "no CPUs");
	cpus[0] = 1;
	tap_says(sys(HWPROBE, p, 1, 8, cpus, 0), "CPU 0");
	tap_says(sys(HWPROBE, p, 1, 8, 0, 0), "CPUs from nothing");
	tap_says(sys(HWPROBE, p, 1, 8, BAD, 0), "CPUs from nowhere");
	tap_says(sys(HWPROBE, p, 1, 0, 0, 1), "which, without CPUs");
	p[0] = (struct pair){ 3, 1 };
	cpus[0] = 0;
	tap_says(sys(HWPROBE, p, 1, 8, cpus, 1), "which have IMA");
	tap_is(cpus[0], (1ul << sysconf(_SC_NPROCESSORS_ONLN)) - 1, "all");
	p[0] = (struct pair){ 3, 2 };
	cpus[0] = 1;
	tap_says(sys(HWPROBE, p, 1, 8, cpus, 1), "which have more");
	tap_is(cpus[0], 0, "none");
	p[0] = (struct pair){ 1000, 0 };
	cpus[0] = 1;
	tap_says(sys(HWPROBE, p, 1, 8, cpus, 1), "which have an unknown key");
	tap_is(cpus[0], 0, "none");
}

/* Code written, flushed and run; then changed. */
static void icache(void)
{
	unsigned *code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int wrong = 0;

	tap_says(sys(FLUSH, 0, 0, 0), "flush");
	tap_says(sys(FLUSH, 0, 0, 1), "flush this thread's");
	tap_says(sys(FLUSH, 0, 0, 2), "flush with flags 2");
	code[1] = 0x00008067;				/* ret */
	for (int i = 0; i < 1000; i++) {
		code[0] = 0x00000513 | i << 20;		/* li a0, i */
		__builtin___clear_cache((char *)code, (char *)(code + 2));
		wrong += ((int (*)(void))code)() != i;
	}
	tap_is(wrong, 0, "new code runs");
}

static void small(void)
{
	unsigned seed;

	tap_says(prctl(PR_GET_TIMERSLACK), "timer slack");
	tap_says(sys(SYS_prctl, PR_SET_TIMERSLACK, 1234, 0, 0, 0), "set it");
	tap_says(prctl(PR_GET_TIMERSLACK), "it is");
	pid_t child = fork();
	int status;

	if (!child)
		_exit(prctl(PR_GET_TIMERSLACK) == 1234);
	waitpid(child, &status, 0);
	tap_says(WEXITSTATUS(status), "a child inherits it");
	tap_says(sys(SYS_prctl, PR_GET_TIMING, 0, 0, 0, 0), "timing");
	tap_says(sys(SYS_prctl, PR_SET_TIMING, 0, 0, 0, 0), "statistical timing");
	tap_says(sys(SYS_prctl, PR_SET_TIMING, 1, 0, 0, 0), "exact timing");
	tap_says(sys(SYS_prctl, 0x7fffffff, 0, 0, 0, 0), "unknown option");
	tap_says(sys(SYS_getrandom, &seed, 4, 0), "getrandom");
	tap_says(sys(SYS_getrandom, BAD, 4, 0), "getrandom to nowhere");
	tap_says(sys(SYS_getrandom, &seed, 4, 8), "getrandom flags 8");
	tap_says(sys(SYS_getrandom, &seed, 4, 6), "getrandom, random and insecure");
}

int main(void)
{
	probing();
	icache();
	small();
	return tap_exit();
}
