/* SPDX-License-Identifier: MIT */
/*
 * Names under fire: processes and threads create, link, rename, look up, list
 * and remove the same few names in the same few directories. Every answer must be
 * one that some order of the calls explains, and at the end nothing may be left.
 */
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include "tap.h"

#define SECONDS	6
#define WORKERS	6

static unsigned long seed;
static long ops;

static unsigned rnd(unsigned n)
{
	seed = seed * 6364136223846793005ul + 1442695040888963407ul;
	return (seed >> 33) % n;
}

static const char *name(void)
{
	static char text[4][64];
	static int turn;
	char *t = text[turn++ % 4];

	switch (rnd(4)) {
	case 0:
		snprintf(t, 64, "d/n%u", rnd(6));
		break;
	case 1:
		snprintf(t, 64, "e/n%u", rnd(6));
		break;
	case 2:
		snprintf(t, 64, "d/s%u/a-name-that-is-too-long-to-be-inline-%u", rnd(3), rnd(3));
		break;
	default:
		snprintf(t, 64, "d/../e/./s%u", rnd(3));
	}
	return t;
}

static bool expected(int e, const char *allowed[], int n)
{
	for (int i = 0; i < n; i++)
		if (!strcmp(strerrorname_np(e), allowed[i]))
			return true;
	return false;
}

#define CHECK(call, ...) do { \
	const char *allowed_[] = { __VA_ARGS__ }; \
	if ((call) < 0 && !expected(errno, allowed_, ARRAY_SIZE(allowed_))) { \
		tap_note("%s: %s", #call, strerrorname_np(errno)); \
		return 1; \
	} \
	ops++; \
} while (0)

static int check_stat(const char *n)
{
	struct stat st;

	CHECK(stat(n, &st), "ENOENT", "ENOTDIR", "ELOOP");
	CHECK(lstat(n, &st), "ENOENT", "ENOTDIR", "ELOOP");
	return 0;
}

static int check_file(const char *n)
{
	char buf[8] = { 0 };
	int fd = open(n, O_RDWR | O_CREAT | (rnd(3) ? 0 : O_EXCL), 0644);
	struct stat st;

	if (fd < 0) {
		CHECK(fd, "EEXIST", "ENOENT", "ENOTDIR", "EISDIR", "ELOOP");
		return 0;
	}
	if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
		tap_note("an open file is no file");
		return 1;
	}
	if (pwrite(fd, "contents", 8, 0) != 8 || pread(fd, buf, 8, 0) != 8 ||
	    memcmp(buf, "contents", 8)) {
		tap_note("an open file does not keep what is written");
		return 1;
	}
	close(fd);
	return 0;
}

static int check_list(const char *n)
{
	DIR *d = opendir(n);
	int seen = 0;

	if (!d) {
		CHECK(-1, "ENOENT", "ENOTDIR", "ELOOP");
		return 0;
	}
	while (readdir(d))
		seen++;
	closedir(d);
	if (seen > 200) {
		tap_note("a listing does not end");
		return 1;
	}
	return 0;
}

static int step(void)
{
	const char *a = name(), *b = name();

	switch (rnd(12)) {
	case 0 ... 1:
		return check_file(a);
	case 2:
		CHECK(unlink(a), "ENOENT", "EISDIR", "ENOTDIR", "ELOOP");
		return 0;
	case 3 ... 4:
		CHECK(rename(a, b), "ENOENT", "EISDIR", "ENOTDIR", "ENOTEMPTY", "EINVAL", "EEXIST",
		      "EBUSY", "ELOOP");
		return 0;
	case 5:
		CHECK(link(a, b), "ENOENT", "EEXIST", "EPERM", "ENOTDIR", "ELOOP");
		return 0;
	case 6:
		CHECK(mkdir(a, 0755), "EEXIST", "ENOENT", "ENOTDIR", "ELOOP");
		return 0;
	case 7:
		CHECK(rmdir(a), "ENOENT", "ENOTDIR", "ENOTEMPTY", "EINVAL", "EBUSY", "ELOOP");
		return 0;
	case 8:
		CHECK(symlink(rnd(2) ? "../d/n1" : "n2", a), "EEXIST", "ENOENT", "ENOTDIR",
		      "ELOOP");
		return 0;
	case 9:
		CHECK(renameat2(AT_FDCWD, a, AT_FDCWD, b, 2), "ENOENT", "EINVAL", "ENOTDIR",
		      "ELOOP", "EBUSY");
		return 0;
	case 10:
		return check_list(rnd(2) ? "d" : rnd(2) ? "e" : a);
	default:
		for (int i = 0; i < 20; i++)
			if (check_stat(name()))
				return 1;
		return 0;
	}
}

static int work(int who)
{
	time_t end = time(NULL) + SECONDS;

	seed = who * 7919 + 1;
	while (time(NULL) < end)
		for (int i = 0; i < 50; i++)
			if (step())
				return 1;
	return 0;
}

/* Names that only one process uses, among the crowd: exact answers. */
static int work_alone(void)
{
	time_t end = time(NULL) + SECONDS;
	char a[32], b[32];
	struct stat st;
	long n = 0;

	while (time(NULL) < end) {
		snprintf(a, sizeof(a), "%c/mine%ld", n % 2 ? 'd' : 'e', n % 10);
		snprintf(b, sizeof(b), "%c/other%ld", n % 3 ? 'd' : 'e', n % 10);
		n++;
		int fd = open(a, O_CREAT | O_EXCL | O_RDWR, 0600);

		if (fd < 0 || stat(a, &st) || st.st_nlink != 1 || close(fd) || link(a, b) ||
		    stat(b, &st) || st.st_nlink != 2 || !link(a, b) || unlink(a) || !stat(a, &st) ||
		    rename(b, a) || !stat(b, &st) || stat(a, &st) || st.st_nlink != 1 ||
		    unlink(a)) {
			tap_note("a name of one's own: %s %s errno %d", a, b, errno);
			return 1;
		}
	}
	return 0;
}

static void clean(const char *n, int depth)
{
	char path[256];
	struct dirent *e;
	DIR *d = opendir(n);

	while (d && (e = readdir(d))) {
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		snprintf(path, sizeof(path), "%.100s/%.100s", n, e->d_name);
		if (unlink(path) && errno == EISDIR && depth < 20) {
			clean(path, depth + 1);
			rmdir(path);
		}
	}
	if (d)
		closedir(d);
}

int main(void)
{
	int status, bad = 0;

	mkdir("d", 0755);
	mkdir("e", 0755);
	for (int i = 0; i < WORKERS; i++)
		if (!fork())
			_exit(i ? work(i) : work_alone());
	while (wait(&status) > 0)
		bad += status != 0;
	tap_is(bad, 0, "no impossible answer");
	clean("d", 0);
	clean("e", 0);
	struct stat st;
	stat("d", &st);
	tap_says(st.st_nlink, "links of the emptied directory");
	tap_is(err(rmdir("d")), 0, "the first directory is empty");
	tap_is(err(rmdir("e")), 0, "the second too");
	return tap_exit();
}
