obj-y += kernel/lib/xarray.o kernel/lib/bitmap.o kernel/lib/bits.o
obj-y += kernel/lib/rbtree.o kernel/lib/seq.o
obj-y += kernel/lib/random.o
