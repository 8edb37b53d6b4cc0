/* SPDX-License-Identifier: MIT */
/*
 * What memory management needs of files, which are a floor higher: declared
 * here, defined in fs/. struct file and struct inode stay opaque.
 */
#pragma once
#include <kernel/types.h>

struct file;
struct inode;
struct mapping;
struct vma;

struct file *file_get(struct file *f);
void file_put(struct file *f);
struct file *fd_lookup(int fd);		/* with a reference; NULL: not open */
void inode_mark_dirty(struct inode *inode, u32 what);
#define INODE_PAGES_DIRTY	BIT(3)		/* INODE_STATE_DIRTY_PAGES */

/* What mmap asks of a file (fs/vm_file.c). */
struct mapping *vm_file_mapping(const struct file *f);
/*
 * 0, or the errno of mmap(2): the file's open mode and
 * mount against prot and sharing; VM_MAY* in *vm_flags.
 */
int vm_file_check(const struct file *f, u32 prot, bool shared, u64 *vm_flags);
int vm_file_mmap(struct file *f, struct vma *vma);	/* the file's own mmap method */
int vm_file_sync(struct file *f, loff_t start, loff_t end);	/* msync: fsync of a range, end inclusive */
int vm_file_punch(struct file *f, loff_t start, loff_t len);	/* MADV_REMOVE: the range becomes a hole */
/* May the caller know which of its pages are cached? (mincore: who may write it, or owns it) */
bool vm_file_may_tell_cached(const struct file *f);
/*
 * Memory that is shared between processes has a file
 * without a name (fs/tmpfs/shmem.c). NULL and *err.
 */
struct file *shmem_file_create(const char *name, size_t size, u64 vm_flags, int *err);

/* CAP_* in the caller's effective set: kernel/task/cred.c */
bool capable(int cap);
