/* SPDX-License-Identifier: MIT */
/*
 * Classes of devices in sysfs. Each device has a number, which its inodes carry, so that its files
 * find it; a class is there once it has a device, and carries the number of its first.
 */
#include <fs/sys/class.h>
#include <fs/sys/sys.h>
#include <kernel/lib/string.h>

static LIST_HEAD(devices);		/* written by the boot thread; constant after */
static u32 last_id;

void sys_device_add(struct sys_device *d)
{
	d->id = ++last_id;
	list_add_tail(&d->node, &devices);
}

static const struct sys_device *by_id(u64 id)
{
	const struct sys_device *d;

	list_for_each(d, &devices, node)
		if (d->id == id)
			return d;
	return NULL;
}

const struct sys_device *sys_device_of(const struct pseudo *p)
{
	return by_id(p->number);
}

const struct sys_device *sys_device_find(const char *class, const char *name)
{
	const struct sys_device *d;

	list_for_each(d, &devices, node)
		if (!strcmp(d->class, class) && !strcmp(d->name, name))
			return d;
	return NULL;
}

const struct sys_device *sys_device_by_dev(dev_t dev)
{
	const struct sys_device *d;

	list_for_each(d, &devices, node)
		if (d->dev && d->dev == dev)
			return d;
	return NULL;
}

int sys_device_subsystem(struct pseudo *p, char *buf, size_t size)
{
	const struct sys_device *d = sys_device_of(p);

	return snprintf(buf, size, "../../../../%s/%s", d->on_bus ? "bus" : "class", d->class);
}

int sys_device_dev_show(struct seq *s, struct pseudo *p)
{
	dev_t dev = sys_device_of(p)->dev;

	seq_printf(s, "%u:%u\n", MAJOR(dev), MINOR(dev));
	return 0;
}

static bool is(const char *text, const struct qstr *name)
{
	return strlen(text) == name->len && !memcmp(text, name->name, name->len);
}

/* The first of its class. */
static bool is_first(const struct sys_device *d)
{
	const struct sys_device *other;

	list_for_each(other, &devices, node)
		if (!strcmp(other->class, d->class))
			return other == d;
	return false;
}

/* --- devices of one class, which p's number names: links, or directories --- */

static int link_text(struct pseudo *p, char *buf, size_t size)
{
	const struct sys_device *d = sys_device_of(p);

	return snprintf(buf, size, "../../devices/virtual/%s/%s", d->class, d->name);
}

static int bus_link_text(struct pseudo *p, char *buf, size_t size)
{
	const struct sys_device *d = sys_device_of(p);

	return snprintf(buf, size, "../../../devices/virtual/%s/%s", d->class, d->name);
}

static const struct pseudo_entry link = { .name = "", .mode = S_IFLNK | 0777, .text = link_text };
static const struct pseudo_entry bus_link = { .name = "", .mode = S_IFLNK | 0777, .text = bus_link_text };

/* What the directory has of each device: data, or the device's own directory. */
static const struct pseudo_entry *entry_of(const struct pseudo *dir, const struct sys_device *d)
{
	return dir->entry->data ? dir->entry->data : d->dir;
}

static int members_lookup(struct pseudo *dir, struct dentry *dentry)
{
	const struct sys_device *d;

	list_for_each(d, &devices, node)
		if (!strcmp(d->class, by_id(dir->number)->class) && is(d->name, &dentry->name))
			return pseudo_instantiate(dir, dentry, entry_of(dir, d), NULL, d->id, 0);
	return -ENOENT;
}

static int members_iterate(struct pseudo *dir, struct dir_context *ctx)
{
	loff_t at = PSEUDO_DYNAMIC;
	const struct sys_device *d;

	list_for_each(d, &devices, node)
		if (!strcmp(d->class, by_id(dir->number)->class) && at++ >= ctx->pos &&
		    !pseudo_emit(dir, ctx, d->name, entry_of(dir, d), NULL, d->id, at))
			break;
	return 0;
}

#define MEMBERS(n, what) { \
	.name = (n), .mode = S_IFDIR | 0555, .lookup = members_lookup, .iterate = members_iterate, .data = (what) \
}
static const struct pseudo_entry links = MEMBERS("", (void *)&link);
static const struct pseudo_entry folders = MEMBERS("", NULL);
static const struct pseudo_entry bus_files[] = { MEMBERS("devices", (void *)&bus_link), { 0 } };
static const struct pseudo_entry bus = PSEUDO_DIR("", bus_files);

/* --- all classes; entry: what each of them is --- */

/* A class is a bus, or it is none. */
static bool belongs(const struct sys_device *d, const struct pseudo_entry *entry)
{
	return entry == &folders || d->on_bus == (entry == &bus);
}

static int classes_lookup(struct pseudo *dir, struct dentry *dentry,
			  const struct pseudo_entry *entry)
{
	const struct sys_device *d;

	list_for_each(d, &devices, node)
		if (belongs(d, entry) && is(d->class, &dentry->name))
			return pseudo_instantiate(dir, dentry, entry, NULL, d->id, 0);
	return -ENOENT;
}

static int classes_iterate(struct pseudo *dir, struct dir_context *ctx,
			   const struct pseudo_entry *entry, loff_t at)
{
	const struct sys_device *d;

	list_for_each(d, &devices, node)
		if (belongs(d, entry) && is_first(d) && at++ >= ctx->pos &&
		    !pseudo_emit(dir, ctx, d->class, entry, NULL, d->id, at))
			break;
	return 0;
}

int sys_classes_lookup(struct pseudo *dir, struct dentry *dentry)
{
	return classes_lookup(dir, dentry, &links);
}

int sys_classes_iterate(struct pseudo *dir, struct dir_context *ctx, loff_t at)
{
	return classes_iterate(dir, ctx, &links, at);
}

static int virtual_lookup(struct pseudo *dir, struct dentry *dentry)
{
	return classes_lookup(dir, dentry, &folders);
}

static int virtual_iterate(struct pseudo *dir, struct dir_context *ctx)
{
	return classes_iterate(dir, ctx, &folders, PSEUDO_DYNAMIC);
}

static int bus_lookup(struct pseudo *dir, struct dentry *dentry)
{
	return classes_lookup(dir, dentry, &bus);
}

static int bus_iterate(struct pseudo *dir, struct dir_context *ctx)
{
	return classes_iterate(dir, ctx, &bus, PSEUDO_DYNAMIC);
}

const struct pseudo_entry sys_bus_dir = {
	.name = "", .mode = S_IFDIR | 0555, .lookup = bus_lookup, .iterate = bus_iterate,
};

const struct pseudo_entry sys_virtual_dir = {
	.name = "", .mode = S_IFDIR | 0555, .lookup = virtual_lookup, .iterate = virtual_iterate,
};
