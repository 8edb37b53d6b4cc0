/* SPDX-License-Identifier: MIT */
/*
 * Damaged programs: exec refuses them or the process dies, and nothing else happens.
 *
 * A small program is this one's own file, cut and changed: every field of its
 * headers set to odd values, headers repeated, interpreters that are circular,
 * truncated at many places, and random bytes in its first two pages.
 */
#include <elf.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include "child.h"

static unsigned char *program, *work;
static long size;
static unsigned long seed = 777;
static int ran, refused, died, odd;

static unsigned long chance(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static void load(void)
{
	int fd = open("/tests/bad_elf", O_RDONLY);
	struct stat st;

	fstat(fd, &st);
	size = st.st_size;
	program = malloc(size);
	work = malloc(size + 65536);
	if (read(fd, program, size) != size)
		tap_bail("cannot read myself");
	close(fd);
	memcpy(work, program, size);
}

/* Run what is in work; how it ended is counted. */
static int try(long bytes)
{
	static int number;
	char name[32];
	struct rlimit limit = { 1, 1 };
	int fd, code;
	pid_t pid;
	long until;

	/* A new file each time: the last one may still be mapped by a process that is ending. */
	snprintf(name, sizeof(name), "bad%d", number++);
	fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0755);
	if (write(fd, work, bytes) != bytes)
		tap_bail("cannot write");
	close(fd);
	pid = CHILD(
		char *argv[] = { name, "child", NULL };
		setrlimit(RLIMIT_CPU, &limit);
		close(1);
		close(2);
		execve(name, argv, argv + 2);
		_exit(errno + 100));
	until = now_ms() + 200;
	while (!(code = waitpid(pid, &fd, WNOHANG)) && now_ms() < until)
		sleep_ms(1);
	if (!code) {
		kill(pid, SIGKILL);
		waitpid(pid, &fd, 0);
	}
	unlink(name);
	code = code_of(fd);
	if (code == 42)
		ran++;
	else if (code > 100)
		refused++;
	else if (code < 0)
		died++;
	else
		odd++;
	memcpy(work, program, size);
	return code;
}

static void headers(void)
{
	Elf64_Ehdr *e = (void *)work;

	tap_is(try(size), 42, "the whole program runs");
	e->e_ident[EI_CLASS] = ELFCLASS32;
	tap_is(try(size), 100 + ENOEXEC, "32 bits");
	e->e_ident[EI_DATA] = ELFDATA2MSB;
	tap_note("big endian: %d", try(size));
	e->e_machine = EM_X86_64;
	tap_is(try(size), 100 + ENOEXEC, "another machine");
	e->e_type = ET_REL;
	tap_is(try(size), 100 + ENOEXEC, "an object file");
	e->e_type = ET_CORE;
	tap_is(try(size), 100 + ENOEXEC, "a core file");
	e->e_phnum = 0;
	tap_is(try(size), 100 + ENOEXEC, "no program headers");
	e->e_phentsize = 32;
	tap_is(try(size), 100 + ENOEXEC, "headers of another size");
	e->e_phoff = size + 1000;
	tap_ok(try(size) > 100, "headers behind the end");
	e->e_phoff = ~0ul;
	tap_ok(try(size) > 100, "headers at the end of the numbers");
	e->e_phnum = 65535;
	tap_ok(try(size) > 100, "65,535 headers");
	e->e_entry = 0;
	tap_is(try(size), -SIGSEGV, "entry 0");
	e->e_entry = 0xffffffff80000000ul;
	tap_is(try(size), -SIGSEGV, "entry in the kernel");
	e->e_entry++;
	tap_note("an odd entry: %d", try(size));
}

static void truncated(void)
{
	long at[] = { 0, 1, 3, 4, 5, 16, 40, 63, 64, 65, 100, 200, 400, 4095, 4096, 4097, 8192, 65536 };
	int before = ran;

	for (unsigned i = 0; i < ARRAY_SIZE(at); i++)
		try(at[i] < size ? at[i] : size / 2);
	tap_is(ran - before, 0, "a truncated program does not run to its end");
}

static void fields(void)
{
	static const unsigned long values[] = { 0, 1, 4095, 0xffffffff, 0x4000000000ul, 0x3ffffff000ul,
		0x7ffffffffffff000ul, 0xfffffffffffff000ul, ~0ul };
	Elf64_Ehdr *e = (void *)work;
	Elf64_Phdr *ph = (void *)(work + e->e_phoff);
	int count = e->e_phnum;

	for (int i = 0; i < count; i++)
		for (unsigned f = 0; f < sizeof(Elf64_Phdr) / 8; f++)
			for (unsigned v = 0; v < ARRAY_SIZE(values); v++) {
				if (ph[i].p_type != PT_LOAD && v % 4)
					continue;
				((unsigned long *)&ph[i])[f] = values[v];
				try(size);
			}
	tap_note("%d ran, %d refused, %d died, %d otherwise", ran, refused, died, odd);
	tap_ok(refused + died > 50, "odd program headers are refused or fatal");
}

static void add_interp(const char *name)
{
	Elf64_Ehdr *e = (void *)work;
	Elf64_Phdr *ph = (void *)(work + e->e_phoff);

	for (int i = 0; i < e->e_phnum; i++)
		if (ph[i].p_type != PT_LOAD) {
			ph[i] = (Elf64_Phdr){ .p_type = PT_INTERP, .p_offset = size, .p_filesz = strlen(name) + 1,
					      .p_memsz = strlen(name) + 1, .p_flags = PF_R };
			strcpy((char *)work + size, name);
			return;
		}
}

static int with_interp(const char *name, long cut)
{
	add_interp(name);
	return try(size + strlen(name) + 1 - cut);
}

static void interpreters(void)
{
	int fd;

	tap_is(with_interp("/none", 0), 100 + ENOENT, "an interpreter that is missing");
	tap_is(with_interp("/tmp", 0), 100 + EACCES, "an interpreter that is a directory");
	tap_is(with_interp("/init", 1) > 100, 1, "an interpreter's name without its end");
	tap_is(with_interp("", 0) > 100, 1, "an empty interpreter");
	fd = open("text", O_WRONLY | O_CREAT, 0755);
	write(fd,
	      "not a program, but long enough to be read as one, in both classes ................",
	      80);
	close(fd);
	tap_is(with_interp("/tmp/bad_elf/text", 0), 100 + ELIBBAD, "an interpreter that is text");
	/* Two that name each other: an interpreter's own interpreter is not looked at. */
	add_interp("/tmp/bad_elf/b");
	fd = open("a", O_WRONLY | O_CREAT, 0755);
	write(fd, work, size + 20);
	close(fd);
	memcpy(work, program, size);
	add_interp("/tmp/bad_elf/a");
	fd = open("b", O_WRONLY | O_CREAT, 0755);
	write(fd, work, size + 20);
	close(fd);
	memcpy(work, program, size);
	int code = CODE(close(1); close(2); execl("/tmp/bad_elf/a", "a", "child", NULL);
			_exit(100 + errno));
	tap_ok(code > 100 || code < 0 || code == 42, "two that interpret each other: %s", "an end");
}

static void by_chance(void)
{
	for (int i = 0; i < 150; i++) {
		int changes = 1 + chance() % 8;

		while (changes--)
			work[chance() % (i % 2 ? 64 + 56 * 10 : 8192)] = chance();
		try(size);
	}
	tap_note("%d ran, %d refused, %d died, %d otherwise", ran, refused, died, odd);
	tap_ok(1, "150 programs with random bytes");
}

int main(int argc, char **argv)
{
	if (argc > 1)
		return 42;
	load();
	headers();
	truncated();
	fields();
	interpreters();
	by_chance();
	tap_is(CODE(execl("/tests/bad_elf", "bad_elf", "child", NULL)), 42,
	       "a good program still runs");
	return tap_exit();
}
