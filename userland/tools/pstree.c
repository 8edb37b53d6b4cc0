/* SPDX-License-Identifier: MIT */
/* pstree: every process below its parent, by /proc/<pid>/stat. */
#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_PROCESSES	4096

static struct process {
	int pid, parent;
	char name[32];
} processes[MAX_PROCESSES];
static int count;

static int read_process(const char *pid, struct process *p)
{
	char path[300], line[512], *open, *close;
	FILE *file;
	int ok;

	snprintf(path, sizeof(path), "/proc/%s/stat", pid);
	file = fopen(path, "r");
	if (!file)
		return -1;
	ok = fgets(line, sizeof(line), file) != NULL;
	fclose(file);
	open = strchr(line, '(');
	close = strrchr(line, ')');	/* a name may have brackets of its own */
	if (!ok || !open || !close || sscanf(close + 1, " %*c %d", &p->parent) != 1)
		return -1;
	p->pid = atoi(pid);
	snprintf(p->name, sizeof(p->name), "%.*s", (int)(close - open - 1), open + 1);
	return 0;
}

static void show(int parent, int depth)
{
	for (int i = 0; i < count; i++) {
		if (processes[i].parent != parent)
			continue;
		printf("%*s%s(%d)\n", 2 * depth, "", processes[i].name, processes[i].pid);
		show(processes[i].pid, depth + 1);
	}
}

int main(void)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;

	if (!proc) {
		perror("/proc");
		return 1;
	}
	while (count < MAX_PROCESSES && (entry = readdir(proc)))
		if (isdigit(entry->d_name[0]) && !read_process(entry->d_name, &processes[count]))
			count++;
	show(0, 0);
	return 0;
}
