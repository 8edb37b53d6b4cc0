obj-y += kernel/mm/bootmem.o kernel/mm/buddy.o kernel/mm/page_alloc.o kernel/mm/counts.o
obj-y += kernel/mm/slab.o kernel/mm/kmalloc.o kernel/mm/vmalloc.o
obj-y += kernel/percpu.o kernel/param.o
obj-$(CONFIG_SLAB_DEBUG) += kernel/mm/slab_debug.o
obj-$(CONFIG_FAIL_ALLOC) += kernel/mm/alloc_fail.o
