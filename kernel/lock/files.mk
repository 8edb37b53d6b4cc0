obj-$(CONFIG_LOCK_DEBUG) += kernel/lock/lockdebug.o
obj-y += kernel/lock/mutex.o
obj-y += kernel/lock/rcu.o
obj-y += kernel/lock/rwsem.o
obj-y += kernel/lock/spinlock.o
obj-y += kernel/lock/wait.o
obj-y += kernel/lock/rcu.o
