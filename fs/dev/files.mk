obj-y += fs/dev/devtmpfs.o fs/dev/devpts.o
