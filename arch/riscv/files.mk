obj-y += arch/riscv/boot/head.o
obj-y += arch/riscv/boot/sbi.o
obj-y += arch/riscv/cpu/smp.o
obj-y += arch/riscv/trap/entry.o
obj-y += arch/riscv/trap/trap.o
obj-y += arch/riscv/cpu/switch.o
obj-y += arch/riscv/cpu/timer.o
obj-y += arch/riscv/cpu/thread.o
