/* SPDX-License-Identifier: MIT */
/*
 * A file as memory: two processes, one page of the page cache.
 *
 * The parent maps a file shared and private; the child writes through the shared
 * mapping. The parent sees that in its shared mapping and read() finds it in the
 * file, without any call that wrote it: all three are the same page. What is written
 * to the private mapping stays there: it got a copy of the page. Touching a mapping
 * behind the end of the file is SIGBUS.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static const char before[] = "as it was made", after[] = "by the child";

static char *map(int fd, size_t size, int flags)
{
	char *p = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, fd, 0);

	if (p == MAP_FAILED) {
		perror("mmap");
		exit(1);
	}
	return p;
}

static int in_child(void (*act)(char *), char *memory)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		act(memory);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	return status;
}

static void write_to(char *memory)
{
	strcpy(memory, after);
}

static void touch_behind(char *memory)
{
	memory[sysconf(_SC_PAGESIZE)] = 1;
}

int main(void)
{
	long page = sysconf(_SC_PAGESIZE);
	char path[] = "/tmp/mapping-XXXXXX", seen[32] = "", *shared, *private;
	int fd = mkstemp(path), status;

	unlink(path);
	if (fd < 0 || write(fd, before, sizeof(before)) < 0)
		return 1;
	shared = map(fd, 2 * page, MAP_SHARED);
	private = map(fd, page, MAP_PRIVATE);
	private[0] = 'A';
	in_child(write_to, shared);
	if (pread(fd, seen, sizeof(after), 0) < 0)
		return 1;
	printf("shared: \"%s\", file: \"%s\", private: \"%s\"\n", shared, seen, private);
	status = in_child(touch_behind, shared);
	printf("behind the end of the file: %s\n",
	       WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS ? "SIGBUS" : "no signal");
	return strcmp(shared, after) || strcmp(seen, after) || strcmp(private, "As it was made");
}
