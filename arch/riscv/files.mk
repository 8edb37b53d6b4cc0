obj-y += arch/riscv/boot/head.o
obj-y += arch/riscv/boot/sbi.o
obj-y += arch/riscv/cpu/cpuinfo.o
obj-y += arch/riscv/cpu/smp.o
obj-y += arch/riscv/trap/entry.o
obj-y += arch/riscv/trap/trap.o
obj-y += arch/riscv/cpu/switch.o
obj-y += arch/riscv/cpu/timer.o
obj-y += arch/riscv/cpu/isa.o arch/riscv/cpu/hwprobe.o
obj-y += arch/riscv/cpu/thread.o
obj-y += arch/riscv/cpu/fp.o arch/riscv/cpu/fpregs.o
cflags-arch/riscv/cpu/fpregs.o := -march=rv64gc
obj-y += arch/riscv/trap/signal.o
