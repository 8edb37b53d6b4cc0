/* SPDX-License-Identifier: MIT */
/* tmpfs as the base of devtmpfs and of the root. */
#pragma once
#include <fs/vfs.h>

int tmpfs_mount(const struct fstype *type, u32 flags, const char *source, char *options, struct superblock **out);
