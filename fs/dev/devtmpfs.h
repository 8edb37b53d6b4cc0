/* SPDX-License-Identifier: MIT */
/* The file system of device nodes. */
#pragma once

/* Make its one instance, with the nodes named so far. Boot thread, after vfs_init_caches(). */
void devtmpfs_init(void);
/* Mount it on /dev of the caller's root, if there is a directory of that name. Boot thread. */
void devtmpfs_mount(void);
