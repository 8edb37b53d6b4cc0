obj-y += drivers/rtc/goldfish.o
