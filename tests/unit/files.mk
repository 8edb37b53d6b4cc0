# Which real sources each unit test program links: unit-<test file> := sources
unit-test_ldisc := drivers/tty/ldisc.c kernel/lib/bitmap.c
unit-test_xarray := kernel/lib/xarray.c
unit-test_rbtree := kernel/lib/rbtree.c
unit-test_asid_model := arch/riscv/mm/asid.c arch/riscv/mm/tlb.c kernel/lib/bitmap.c
unit-test_vma := kernel/mm/vma.c kernel/lib/rbtree.c
unit-test_elf := kernel/proc/elf.c
unit-test_vring := drivers/virtio/ring.c
