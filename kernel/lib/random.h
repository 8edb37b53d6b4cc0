/* SPDX-License-Identifier: MIT */
/* Random numbers fit for keys, once seeded. Any context. */
#pragma once
#include <kernel/types.h>

/* Never blocks; before random_is_seeded() the answer may be guessable. */
void random_bytes(void *buf, size_t len);
u64 random_u64(void);
bool random_is_seeded(void);
/* Mix in len bytes worth entropy_bits. Device tree's rng-seed, hardware generators. */
void random_add(const void *data, size_t len, u32 entropy_bits);
void random_init(void);			/* the seed that the boot loader gives */
/* Sleep until seeded; 0 or -ERESTARTSYS. */
int random_wait_seeded(void);
