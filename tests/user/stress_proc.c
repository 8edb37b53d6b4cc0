/* SPDX-License-Identifier: MIT */
/*
 * Readers of every file of /proc against processes that come, exec, grow threads and
 * mappings, and go: whatever is read is whole, whatever fails fails in a way that
 * says that something is gone or forbidden.
 */
#include <dirent.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include "child.h"
#include "procfs.h"

#define SECONDS		4
#define READERS		3
#define CHURNERS	3

static char text[1 << 17];
static long files, gone;

static bool expected(int e)
{
	return e == ENOENT || e == ESRCH || e == EACCES || e == EINVAL || e == EIO || e == EPERM;
}

static void complain(const char *path, const char *what, int e)
{
	tap_note("%s: %s: %s", path, what, strerror(e));
	_exit(1);
}

static bool has_suffix(const char *path, const char *suffix)
{
	size_t a = strlen(path), b = strlen(suffix);

	return a > b && !strcmp(path + a - b, suffix);
}

static void check(const char *path, ssize_t n)
{
	const char *p = text;
	unsigned long end = 0;
	struct map m;

	text[n] = 0;
	if (has_suffix(path, "/stat") && strncmp(path, "/proc/stat", 10)) {
		int fields = 2;

		for (p = strrchr(text, ')'); p && *p; p++)
			fields += *p == ' ';
		if (fields != 52 || text[n - 1] != '\n')
			complain(path, text, 0);
	}
	if (has_suffix(path, "/maps"))
		for (; next_map(&p, &m); end = m.end)
			if (m.start < end || m.end <= m.start)
				complain(path, "overlap", 0);
	if (has_suffix(path, "/smaps"))
		while (next_map(&p, &m))
			if (number_of(p, "Rss") != number_of(p, "Shared_Clean") +
							   number_of(p, "Shared_Dirty") +
							   number_of(p, "Private_Clean") +
							   number_of(p, "Private_Dirty") &&
			    line_of(p, "VmFlags"))
				complain(path, "does not add up", 0);
	if (has_suffix(path, "/status") && n && (!line_of(text, "Threads") || text[n - 1] != '\n'))
		complain(path, "cut", 0);
}

static void read_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK);
	ssize_t n, used = 0;

	files++;
	if (fd < 0) {
		if (!expected(errno))
			complain(path, "open", errno);
		gone++;
		return;
	}
	while (used < (ssize_t)sizeof(text) - 1 &&
	       (n = read(fd, text + used, sizeof(text) - 1 - used)) > 0)
		used += n;
	if (used < (ssize_t)sizeof(text) - 1 && n < 0) {
		if (!expected(errno) && errno != EAGAIN && errno != EPIPE)
			complain(path, "read", errno);
		gone++;
	} else if (used && used < (ssize_t)sizeof(text) - 1) {
		check(path, used);
	}
	close(fd);
}

static void walk(const char *path, int depth)
{
	DIR *d = opendir(path);
	struct dirent *e;
	char sub[512];

	if (!d) {
		if (!expected(errno))
			complain(path, "opendir", errno);
		return;
	}
	while ((e = readdir(d))) {
		if (e->d_name[0] == '.' || !strcmp(e->d_name, "kmsg"))
			continue;
		snprintf(sub, sizeof(sub), "%s/%s", path, e->d_name);
		if (e->d_type == DT_LNK) {
			if (readlink(sub, text, sizeof(text)) < 0 && !expected(errno))
				complain(sub, "readlink", errno);
		} else if (e->d_type == DT_DIR) {
			if (depth)
				walk(sub, depth - 1);
		} else {
			read_file(sub);
		}
	}
	closedir(d);
}

static void reader(long until)
{
	long rounds = 0;

	for (; now_ms() < until; rounds++)
		walk("/proc", 3);
	tap_note("%ld rounds, %ld files, %ld gone meanwhile", rounds, files, gone);
}

static void *thread(void *arg)
{
	char *p = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	for (int i = 0; i < 65536; i += 4096)
		p[i] = i;
	mprotect(p + 4096, 4096, PROT_READ);
	munmap(p, 65536);
	return arg;
}

static void churn(long until, char **argv)
{
	for (unsigned n = 0; now_ms() < until; n++) {
		pid_t pid = CHILD(
			pthread_t t[3];
			char *args[] = { argv[0], "exit", NULL };

			for (int i = 0; i < 3; i++)
				pthread_create(&t[i], NULL, thread, NULL);
			if (n % 3 == 0)
				execv("/proc/self/exe", args);
			for (int i = 0; i < 3; i++)
				pthread_join(t[i], NULL);
			if (n % 3 == 1)
				kill(getpid(), SIGKILL));

		status_of(pid);
	}
}

int main(int argc, char **argv)
{
	long until = now_ms() + SECONDS * 1000;
	pid_t readers[READERS], churners[CHURNERS];

	if (argc > 1)
		return 0;
	for (int i = 0; i < CHURNERS; i++)
		churners[i] = CHILD(churn(until, argv));
	for (int i = 0; i < READERS; i++)
		readers[i] = CHILD(reader(until));
	for (int i = 0; i < READERS; i++)
		tap_is(code_of(status_of(readers[i])), 0, "reader %d", i);
	for (int i = 0; i < CHURNERS; i++)
		tap_is(code_of(status_of(churners[i])), 0, "churner %d", i);
	return tap_exit();
}
