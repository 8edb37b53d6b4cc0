/* SPDX-License-Identifier: MIT */
#pragma once
#include <kernel/types.h>

/*
 * Call fn(arg) in an interrupt once after_ns have
 * passed. One alarm at a time. 0 or -ENODEV. For tests.
 */
int goldfish_alarm(u64 after_ns, void (*fn)(void *arg), void *arg);
