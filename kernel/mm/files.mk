obj-y += kernel/mm/bootmem.o kernel/mm/buddy.o kernel/mm/page_alloc.o kernel/mm/counts.o
obj-y += kernel/mm/slab.o kernel/mm/kmalloc.o kernel/mm/vmalloc.o
obj-y += kernel/percpu.o kernel/param.o
unlinked-y += kernel/mm/mm.o kernel/mm/mmap.o kernel/mm/fault.o kernel/mm/vma.o kernel/mm/rmap.o kernel/mm/zap.o
unlinked-y += kernel/mm/page_wait.o kernel/mm/pagecache.o kernel/mm/writeback.o kernel/mm/iov_iter.o
obj-$(CONFIG_SLAB_DEBUG) += kernel/mm/slab_debug.o
obj-$(CONFIG_FAIL_ALLOC) += kernel/mm/alloc_fail.o
obj-y += kernel/mm/kernel_mm.o
