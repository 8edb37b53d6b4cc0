obj-y += tests/kernel/test_block.o
obj-y += tests/kernel/test_crash.o tests/kernel/test_mm.o tests/kernel/test_sched.o
obj-y += tests/kernel/test_log.o tests/kernel/test_pagecache.o
obj-y += tests/kernel/test_hang.o tests/kernel/test_irq.o tests/kernel/test_power.o
obj-y += tests/kernel/test_net.o tests/kernel/test_netns.o
obj-y += tests/kernel/test_peer.o
obj-y += tests/kernel/test_hw.o tests/kernel/test_hw_net.o tests/kernel/test_hw_small.o
