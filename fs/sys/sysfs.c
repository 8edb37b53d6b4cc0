/* SPDX-License-Identifier: MIT */
/*
 * sysfs, as far as tools read it: lsblk and blkid (block devices), nproc and the C
 * library (CPUs), mdev (device numbers). A tree of tables (fs/pseudo.h).
 *
 *	block/NAME, class/block/NAME, dev/block/M:N	-> devices/block/...
 *	class/tty/NAME, dev/char/M:N			-> devices/char/NAME
 *	class/CLASS/NAME, bus/CLASS/devices/NAME	-> devices/virtual/CLASS/NAME (class.h)
 *	devices/system/cpu/				which CPUs there are
 *
 * Limit: devices stand in two flat folders, not below the buses that they are on.
 */
#include <fs/mount.h>
#include <fs/sys/sys.h>
#include <kernel/lib/string.h>

#define SYSFS_MAGIC	0x62656572

bool sys_parse_dev(const struct qstr *name, dev_t *dev)
{
	const char *colon = memchr(name->name, ':', name->len);
	struct qstr part = { .name = name->name };
	s64 major, minor;

	if (!colon)
		return false;
	part.len = colon - name->name;
	major = pseudo_name_number(&part);
	part = (struct qstr){ .name = colon + 1, .len = name->len - part.len - 1 };
	minor = pseudo_name_number(&part);
	if (major < 0 || major > 0xfff || minor < 0 || minor > 0xfffff)
		return false;
	*dev = MKDEV(major, minor);
	return true;
}

static const struct pseudo_entry empty[] = { { 0 } };

/* A directory that another file describes, where its entry cannot be a constant here. */
struct place {
	const char *name;
	const struct pseudo_entry *dir;
};

static const struct place root_places[] = { { "block", &sys_block_dir }, { "bus", &sys_bus_dir }, { 0 } };
static const struct place class_places[] = {
	{ "block", &sys_class_block_dir }, { "tty", &sys_class_tty_dir }, { 0 }
};
static const struct place dev_places[] = { { "block", &sys_dev_block_dir }, { "char", &sys_dev_char_dir }, { 0 } };
static const struct place device_places[] = {
	{ "block", &sys_devices_block_dir }, { "char", &sys_devices_char_dir }, { "virtual", &sys_virtual_dir }, { 0 }
};
static const struct place system_places[] = { { "cpu", &sys_cpu_dir }, { 0 } };

static int place_lookup(struct pseudo *dir, struct dentry *dentry)
{
	for (const struct place *p = dir->entry->data; p->name; p++)
		if (dentry->name.len == strlen(p->name) &&
		    !memcmp(p->name, dentry->name.name, dentry->name.len))
			return pseudo_instantiate(dir, dentry, p->dir, NULL, 0, 0);
	return -ENOENT;
}

static int place_iterate(struct pseudo *dir, struct dir_context *ctx)
{
	loff_t at = PSEUDO_DYNAMIC;

	for (const struct place *p = dir->entry->data; p->name; p++, at++)
		if (at >= ctx->pos && !pseudo_emit(dir, ctx, p->name, p->dir, NULL, 0, at + 1))
			break;
	return 0;
}

static int class_lookup(struct pseudo *dir, struct dentry *dentry)
{
	int err = place_lookup(dir, dentry);

	return err == -ENOENT ? sys_classes_lookup(dir, dentry) : err;
}

static int class_iterate(struct pseudo *dir, struct dir_context *ctx)
{
	loff_t end = PSEUDO_DYNAMIC + (loff_t)ARRAY_SIZE(class_places) - 1;
	int err = place_iterate(dir, ctx);

	return err || ctx->pos < end ? err : sys_classes_iterate(dir, ctx, end);
}

#define PLACES(n, table, ...)	{ .name = (n), .mode = S_IFDIR | 0555, .lookup = place_lookup, \
	.iterate = place_iterate, .data = (void *)(table), __VA_ARGS__ }

static const struct pseudo_entry device_entries[] = { PLACES("system", system_places), { 0 } };
static const struct pseudo_entry fs_entries[] = { PSEUDO_DIR("cgroup", empty), { 0 } };
static const struct pseudo_entry root_entries[] = {
	{ .name = "class", .mode = S_IFDIR | 0555, .lookup = class_lookup, .iterate = class_iterate,
	  .data = (void *)class_places },
	PLACES("dev", dev_places),
	PLACES("devices", device_places, .children = device_entries),
	PSEUDO_DIR("fs", fs_entries),
	{ 0 },
};

static const struct pseudo_entry root_entry = PLACES("", root_places, .children = root_entries);
static const struct pseudo_tree tree = { .magic = SYSFS_MAGIC, .strict = true, .root = &root_entry };

static int sys_mount_fs(const struct fstype *type, u32 flags, const char *source, char *options,
			struct superblock **out)
{
	int err = mount_no_options(options);

	return err ? err : pseudo_mount(type, &tree, flags, out);
}

FILESYSTEM(sysfs) = { .name = "sysfs", .mount = sys_mount_fs };
