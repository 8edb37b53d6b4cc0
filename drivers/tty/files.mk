unlinked-y += drivers/tty/ldisc.o
