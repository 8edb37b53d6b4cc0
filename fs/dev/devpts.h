/* SPDX-License-Identifier: MIT */
/* The file system of pseudo-terminals. */
#pragma once

void devpts_init(void);			/* its one instance; boot thread, after vfs_init_caches() */
