/* SPDX-License-Identifier: MIT */
/* Block devices as files, and by name. */
#pragma once
#include <fs/file.h>

struct blockdev;

extern const struct file_ops blkdev_file_ops;	/* of every block node: opens the device */
/*
 * Nodes in /dev for devices that are there and for
 * those to come. Boot thread, before drivers_probe().
 */
void blkdev_init(void);
/*
 * What a mount names: a path to a node, or, for the kernel itself before there are
 * nodes, "/dev/vda1", "PARTUUID=..." or "major:minor". 0, -ENOTBLK, -ENXIO (a node
 * without device), or what the path lookup says.
 */
int __must_check blkdev_of_source(const char *source, struct blockdev **out);
