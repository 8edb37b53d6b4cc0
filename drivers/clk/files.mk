obj-$(CONFIG_SOC_JH7110) += drivers/clk/jh7110.o
