/* SPDX-License-Identifier: MIT */
/*
 * The anatomy of a process: where its code, data, heap and stack live.
 *
 * Takes the address of something of each kind, then reads the kernel's own list
 * of this process's mappings, /proc/self/maps, and says beside each line what was
 * found there. Each must lie in a mapping with the permissions of its kind: code
 * can be run but not written, everything written can not be run.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

static const char constant[] = "never changes";
static int initialised = 42;			/* data: its value is in the file */
static int zero[2048];				/* bss: only its size is in the file */
static _Thread_local int per_thread = 1;

struct part {
	const char *name, *permissions;		/* as maps shows them; '?' matches both */
	unsigned long address;
	bool found;
};

#define NR_PARTS 9
static struct part parts[NR_PARTS];

static bool fits(const char *permissions, const char *wanted)
{
	for (int i = 0; i < 3; i++)
		if (wanted[i] != '?' && wanted[i] != permissions[i])
			return false;
	return true;
}

static void add(const char *name, const char *permissions, const void *address)
{
	static int n;

	parts[n++] = (struct part){ name, permissions, (unsigned long)address, false };
}

/* What of ours is in this line's range; false: with the wrong permissions. */
static bool annotate(const char *line)
{
	unsigned long start, end;
	char permissions[8];
	bool ok = true;

	if (sscanf(line, "%lx-%lx %7s", &start, &end, permissions) != 3)
		return false;
	for (struct part *p = parts; p < parts + NR_PARTS; p++) {
		if (p->address < start || p->address >= end)
			continue;
		p->found = fits(permissions, p->permissions);
		ok &= p->found;
		printf("    %s at %#lx%s\n", p->name, p->address,
		       p->found ? "" : ": WRONG PERMISSIONS");
	}
	return ok;
}

static int show_maps(void)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	char line[512];
	int wrong = 0;

	if (!maps) {
		perror("/proc/self/maps");
		return 1;
	}
	while (fgets(line, sizeof(line), maps)) {
		fputs(line, stdout);
		wrong += !annotate(line);
	}
	fclose(maps);
	return wrong;
}

int main(int argc, char **argv)
{
	int local = argc, wrong;
	char *small = malloc(100), *page;

	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (!small || page == MAP_FAILED)
		return 1;
	strcpy(small, constant);
	page[0] = 1;
	zero[0] = initialised + per_thread;
	add("code: main()", "r-x", (void *)main);
	add("constants: a string", "r-?", constant);
	add("data: an initialised variable", "rw-", &initialised);
	add("bss: an array of zeros", "rw-", zero);
	add("heap: 100 bytes of malloc", "rw-", small);
	add("anonymous mapping: a page of mmap", "rw-", page);
	add("a variable of this thread", "rw-", &per_thread);
	add("stack: a local variable", "rw-", &local);
	add("vDSO: code the kernel lends", "r-x", (void *)getauxval(AT_SYSINFO_EHDR));

	printf("Process %d, child of %d, runs %s.\n\n", getpid(), getppid(), argv[0]);
	wrong = show_maps();
	for (struct part *p = parts; p < parts + NR_PARTS; p++) {
		if (!p->found)
			printf("not found in any mapping: %s at %#lx\n", p->name, p->address);
		wrong += !p->found;
	}
	printf("\n%s\n", wrong ? "Something is not where it should be." : "Everything is where it should be.");
	return wrong != 0;
}
