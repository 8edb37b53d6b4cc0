/* SPDX-License-Identifier: MIT */
/*
 * pgrep [-f] PATTERN: the numbers of processes whose name (-f: command line) matches.
 * pkill [-SIGNAL] [-f] PATTERN: send them a signal (15). Exit status 1: there was none.
 */
#include <ctype.h>
#include <dirent.h>
#include <regex.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The contents of /proc/<pid>/<name> as a string, zero bytes as spaces. */
static bool read_name(const char *pid, const char *name, char *buffer, size_t size)
{
	char path[300];
	FILE *file;
	size_t n;

	snprintf(path, sizeof(path), "/proc/%s/%s", pid, name);
	file = fopen(path, "r");
	if (!file)
		return false;
	n = fread(buffer, 1, size - 1, file);
	fclose(file);
	while (n && (buffer[n - 1] == '\n' || !buffer[n - 1]))
		n--;
	for (size_t i = 0; i < n; i++)
		if (!buffer[i])
			buffer[i] = ' ';
	buffer[n] = 0;
	return true;
}

static int usage(const char *name)
{
	fprintf(stderr, "usage: %s %s[-f] PATTERN\n", name,
		*name == 'p' && name[1] == 'k' ? "[-SIGNAL] " : "");
	return 2;
}

int main(int argc, char **argv)
{
	const char *slash = strrchr(argv[0], '/'), *self = slash ? slash + 1 : argv[0];
	bool kills = !strcmp(self, "pkill"), full = false, any = false;
	int signal_number = SIGTERM, i;
	char text[4096];
	struct dirent *entry;
	regex_t pattern;
	DIR *proc;

	for (i = 1; i < argc && argv[i][0] == '-'; i++) {
		if (!strcmp(argv[i], "-f"))
			full = true;
		else if (kills && isdigit(argv[i][1]))
			signal_number = atoi(argv[i] + 1);
		else
			return usage(self);
	}
	if (i != argc - 1 || regcomp(&pattern, argv[i], REG_EXTENDED | REG_NOSUB))
		return usage(self);
	proc = opendir("/proc");
	if (!proc) {
		perror("/proc");
		return 3;
	}
	while ((entry = readdir(proc))) {
		if (!isdigit(entry->d_name[0]) || atoi(entry->d_name) == getpid() ||
		    !read_name(entry->d_name, full ? "cmdline" : "comm", text, sizeof(text)) ||
		    regexec(&pattern, text, 0, NULL, 0))
			continue;
		any = true;
		if (!kills)
			puts(entry->d_name);
		else if (kill(atoi(entry->d_name), signal_number))
			perror(entry->d_name);
	}
	return !any;
}
