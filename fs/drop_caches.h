/* SPDX-License-Identifier: MIT */
/* Emptying caches on request. */
#pragma once

/* Clean pages that nobody uses, of all files and block devices. Context: may sleep. */
void caches_drop_pages(void);
