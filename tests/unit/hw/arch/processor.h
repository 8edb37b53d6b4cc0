/* SPDX-License-Identifier: MIT */
/* On the host, one thread runs: nothing to relax for. */
#pragma once
#define cpu_relax()	((void)0)
