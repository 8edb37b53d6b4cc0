obj-y += kernel/lib/xarray.o kernel/lib/bitmap.o kernel/lib/bits.o
