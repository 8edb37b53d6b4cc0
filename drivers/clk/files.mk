obj-$(CONFIG_SOC_JH7110) += drivers/clk/jh7110.o
obj-$(CONFIG_SOC_FU540) += drivers/clk/fu540.o
