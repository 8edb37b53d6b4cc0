/* SPDX-License-Identifier: MIT */
/*
 * Tests inside the kernel, on real CSRs, TLBs and locks.
 *
 * KTEST(suite, name) { ... } registers a case; ktest=all or ktest=SUITE on the
 * command line runs them after boot, prints KTAP and powers off. A case runs in
 * thread context on the boot CPU and reaches the others with smp_call().
 */
#pragma once
#include <kernel/types.h>

struct ktest {
	const char *suite, *name;
	void (*run)(void);
};

#define KTEST(suite_id, name_id) \
	static void ktest_##suite_id##_##name_id(void); \
	static const struct ktest ktest_case_##suite_id##_##name_id \
	__attribute__((used, section("ktests"), aligned(8))) = \
		{ #suite_id, #name_id, ktest_##suite_id##_##name_id }; \
	static void ktest_##suite_id##_##name_id(void)

/* Any CPU. A failed expectation is reported and the case goes on. */
void ktest_expect(bool ok, const char *file, int line, const char *what, u64 got, u64 want);
#define EXPECT_EQ(got, want) do { \
	u64 _got = (u64)(got), _want = (u64)(want); \
	ktest_expect(_got == _want, __FILE__, __LINE__, #got, _got, _want); \
} while (0)
#define EXPECT_TRUE(cond)	EXPECT_EQ(!!(cond), 1)

/* ktest= was given: run what it names and power off. Returns otherwise. */
void ktest_run(void);
