obj-y += fs/sys/block.o fs/sys/char.o fs/sys/cpu.o fs/sys/sysfs.o
