/* SPDX-License-Identifier: MIT */
/* Length of the system call table, for assembly too. */
#pragma once

#define NR_SYSCALLS	470	/* above the highest number of Linux 6.12 */
