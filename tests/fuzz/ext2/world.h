/* SPDX-License-Identifier: MIT */
/* A host that plays the kernel below and around fs/ext2: one thread, a disk in memory. */
#pragma once

/* The disk. world_disk() also forgets what an earlier one had cached. */
void world_disk(unsigned char *image, unsigned long bytes);
void world_next_operation(void);

/*
 * Mount it and use what is there as far as it goes; chance decides what is changed.
 * Whether it could be mounted. What must not be, or is left over, ends in abort().
 */
int use_disk(unsigned long chance, int read_only, const char *options);
