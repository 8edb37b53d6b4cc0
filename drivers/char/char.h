/* SPDX-License-Identifier: MIT */
/* Devices without hardware: memory (null, zero, ...), random numbers, the kernel log. */
#pragma once
#include <fs/file.h>

/* Numbers and nodes of all of them. Boot thread. */
void char_init(void);

/* The operations of a minor number of major 1 are set by its open. */
extern const struct file_ops random_file_ops, urandom_file_ops;	/* random_dev.c */
extern const struct file_ops kmsg_file_ops;			/* kmsg.c */
