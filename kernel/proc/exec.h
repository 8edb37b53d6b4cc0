/* SPDX-License-Identifier: MIT */
/* Between exec.c (the call), exec_args.c (strings and stack) and exec_load.c (ELF into memory). */
#pragma once
#include <kernel/proc/elf.h>

struct file;
struct mm;

/* Strings on their way from the old address space to the new stack. */
struct arg_chunk {
	struct arg_chunk *next;
	u32 used;
	char data[4096 - 16];
};
struct exec_args {
	struct arg_chunk *first, *last;
	u64 bytes;			/* of all strings */
	u64 arg_bytes, env_bytes;	/* of those the parts that are arguments, environment */
	u32 argc, envc;
	u64 limit;			/* on bytes and pointers together */
};
void exec_args_init(struct exec_args *a);
void exec_args_free(struct exec_args *a);
/* One string; 0, -E2BIG, -ENOMEM, -EFAULT. */
int exec_args_add_kernel(struct exec_args *a, const char *s);
int exec_args_add_user(struct exec_args *a, uaddr_t s);

/* What the stack's auxiliary vector says about the program. */
struct exec_image {
	uaddr_t phdrs;			/* in memory */
	u32 phnum;
	uaddr_t base;			/* of the interpreter; 0: none */
	uaddr_t entry;			/* of the program */
	uaddr_t start;			/* where to begin: the interpreter's entry, or the program's */
};
/* Fill the new stack from its top; *sp is where the program starts. 0 or -errno. */
int exec_build_stack(struct mm *mm, struct exec_args *a, const struct exec_image *image,
		     uaddr_t top, bool secure, uaddr_t *sp);

struct exec_file {
	struct file *file;
	struct elf_file elf;
	struct elf_phdr *phdrs;		/* owned */
};
/* Read and check; the file comes with the caller's reference. 0 or -errno. */
int exec_file_read(struct exec_file *x, const void *head, size_t head_len);
void exec_file_release(struct exec_file *x);
/* Map program and interpreter (NULL: none) into current's new, empty address space. 0 or -errno. */
int exec_load(struct exec_file *program, struct exec_file *interp, bool randomize,
	      struct exec_image *out);
u64 exec_random_pages(u32 bits, bool randomize);
