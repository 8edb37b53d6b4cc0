obj-y += net/unix/connect.o
obj-y += net/unix/dgram.o
obj-y += net/unix/flight.o
obj-y += net/unix/name.o
obj-y += net/unix/proc.o
obj-y += net/unix/queue.o
obj-y += net/unix/stream.o
obj-y += net/unix/unix.o
