obj-y += kernel/debug/panic.o
obj-y += kernel/debug/printk.o
obj-y += kernel/debug/symbols.o
obj-y += kernel/debug/stack.o
