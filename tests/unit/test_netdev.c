/* SPDX-License-Identifier: MIT */
/* Names of interfaces that are numbered. */
#include <kernel/lib/string.h>
#include <net/netdev/core.h>
#include <unit.h>
#include "world.h"

#define MANY	200u

static struct netdev devs[MANY];

/* Registered under this name: is it called so then? */
static bool becomes(struct netdev *dev, const char *pattern, const char *name)
{
	static const struct netdev_ops ops;
	int err;

	netdev_init_ether(dev, (const u8[]){ 2, 0, 0, 0, 0, 9 });
	dev->ops = &ops;
	strscpy(dev->name, pattern, sizeof(dev->name));
	err = netdev_register(&init_net, dev);
	return !err && !strcmp(dev->name, name);
}

static void forget(struct netdev *dev)
{
	mutex_lock(&net_config_lock);
	netdev_unregister_locked(dev);
	mutex_unlock(&net_config_lock);
}

/* Their part of the stack stays, since nobody may free these: it is not looked for (world_end). */
TEST(the_first_free_number_is_taken)
{
	char name[IFNAMSIZ];

	world_start();
	EXPECT_TRUE(becomes(&devs[0], "x03", "x03"));
	EXPECT_TRUE(becomes(&devs[1], "x3y", "x3y"));
	EXPECT_TRUE(becomes(&devs[2], "x999", "x999"));
	EXPECT_TRUE(becomes(&devs[3], "x", "x"));
	for (u32 i = 4; i < MANY; i++) {
		snprintf(name, sizeof(name), "x%u", i - 4);
		EXPECT_TRUE(becomes(&devs[i], "x%d", name));
	}
	forget(&devs[50]);
	forget(&devs[150]);
	EXPECT_TRUE(becomes(&devs[150], "x%d", "x46"));
	EXPECT_TRUE(becomes(&devs[50], "x%d", "x146"));
	EXPECT_EQ(netdev_register(&init_net, &devs[0]), -EEXIST);
}

TEST(a_number_that_is_cut_may_be_taken)
{
	static struct netdev few[11];
	char name[IFNAMSIZ];

	world_start();
	for (u32 i = 0; i < 10; i++) {
		snprintf(name, sizeof(name), "fourteen-of-it%u", i);
		EXPECT_TRUE(becomes(&few[i], "fourteen-of-it%d", name));
	}
	strscpy(few[10].name, "fourteen-of-it%d", sizeof(few[10].name));
	EXPECT_EQ(netdev_register(&init_net, &few[10]), -ENFILE);
}
