/* SPDX-License-Identifier: MIT */
/*
 * Character devices in sysfs: devices/char/NAME with its number, and the links to it
 * from class/tty and dev/char. What exists is what devtmpfs has nodes for. Devices with a class of
 * their own (class.h) are led to by dev/char as well.
 */
#include <fs/chrdev.h>
#include <fs/sys/class.h>
#include <fs/sys/sys.h>
#include <kernel/lib/string.h>

#define MAJOR_TTY	4
#define MAJOR_TTYAUX	5

/* --- finding nodes --- */

struct search {
	const struct qstr *name;	/* NULL: by number */
	dev_t dev;
	const char *found;		/* its name; nodes stay for ever */
};

static bool is_char(const char *name, umode_t mode)
{
	return S_ISCHR(mode) && !strchr(name, '/');
}

static bool match(const char *name, umode_t mode, dev_t dev, void *arg)
{
	struct search *s = arg;

	if (!is_char(name, mode))
		return true;
	if (s->name ? strlen(name) != s->name->len || memcmp(name, s->name->name, s->name->len) : dev != s->dev)
		return true;
	s->found = name;
	s->dev = dev;
	return false;
}

static const char *name_of(dev_t dev)
{
	struct search s = { .dev = dev };

	chrdev_nodes_for_each(match, &s);
	return s.found;
}

static bool find(const struct qstr *name, dev_t *dev)
{
	struct search s = { .name = name };

	chrdev_nodes_for_each(match, &s);
	*dev = s.dev;
	return s.found;
}

static bool is_tty(dev_t dev)
{
	return MAJOR(dev) == MAJOR_TTY || MAJOR(dev) == MAJOR_TTYAUX;
}

/* --- listing them --- */

struct listing {
	struct pseudo *dir;
	struct dir_context *ctx;
	const struct pseudo_entry *entry;
	bool only_ttys, by_number;
	loff_t at;
};

static bool list_one(const char *name, umode_t mode, dev_t dev, void *arg)
{
	struct listing *l = arg;
	char number[24];

	if (!is_char(name, mode) || (l->only_ttys && !is_tty(dev)) || l->at++ < l->ctx->pos)
		return true;
	snprintf(number, sizeof(number), "%u:%u", MAJOR(dev), MINOR(dev));
	return pseudo_emit(l->dir, l->ctx, l->by_number ? number : name, l->entry, NULL,
			   sys_number(dev), l->at);
}

static int list(struct listing l)
{
	l.at = PSEUDO_DYNAMIC;
	chrdev_nodes_for_each(list_one, &l);
	return 0;
}

/* --- devices/char --- */

static int dev_show(struct seq *s, struct pseudo *p)
{
	seq_printf(s, "%u:%u\n", MAJOR(sys_dev(p)), MINOR(sys_dev(p)));
	return 0;
}

static int uevent_show(struct seq *s, struct pseudo *p)
{
	seq_printf(s, "MAJOR=%u\nMINOR=%u\nDEVNAME=%s\n", MAJOR(sys_dev(p)), MINOR(sys_dev(p)),
		   name_of(sys_dev(p)));
	return 0;
}

static const struct pseudo_entry entries[] = {
	PSEUDO_FILE("dev", dev_show), PSEUDO_FILE("uevent", uevent_show), { 0 },
};
static const struct pseudo_entry device_dir = PSEUDO_DIR("", entries);

static int devices_lookup(struct pseudo *dir, struct dentry *dentry)
{
	dev_t dev;

	if (!find(&dentry->name, &dev))
		return -ENOENT;
	return pseudo_instantiate(dir, dentry, &device_dir, NULL, sys_number(dev), 0);
}

static int devices_iterate(struct pseudo *dir, struct dir_context *ctx)
{
	return list((struct listing){ .dir = dir, .ctx = ctx, .entry = &device_dir });
}

const struct pseudo_entry sys_devices_char_dir = {
	.name = "", .mode = S_IFDIR | 0555, .lookup = devices_lookup, .iterate = devices_iterate,
};

/* --- links --- */

static int link_text(struct pseudo *p, char *buf, size_t size)
{
	const struct sys_device *d = sys_device_by_dev(sys_dev(p));

	if (d)
		return snprintf(buf, size, "../../devices/virtual/%s/%s", d->class, d->name);
	return snprintf(buf, size, "../../devices/char/%s", name_of(sys_dev(p)));
}

static const struct pseudo_entry link = { .name = "", .mode = S_IFLNK | 0777, .text = link_text };

static int tty_lookup(struct pseudo *dir, struct dentry *dentry)
{
	dev_t dev;

	if (!find(&dentry->name, &dev) || !is_tty(dev))
		return -ENOENT;
	return pseudo_instantiate(dir, dentry, &link, NULL, sys_number(dev), 0);
}

static int tty_iterate(struct pseudo *dir, struct dir_context *ctx)
{
	return list((struct listing){ .dir = dir, .ctx = ctx, .entry = &link, .only_ttys = true });
}

const struct pseudo_entry sys_class_tty_dir = {
	.name = "", .mode = S_IFDIR | 0555, .lookup = tty_lookup, .iterate = tty_iterate,
};

static int dev_lookup(struct pseudo *dir, struct dentry *dentry)
{
	dev_t dev;

	if (!sys_parse_dev(&dentry->name, &dev) || !name_of(dev))
		return -ENOENT;
	return pseudo_instantiate(dir, dentry, &link, NULL, sys_number(dev), 0);
}

static int dev_iterate(struct pseudo *dir, struct dir_context *ctx)
{
	return list((struct listing){ .dir = dir, .ctx = ctx, .entry = &link, .by_number = true });
}

const struct pseudo_entry sys_dev_char_dir = {
	.name = "", .mode = S_IFDIR | 0555, .lookup = dev_lookup, .iterate = dev_iterate,
};
