obj-y += arch/riscv/mm/early.o arch/riscv/mm/memmap.o
obj-y += arch/riscv/mm/pgtable.o arch/riscv/mm/asid.o arch/riscv/mm/tlb.o arch/riscv/mm/tlb_hw.o
