obj-y += fs/sys/block.o fs/sys/char.o fs/sys/class.o fs/sys/cpu.o fs/sys/sysfs.o
