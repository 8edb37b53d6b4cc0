obj-y += arch/riscv/lib/uaccess.o
obj-y += arch/riscv/lib/memory.o
