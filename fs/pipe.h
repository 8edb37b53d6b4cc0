/* SPDX-License-Identifier: MIT */
/* Pipes and FIFOs. */
#pragma once
#include <fs/file.h>

extern const struct file_ops fifo_file_ops;	/* open of FIFO nodes */
/* Capacity in bytes, or -EBADF if f is not a pipe. */
long pipe_size(const struct file *f);
long pipe_set_size(struct file *f, u64 size);	/* the capacity made of it, -EBUSY, -EPERM ... */
void pipe_init(void);
