/* SPDX-License-Identifier: MIT */
/*
 * Runs a libFuzzer target where there is no libFuzzer: inputs by chance, the same for the same
 * seed, each at the end of a block of its own, so that AddressSanitizer sees who reads past it.
 *
 *	fuzz_x SEED COUNT [LENGTH]	the input at which it stops is SEED's: run again with the
 *same numbers
 *
 * A target may define fuzz_mutate() to make its inputs of what it knows; else they are bytes by
 * chance.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* Of len bytes by chance, an input: its length, at most len. */
__attribute__((weak)) size_t fuzz_mutate(uint8_t *data, size_t len, uint64_t (*chance)(void));

static uint64_t state;

static uint64_t chance(void)			/* xorshift64* */
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return state * 0x2545f4914f6cdd1d;
}

int main(int argc, char **argv)
{
	unsigned long seed = argc > 1 ? strtoul(argv[1], NULL, 0) : 1;
	unsigned long count = argc > 2 ? strtoul(argv[2], NULL, 0) : 100000;
	size_t most = argc > 3 ? strtoul(argv[3], NULL, 0) : 256;

	for (unsigned long i = 0; i < count; i++) {
		uint8_t *data;
		size_t len;

		state = (seed << 40 ^ i) * 0x9e3779b97f4a7c15 + 1;
		len = chance() % (most + 1);
		data = malloc(len);
		for (size_t k = 0; k < len; k++)
			data[k] = (uint8_t)(chance() >> 32);
		if (fuzz_mutate) {
			size_t used = fuzz_mutate(data, len, chance);

			data = realloc(data, used ? used : 1);
			len = used;
		}
		LLVMFuzzerTestOneInput(data, len);
		free(data);
	}
	printf("%lu inputs\n", count);
	return 0;
}
