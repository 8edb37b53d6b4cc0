obj-y += net/calls.o
obj-y += net/cmsg.o
obj-y += net/filter.o
obj-y += net/message.o
obj-y += net/options.o
obj-y += net/proc.o
obj-y += net/socket.o
obj-y += net/init.o
