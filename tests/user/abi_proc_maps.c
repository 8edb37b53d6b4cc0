/* SPDX-License-Identifier: MIT */
/* /proc/PID/maps, smaps, smaps_rollup, mem and pagemap against what the program mapped itself. */
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include "child.h"
#include "procfs.h"

#define PAGE	4096ul

static char *map(size_t len, int prot, int flags, int fd, off_t off)
{
	return mmap(NULL, len, prot, flags, fd, off);
}

static void lines(void)
{
	char *none = map(4 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *rw = map(8 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *file;
	int fd = open("/tmp/a b\nc", O_RDWR | O_CREAT, 0600), local;
	const char *text;
	char *maps;
	struct map m;
	struct stat st;

	ftruncate(fd, 4 * PAGE);
	fstat(fd, &st);
	file = map(PAGE, PROT_READ, MAP_SHARED, fd, 2 * PAGE);
	mprotect(rw + 2 * PAGE, PAGE, PROT_READ | PROT_EXEC);
	maps = slurp("/proc/self/maps");
	tap_ok(map_of(maps, none, &m) && !strcmp(m.perms, "---p"), "an inaccessible mapping");
	tap_ok(map_of(maps, rw + 2 * PAGE, &m) && m.start == (unsigned long)rw + 2 * PAGE &&
		       m.end == m.start + PAGE && !strcmp(m.perms, "r-xp"),
	       "mprotect cuts out a part");
	tap_ok(map_of(maps, rw, &m) && m.end == (unsigned long)rw + 2 * PAGE &&
		       !strcmp(m.perms, "rw-p"),
	       "and leaves what is before");
	tap_ok(map_of(maps, file, &m) && m.start == (unsigned long)file &&
		       m.end == m.start + PAGE && m.offset == 2 * PAGE && m.inode == st.st_ino &&
		       !strcmp(m.perms, "r--s"),
	       "a file: range, offset, inode");
	tap_ok(!strcmp(m.name, "/tmp/a b\\012c"), "its name, with the newline escaped");
	tap_ok(map_of(maps, &local, &m) && !strcmp(m.name, "[stack]"), "the stack");
	tap_ok(map_of(maps, sbrk(0) - 1, &m) && !strcmp(m.name, "[heap]"), "the heap");
	tap_ok(map_of(maps, (void *)lines, &m) && strstr(m.name, "abi_proc_maps") &&
		       m.perms[2] == 'x',
	       "the program's code");
	tap_ok(strstr(maps, "[vdso]") != NULL, "the vdso");
	const char *line = strstr(maps, "[stack]");
	while (line > maps && line[-1] != '\n')
		line--;
	tap_is(strstr(line, "[stack]") - line, 73, "names begin in column 73");
	unlink("/tmp/a b\nc");
	maps = slurp("/proc/self/maps");
	tap_ok(map_of(maps, file, &m) && !strcmp(m.name, "/tmp/a b\\012c (deleted)"),
	       "an unlinked file");
	unsigned long end = 0;
	bool ordered = true;
	for (text = maps; next_map(&text, &m); end = m.end)
		ordered &= m.start >= end && m.end > m.start;
	tap_ok(ordered, "ascending, without overlap");
	munmap(none, 4 * PAGE);
	munmap(rw, 8 * PAGE);
	munmap(file, PAGE);
	close(fd);
}

/* Many mappings: the text comes in many pieces. */
static void many(void)
{
	enum { N = 3000 };
	char *area = map(N * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *whole, *steps;
	unsigned long n = 0, sum = 0;
	const char *text;
	struct map m;
	long len, len2;

	for (int i = 0; i < N; i += 2)
		mprotect(area + i * PAGE, PAGE, PROT_NONE);
	whole = slurp_steps("/proc/self/maps", 65536, &len);
	for (text = whole; next_map(&text, &m);)
		if (m.start >= (unsigned long)area && m.end <= (unsigned long)area + N * PAGE) {
			n++;
			sum += m.end - m.start;
		}
	tap_is(n, N, "three thousand mappings, each once");
	tap_is(sum, N * PAGE, "and nothing left out");
	steps = slurp_steps("/proc/self/maps", 101, &len2);
	/* The buffers moved the heap: compare the part that held still. */
	char key[32], *a, *b;
	snprintf(key, sizeof(key), "%lx-", (unsigned long)area);
	a = strstr(whole, key);
	b = strstr(steps, key);
	tap_ok(a && b && !strncmp(a, b, N * 49), "read in small steps the same");
	static char still[1 << 19];
	int fd = open("/proc/self/maps", O_RDONLY);
	char buf[64];
	ssize_t got;
	for (len = 0; (got = read(fd, still + len, sizeof(still) - len)) > 0; len += got)
		;
	tap_ok(pread(fd, buf, 40, len / 2) == 40 && !memcmp(buf, still + len / 2, 40),
	       "pread in the middle");
	tap_ok(pread(fd, buf, 40, 3) == 40 && !memcmp(buf, still + 3, 40),
	       "and back at the beginning");
	close(fd);
	munmap(area, N * PAGE);
	free(whole);
	free(steps);
}

static long sum_of(const char *smaps, const char *name)
{
	long sum = 0;
	char key[32];

	snprintf(key, sizeof(key), "\n%s:", name);
	for (const char *p = smaps; (p = strstr(p, key)); p++)
		sum += atol(p + strlen(key));
	return sum;
}

static void usage(void)
{
	char *area = map(64 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
	     *smaps, *roll;
	char c;
	const char *here;
	int ends[2];
	pid_t pid;

	madvise(area, 64 * PAGE, MADV_NOHUGEPAGE);
	for (int i = 0; i < 10; i++)
		area[i * PAGE] = 1;
	smaps = slurp("/proc/self/smaps");
	here = smaps_at(smaps, area);
	tap_is(number_of(here, "Size"), 256, "smaps: Size");
	tap_is(number_of(here, "Rss"), 40, "smaps: ten pages touched are resident");
	tap_is(number_of(here, "Pss"), 40, "all ours");
	tap_is(number_of(here, "Private_Dirty"), 40, "private, dirty");
	tap_is(number_of(here, "Anonymous"), 40, "anonymous");
	tap_is(number_of(here, "Shared_Dirty"), 0, "not shared");
	tap_is(number_of(here, "KernelPageSize"), 4, "of 4 KiB");
	bool adds_up = true;
	const char *text = smaps;
	struct map m;
	while (next_map(&text, &m))
		adds_up &= number_of(text, "Rss") == number_of(text, "Shared_Clean") +
							     number_of(text, "Shared_Dirty") +
							     number_of(text, "Private_Clean") +
							     number_of(text, "Private_Dirty");
	tap_ok(adds_up, "in each mapping the four parts add up to Rss");
	roll = slurp("/proc/self/smaps_rollup");
	smaps = slurp("/proc/self/smaps");
	tap_ok(labs(number_of(roll, "Rss") - sum_of(smaps, "Rss")) <= 256,
	       "smaps_rollup is the sum");
	tap_is(number_of(roll, "Rss"),
	       number_of(roll, "Shared_Clean") + number_of(roll, "Shared_Dirty") +
		       number_of(roll, "Private_Clean") + number_of(roll, "Private_Dirty"),
	       "and adds up");
	pipe(ends);
	pid = CHILD(close(ends[1]); read(ends[0], &c, 1); area[0] = 2; read(ends[0], &c, 1));
	here = smaps_at(slurp("/proc/self/smaps"), area);
	tap_is(number_of(here, "Shared_Dirty"), 40, "after fork the pages are shared");
	tap_is(number_of(here, "Pss"), 20, "and half ours");
	here = smaps_at(slurp("/proc/%d/smaps", pid), area);
	tap_is(number_of(here, "Rss"), 40, "the child has them too");
	write(ends[1], "x", 1);
	tap_ok(EVENTUALLY(number_of(smaps_at(slurp("/proc/%d/smaps", pid), area),
				    "Private_Dirty") == 4),
	       "the child's write copies one page");
	here = smaps_at(slurp("/proc/self/smaps"), area);
	tap_is(number_of(here, "Private_Dirty"), 4, "of which the old one is ours alone");
	tap_is(number_of(here, "Shared_Dirty"), 36, "the rest is shared");
	tap_is(number_of(here, "Pss"), 22, "Pss: one page and nine halves");
	close(ends[1]);
	status_of(pid);
	here = smaps_at(slurp("/proc/self/smaps"), area);
	tap_is(number_of(here, "Private_Dirty"), 40, "when the child is gone all is ours again");
	munmap(area, 64 * PAGE);
	close(ends[0]);
}

static void flags(void)
{
	char *area = map(4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	const char *line;

	mlock(area, 4 * PAGE);
	line = line_of(smaps_at(slurp("/proc/self/smaps"), area), "VmFlags");
	tap_ok(line && !strncmp(line, "rd wr mr mw me lo ", 18),
	       "smaps: VmFlags of a locked mapping");
	tap_is(number_of(smaps_at(slurp("/proc/self/smaps"), area), "Locked"), 16, "smaps: Locked");
	tap_is(number_of(slurp("/proc/self/status"), "VmLck"), 16, "status: VmLck");
	munmap(area, 4 * PAGE);
}

static void memory(void)
{
	char *area = map(4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
	     buf[64] = "";
	int fd = open("/proc/self/mem", O_RDWR), ends[2], theirs;
	uint64_t words[4];
	pid_t pid;
	char c;

	strcpy(area + PAGE - 3, "across");
	tap_is(err(pread(fd, buf, 7, (off_t)(area + PAGE - 3))), 7, "mem: read over a page's end");
	tap_ok(!strcmp(buf, "across"), "what is there");
	tap_is(err(pwrite(fd, "over", 4, (off_t)(area + 2 * PAGE - 2))), 4,
	       "mem: write, also to a page not yet there");
	tap_ok(!memcmp(area + 2 * PAGE - 2, "over", 4), "it is there");
	tap_is(err(pread(fd, buf, 1, 0)), -EIO, "mem: nothing is mapped at 0");
	munmap(area + 3 * PAGE, PAGE);
	tap_is(err(pread(fd, buf, 8, (off_t)(area + 3 * PAGE - 4))), 4,
	       "mem: a read stops where memory ends");
	pipe(ends);
	pid = CHILD(close(ends[1]); read(ends[0], &c, 1); _exit(area[0]));
	theirs = open_as(O_RDWR, "/proc/%d/mem", pid);
	tap_is(err(pwrite(theirs, "\7", 1, (off_t)area)), 1, "mem of a child: write");
	tap_is(area[0], 0, "our copy stays");
	write(ends[1], "x", 1);
	tap_is(code_of(status_of(pid)), 7, "the child has it");
	tap_is(err(pread(theirs, buf, 1, (off_t)area)), 0,
	       "when it is gone there is nothing to read");
	close(theirs);
	close(fd);
	fd = open("/proc/self/pagemap", O_RDONLY);
	tap_is(err(pread(fd, words, 24, (uintptr_t)area / PAGE * 8)), 24, "pagemap: three words");
	tap_ok(words[0] >> 63 && words[1] >> 63 && words[2] >> 63, "pages present");
	tap_ok((words[0] & ((1ul << 55) - 1)) &&
		       (words[0] & ((1ul << 55) - 1)) != (words[1] & ((1ul << 55) - 1)),
	       "with numbers, for root");
	tap_is(err(pread(fd, words, 8, (uintptr_t)(area + 3 * PAGE) / PAGE * 8)), 8,
	       "pagemap: a hole");
	tap_is(words[0], 0, "is zero");
	tap_is(err(pread(fd, words, 7, 0)), -EINVAL, "pagemap: not whole words");
	close(fd);
	munmap(area, 3 * PAGE);
}

/* What is open stays with the memory it was opened on. */
static void exec_changes(char **argv)
{
	int ends[2], go[2], maps;
	char c, buf[64];
	pid_t pid;

	pipe(ends);
	pipe(go);
	pid = CHILD(read(go[0], &c, 1); char *args[] = { argv[0], "sleep", NULL }; dup2(ends[1], 3);
		    dup2(go[0], 4); execv("/proc/self/exe", args));
	maps = open_as(O_RDONLY, "/proc/%d/maps", pid);
	write(go[1], "x", 1);
	read(ends[0], &c, 1);
	tap_is(err(read(maps, buf, 10)), 0, "maps opened before exec is empty after it");
	close(maps);
	maps = open_as(O_RDONLY, "/proc/%d/maps", pid);
	tap_ok(read(maps, buf, 10) == 10, "opened again it is not");
	close(maps);
	tap_ok(!strcmp(slurp("/proc/%d/cmdline", pid), argv[0]), "cmdline is the new one");
	kill(pid, SIGKILL);
	status_of(pid);
}

int main(int argc, char **argv)
{
	char c;

	if (argc > 1) {
		write(3, "x", 1);
		read(4, &c, 1);
		pause();
	}
	lines();
	many();
	usage();
	flags();
	memory();
	exec_changes(argv);
	return tap_exit();
}
