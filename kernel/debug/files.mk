obj-y += kernel/debug/panic.o
obj-y += kernel/debug/printk.o
obj-y += kernel/debug/symbols.o
