obj-y += drivers/tty/ldisc.o drivers/tty/ldisc_out.o drivers/tty/tty.o drivers/tty/tty_nodes.o
obj-y += drivers/tty/tty_ioctl.o drivers/tty/job_control.o drivers/tty/pty.o
