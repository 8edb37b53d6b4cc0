/* SPDX-License-Identifier: MIT */
/* Between the files of fs/sys. */
#pragma once
#include <fs/pseudo.h>

/* A device number as the number of its pseudo inodes: 9 bits of major, 12 of minor. */
static inline u64 sys_number(dev_t dev)
{
	return (MAJOR(dev) & 0x1ff) << 12 | (MINOR(dev) & 0xfff);
}
static inline dev_t sys_dev(const struct pseudo *p)
{
	return MKDEV(p->number >> 12 & 0x1ff, p->number & 0xfff);
}
/* "254:1" as a device number; false: it is none. */
bool sys_parse_dev(const struct qstr *name, dev_t *dev);

extern const struct pseudo_entry sys_block_dir;		/* block.c: /sys/block */
extern const struct pseudo_entry sys_class_block_dir, sys_dev_block_dir, sys_devices_block_dir;
/* char.c */
extern const struct pseudo_entry sys_class_tty_dir, sys_dev_char_dir, sys_devices_char_dir;
extern const struct pseudo_entry sys_cpu_dir;		/* cpu.c: /sys/devices/system/cpu */

/*
 * class.c. Classes that drivers have added: below
 * /sys/class, from position `at` on; /sys/devices/virtual.
 */
int sys_classes_lookup(struct pseudo *dir, struct dentry *dentry);
int sys_classes_iterate(struct pseudo *dir, struct dir_context *ctx, loff_t at);
extern const struct pseudo_entry sys_virtual_dir, sys_bus_dir;
