/* SPDX-License-Identifier: MIT */
/*
 * Host unit tests: a test file includes this, defines TEST(name) cases, and is
 * linked with the real kernel sources that tests/unit/files.mk names, under
 * AddressSanitizer and UBSan.
 *
 * The program runs every case, or those named as arguments, and prints TAP; a
 * failed expectation is reported and the case goes on.
 */
#pragma once
#include <kernel/types.h>

struct unit_case {
	const char *name;
	void (*run)(void);
	struct unit_case *next;
};

void unit_register(struct unit_case *c);
void unit_expect(bool ok, const char *file, int line, const char *what, long long got,
		 long long want);

#define TEST(name) \
	static void name(void); \
	static struct unit_case unit_case_##name = { #name, name, NULL }; \
	__attribute__((constructor)) static void unit_register_##name(void) \
	{ \
		unit_register(&unit_case_##name); \
	} \
	static void name(void)

#define EXPECT_EQ(got, want) do { \
	long long _got = (long long)(got), _want = (long long)(want); \
	unit_expect(_got == _want, __FILE__, __LINE__, #got, _got, _want); \
} while (0)
#define EXPECT_TRUE(cond)	EXPECT_EQ(!!(cond), true)
