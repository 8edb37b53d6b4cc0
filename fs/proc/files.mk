obj-y += fs/proc/fd.o fs/proc/memory.o fs/proc/mounts.o fs/proc/pid.o fs/proc/pid_mm.o fs/proc/pid_stat.o
obj-y += fs/proc/root.o fs/proc/sysctl.o fs/proc/tree.o
obj-y += fs/proc/disks.o
