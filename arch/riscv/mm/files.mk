obj-y += arch/riscv/mm/early.o arch/riscv/mm/memmap.o arch/riscv/mm/page.o
obj-y += arch/riscv/mm/pgtable.o arch/riscv/mm/asid.o arch/riscv/mm/tlb.o
