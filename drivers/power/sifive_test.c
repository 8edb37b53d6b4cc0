/* SPDX-License-Identifier: MIT */
/*
 * The test device of emulators: a write ends the run with an exit code. QEMU,
 * hw/misc/sifive_test.c: 0x5555 passes, code << 16 | 0x3333 fails with code.
 */
#include <arch/io.h>
#include <drivers/core/driver.h>
#include <drivers/core/power.h>

#define TEST_PASS	0x5555
#define TEST_FAIL	0x3333

static volatile u8 *test_register;	/* constant after probe */

static void test_exit(u32 code)
{
	mmio_write32(test_register, code ? code << 16 | TEST_FAIL : TEST_PASS);
}

static int sifive_test_probe(struct device *dev)
{
	volatile void *reg = dev_map_regs(dev, 0);

	if (!reg || !dev_answers(dev, reg, 4))
		return -ENODEV;
	test_register = reg;
	power_exit_set(test_exit);
	return 0;
}

static const char *const compatible[] = { "sifive,test1", "sifive,test0", NULL };

DRIVER(sifive_test) = {
	.name = "sifive-test",
	.stage = STAGE_DEVICE,
	.compatible = compatible,
	.probe = sifive_test_probe,
};
