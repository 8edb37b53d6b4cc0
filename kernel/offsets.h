/* SPDX-License-Identifier: MIT */
/*
 * Constants of C that assembly needs: structure offsets, sizes.
 *
 * Only for arch/riscv/asm-offsets.c. That file is compiled to assembly, never
 * linked; each OFFSET_DEFINE leaves one marked line in it, which the build
 * turns into a #define in <generated/asm-offsets.h>.
 */
#pragma once

#define OFFSET_DEFINE(name, value) __asm__ volatile("\n#@ " #name " %0" : : "i"(value))
#define OFFSET_MEMBER(name, type, member) \
	OFFSET_DEFINE(name, __builtin_offsetof(type, member))
