/* SPDX-License-Identifier: MIT */
/*
 * Character devices: ranges of numbers and who serves them. A driver registers
 * its range, and names its nodes; devtmpfs shows the nodes, also those made
 * before it was mounted.
 */
#pragma once
#include <fs/file.h>

/* Files opened on numbers [dev, dev+count) start with ops. 0, -EBUSY, -ENOMEM. For ever. */
int __must_check chrdev_register(dev_t dev, u32 count, const char *name,
				 const struct file_ops *ops);
/*
 * Node /dev/<name> (may contain '/': its directories are made), owned by root; mode with S_IFCHR or
 * S_IFBLK. 0, -ENOMEM, -EEXIST. Context: thread; may sleep, holds no lock from RANK_INODE on.
 */
int __must_check chrdev_node_create(const char *name, umode_t mode, dev_t dev);

/*
 * The device of a node goes: the node, too, where it is still the one that was made. name is
 * without '/'. Thread context; sleeps.
 */
void chrdev_node_remove(const char *name, umode_t mode, dev_t dev);

/* Each node that was named, until fn says false. Any context. */
void chrdev_nodes_for_each(bool (*fn)(const char *name, umode_t mode, dev_t dev, void *arg),
			   void *arg);

/* The open method of every character node. */
extern const struct file_ops chrdev_file_ops;
/* fops of a device node, FIFO or socket, by its mode; none for others. */
void inode_set_node_ops(struct inode *inode);
/* Calls fn for each registered range: /proc/devices. */
void chrdev_for_each(void (*fn)(u32 major, const char *name, void *arg), void *arg);
