obj-y += arch/riscv/lib/uaccess.o
