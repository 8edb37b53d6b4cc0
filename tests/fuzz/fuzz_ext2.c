/* SPDX-License-Identifier: MIT */
/*
 * Damaged ext2 images, as disk_damaged.c makes them in a guest, under the real fs/ext2 on the
 * host: tests/fuzz/ext2 mounts and uses them. The input is a number and which of the stock
 * images of build/fuzz/ext2 is lied in.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "../user/damage.h"
#include "ext2/world.h"

#define IMAGE_S	20		/* longer than this is a hang */

static const char *const stocks[] = { "1k", "4k", "old-inodes" };

static u32 current_number;

static bool load(const char *name)
{
	static const char *loaded;
	char path[100];
	FILE *f;

	if (loaded == name)
		return true;
	snprintf(path, sizeof(path), "build/fuzz/ext2/%s.img", name);
	f = fopen(path, "r");
	bytes = f ? (u32)fread(stock, 1, sizeof(stock), f) : 0;
	if (f)
		fclose(f);
	loaded = name;
	return damage_geometry();
}

/* What goes wrong ends in abort() or in a sanitizer's report: this goes before. */
static void tell(int sig)
{
	fprintf(stderr, "image %u:%s\n", current_number, lies);
	signal(sig, SIG_DFL);
	abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const options[] = { "errors=continue", "errors=remount-ro", "" };
	u32 number = 0;

	for (size_t i = 0; i < size && i < 4; i++)
		number = number << 8 | data[i];
	if (!load(stocks[number % 3])) {
		puts("no stock image: make build/fuzz/ext2/stamp");
		abort();
	}
	number /= 3;
	current_number = number;
	make_image(number);
	signal(SIGALRM, tell);
	signal(SIGABRT, tell);
	alarm(IMAGE_S);
	world_disk(image, bytes);
	use_disk(number, number % 7 == 3, options[number / 7 % 3]);
	alarm(0);
	return 0;
}
