/* SPDX-License-Identifier: MIT */
/* What statfs(2) is filled from. */
#pragma once
#include <kernel/types.h>

struct kstatfs {
	u32 type, bsize, frsize, namelen, flags;
	u64 blocks, bfree, bavail, files, ffree;	/* of frsize bytes */
	u64 fsid;
};
