/* SPDX-License-Identifier: MIT */
/*
 * Devices that a driver shows in sysfs: devices/virtual/CLASS/NAME, with the link class/CLASS/NAME,
 * or, where Linux calls it a bus, bus/CLASS/devices/NAME.
 */
#pragma once
#include <fs/pseudo.h>

/* Constant after sys_device_add(). */
struct sys_device {
	const char *class;
	char name[24];
	/* a directory; its files ask sys_device_of() whose they are */
	const struct pseudo_entry *dir;
	void *priv;
	bool on_bus;
	dev_t dev;			/* for the file dev, which dir has where it is not 0 */
	u32 id;				/* filled in */
	struct list_head node;
};
void sys_device_add(struct sys_device *d);	/* for ever. Boot thread */
const struct sys_device *sys_device_of(const struct pseudo *p);
const struct sys_device *sys_device_find(const char *class, const char *name);	/* NULL */
const struct sys_device *sys_device_by_dev(dev_t dev);		/* NULL: none has it */
int sys_device_dev_show(struct seq *s, struct pseudo *p);	/* the file dev */
int sys_device_subsystem(struct pseudo *p, char *buf, size_t size);
/* For the table of a device that has a node in /dev. */
#define SYS_DEVICE_NODE_FILES \
	PSEUDO_FILE("dev", sys_device_dev_show), \
	{ .name = "subsystem", .mode = S_IFLNK | 0777, .text = sys_device_subsystem }
/* A device's directory with this table of files. */
#define SYS_DEVICE_DIR(table)	PSEUDO_DIR("", table)
