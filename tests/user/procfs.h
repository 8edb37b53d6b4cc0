/* SPDX-License-Identifier: MIT */
/* Reading files of /proc in tests. */
#ifndef PROCFS_H
#define PROCFS_H

#include <fcntl.h>
#include <sys/types.h>
#include "tap.h"

/*
 * The file whole, NUL-terminated, freshly allocated;
 * its length in *len. Read `step` bytes at a time.
 */
TAP_UNUSED static char *slurp_steps(const char *path, size_t step, long *len)
{
	size_t size = 1 << 16, used = 0;
	char *text = malloc(size + 1);
	int fd = open(path, O_RDONLY);
	ssize_t n;

	*len = -errno;
	if (fd < 0) {
		text[0] = 0;
		return text;
	}
	while ((n = read(fd, text + used, step < size - used ? step : size - used)) > 0) {
		used += n;
		if (size - used < step)
			text = realloc(text, (size *= 2) + 1);
	}
	*len = n < 0 ? -errno : (long)used;
	text[used] = 0;
	close(fd);
	return text;
}

TAP_UNUSED static char *slurp(const char *format, ...)
{
	char path[256];
	va_list args;
	long len;

	va_start(args, format);
	vsnprintf(path, sizeof(path), format, args);
	va_end(args);
	return slurp_steps(path, 65536, &len);
}

/* The result of open, or -errno. */
TAP_UNUSED static int open_as(int flags, const char *format, ...)
{
	char path[256];
	va_list args;

	va_start(args, format);
	vsnprintf(path, sizeof(path), format, args);
	va_end(args);
	return err(open(path, flags));
}

/* The link's text in a static buffer; "" and errno where it cannot be read. */
TAP_UNUSED static const char *link_of(const char *format, ...)
{
	static char text[4097];
	char path[256];
	va_list args;
	ssize_t n;

	va_start(args, format);
	vsnprintf(path, sizeof(path), format, args);
	va_end(args);
	n = readlink(path, text, sizeof(text) - 1);
	text[n < 0 ? 0 : n] = 0;
	return text;
}

/* The text behind "name:" and blanks at the beginning of a line; NULL: no such line. */
TAP_UNUSED static const char *line_of(const char *text, const char *name)
{
	size_t len = strlen(name);

	for (const char *p = text; p; p = strchr(p, '\n'), p = p ? p + 1 : NULL)
		if (!strncmp(p, name, len) && p[len] == ':')
			return p + len + 1 + strspn(p + len + 1, " \t");
	return NULL;
}

TAP_UNUSED static long number_of(const char *text, const char *name)
{
	const char *p = line_of(text, name);

	return p ? strtol(p, NULL, 0) : -1;
}

TAP_UNUSED static unsigned long hex_of(const char *text, const char *name)
{
	const char *p = line_of(text, name);

	return p ? strtoul(p, NULL, 16) : ~0ul;
}

/* Field n of a stat line, from 1; fields behind the name, which may contain anything. */
TAP_UNUSED static long stat_field(const char *stat, int n)
{
	const char *p = strrchr(stat, ')');

	if (n < 3)
		return n == 1 ? atol(stat) : -1;
	if (!p)
		return -1;
	p += 2;
	for (; n > 3 && p; n--)
		p = strchr(p, ' ') ? strchr(p, ' ') + 1 : NULL;
	return !p ? -1 : *p >= 'A' ? *p : atol(p);
}

/* One line of maps. */
struct map {
	unsigned long start, end, offset, inode;
	char perms[5], name[256];
};

/* The line of maps or smaps at *text, which is moved behind it; false: none is left. */
TAP_UNUSED static bool next_map(const char **text, struct map *m)
{
	while (*text && **text) {
		const char *line = *text, *end = strchr(line, '\n');
		unsigned major, minor;
		int at = 0;

		*text = end ? end + 1 : line + strlen(line);
		if (sscanf(line, "%lx-%lx %4s %lx %x:%x %lu%n", &m->start, &m->end, m->perms,
			   &m->offset, &major, &minor, &m->inode, &at) < 7)
			continue;
		line += at + strspn(line + at, " ");
		snprintf(m->name, sizeof(m->name), "%.*s",
			 end ? (int)(end - line) : (int)strlen(line), line);
		return true;
	}
	return false;
}

/* The map that contains addr. */
TAP_UNUSED static bool map_of(const char *maps, const void *addr, struct map *m)
{
	while (next_map(&maps, m))
		if ((unsigned long)addr >= m->start && (unsigned long)addr < m->end)
			return true;
	return false;
}

/* The part of smaps that is about the map of addr. */
TAP_UNUSED static const char *smaps_at(const char *smaps, const void *addr)
{
	const char *here = smaps;
	struct map m;

	while (next_map(&smaps, &m)) {
		if ((unsigned long)addr >= m.start && (unsigned long)addr < m.end)
			return smaps;
		here = smaps;
	}
	(void)here;
	return "";
}

#endif
