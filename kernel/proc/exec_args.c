/* SPDX-License-Identifier: MIT */
/*
 * Arguments and environment: from the old address space to the new stack.
 *
 * The strings are read into a chain of kernel pages while the old memory still
 * exists, in the order in which they will lie: arguments, environment, the name
 * of the program. They are then written out in one stream, and the pointer
 * arrays are found by walking them.
 *
 * The new stack, from high to low:
 *
 *	8 zero bytes				(end)
 *	program name
 *	environment strings			mm->env_start .. env_end
 *	argument strings			mm->arg_start .. arg_end
 *	16 random bytes				AT_RANDOM
 *	padding to 16
 *	auxiliary vector
 *	envp[0..], NULL
 *	argv[0..], NULL
 *	argc					sp, 16-byte aligned (psABI)
 */
#include <arch/uaccess.h>
#include <kernel/lib/random.h>
#include <kernel/lib/string.h>
#include <kernel/mm/alloc.h>
#include <kernel/mm/mm.h>
#include <kernel/proc/exec.h>
#include <kernel/task/cred.h>
#include <kernel/task/thread.h>

#define ARG_LIMIT_MIN	(128ul << 10)
#define ARG_LIMIT_MAX	(6ul << 20)
#define STRING_MAX	(128ul << 10)	/* one string, with its NUL */
#define CHUNK_DATA	sizeof(((struct arg_chunk *)0)->data)

enum { AT_NULL = 0, AT_PHDR = 3, AT_PHENT, AT_PHNUM, AT_PAGESZ, AT_BASE, AT_FLAGS, AT_ENTRY, AT_UID = 11, AT_EUID,
	AT_GID, AT_EGID, AT_HWCAP = 16, AT_CLKTCK, AT_SECURE = 23, AT_RANDOM = 25, AT_HWCAP2, AT_EXECFN = 31,
	AT_SYSINFO_EHDR = 33, AT_MINSIGSTKSZ = 51 };

/* Single-letter extensions that user mode may use, bit per letter: IMAFDC. */
#define HWCAP_BASE	(BIT('I' - 'A') | BIT('M' - 'A') | BIT('A' - 'A') | BIT('F' - 'A') | BIT('D' - 'A') | \
			 BIT('C' - 'A'))
/* A signal frame with FP state, and room for the handler's own. */
#define MIN_SIGNAL_STACK	2048

void exec_args_init(struct exec_args *a)
{
	*a = (struct exec_args){ .limit = clamp(rlimit_current(RLIMIT_STACK) / 4, ARG_LIMIT_MIN, ARG_LIMIT_MAX) };
}

void exec_args_free(struct exec_args *a)
{
	struct arg_chunk *next;

	for (struct arg_chunk *c = a->first; c; c = next) {
		next = c->next;
		kfree(c);
	}
	a->first = a->last = NULL;
}

/* The chunk to write to, with room in it; NULL: no memory. */
static struct arg_chunk *chunk_with_room(struct exec_args *a)
{
	struct arg_chunk *c = a->last;

	if (c && c->used < CHUNK_DATA)
		return c;
	c = kmalloc(sizeof(*c), GFP_KERNEL);
	if (!c)
		return NULL;
	c->next = NULL;
	c->used = 0;
	if (a->last)
		a->last->next = c;
	else
		a->first = c;
	a->last = c;
	return c;
}

/* Pointers count against the limit like strings. */
static int charge(struct exec_args *a, u64 bytes)
{
	a->bytes += bytes;
	return a->bytes + (a->argc + a->envc) * sizeof(u64) > a->limit ? -E2BIG : 0;
}

int exec_args_add_kernel(struct exec_args *a, const char *s)
{
	size_t left = strlen(s) + 1;
	struct arg_chunk *c;
	size_t n;

	while (left) {
		c = chunk_with_room(a);
		if (!c)
			return -ENOMEM;
		n = min(left, CHUNK_DATA - c->used);
		memcpy(c->data + c->used, s, n);
		c->used += n;
		s += n;
		left -= n;
		if (charge(a, n))
			return -E2BIG;
	}
	return 0;
}

int exec_args_add_user(struct exec_args *a, uaddr_t s)
{
	struct arg_chunk *c;
	u64 total = 0;
	ssize_t n;
	size_t room;

	for (;;) {
		c = chunk_with_room(a);
		if (!c)
			return -ENOMEM;
		room = CHUNK_DATA - c->used;
		n = strncpy_from_user(c->data + c->used, s, room);
		if (n < 0)
			return n;
		if ((size_t)n < room)
			n++;		/* the NUL, which ends it */
		c->used += n;
		s += n;
		total += n;
		if (charge(a, n) || total > STRING_MAX)
			return -E2BIG;
		if (!c->data[c->used - 1])
			return 0;
	}
}

/* --- writing the stack --- */

static int write_strings(const struct exec_args *a, uaddr_t to)
{
	for (const struct arg_chunk *c = a->first; c; c = c->next) {
		if (copy_to_user(to, c->data, c->used))
			return -EFAULT;
		to += c->used;
	}
	return 0;
}

/* Where in the stream the next string starts. */
struct string_cursor {
	const struct arg_chunk *chunk;
	u32 pos;
	uaddr_t addr;
};

static void skip_string(struct string_cursor *s)
{
	const char *end;
	u32 left;

	for (;;) {
		if (s->pos == s->chunk->used) {
			s->chunk = s->chunk->next;
			s->pos = 0;
		}
		left = s->chunk->used - s->pos;
		end = memchr(s->chunk->data + s->pos, 0, left);
		if (end)
			break;
		s->pos = s->chunk->used;
		s->addr += left;
	}
	left = end + 1 - (s->chunk->data + s->pos);
	s->pos += left;
	s->addr += left;
}

/* n pointers and a NULL at to. 0 or -EFAULT. */
static int write_pointers(struct string_cursor *s, u32 n, uaddr_t to)
{
	u64 batch[64];
	u32 fill = 0;

	for (u32 i = 0; i <= n; i++) {
		batch[fill++] = i < n ? s->addr : 0;
		if (i < n)
			skip_string(s);
		if (fill == ARRAY_SIZE(batch) || i == n) {
			if (copy_to_user(to, batch, fill * sizeof(u64)))
				return -EFAULT;
			to += fill * sizeof(u64);
			fill = 0;
		}
	}
	return 0;
}

static void fill_auxv(struct mm *mm, const struct exec_image *image, uaddr_t random, uaddr_t name,
		      bool secure)
{
	const struct cred *c = current_cred();
	const u64 v[][2] = {
		{ AT_SYSINFO_EHDR, mm->vdso },
		{ AT_HWCAP, HWCAP_BASE },
		{ AT_PAGESZ, PAGE_SIZE },
		{ AT_CLKTCK, 100 },
		{ AT_PHDR, image->phdrs },
		{ AT_PHENT, sizeof(struct elf_phdr) },
		{ AT_PHNUM, image->phnum },
		{ AT_BASE, image->base },
		{ AT_FLAGS, 0 },
		{ AT_ENTRY, image->entry },
		{ AT_UID, c->uid },
		{ AT_EUID, c->euid },
		{ AT_GID, c->gid },
		{ AT_EGID, c->egid },
		{ AT_SECURE, secure },
		{ AT_RANDOM, random },
		{ AT_HWCAP2, 0 },
		{ AT_EXECFN, name },
		{ AT_MINSIGSTKSZ, MIN_SIGNAL_STACK },
		{ AT_NULL, 0 },
	};

	_Static_assert(sizeof(v) <= sizeof(mm->auxv), "room in struct mm");
	memcpy(mm->auxv, v, sizeof(v));
	mm->auxv_len = sizeof(v);
}

int exec_build_stack(struct mm *mm, struct exec_args *a, const struct exec_image *image,
		     uaddr_t top, bool secure, uaddr_t *sp)
{
	uaddr_t strings = ALIGN_DOWN(top - sizeof(u64) - a->bytes, 8);
	uaddr_t random = strings - 16, name = strings + a->arg_bytes + a->env_bytes, at;
	struct string_cursor cursor = { .chunk = a->first, .addr = strings };
	u64 argc = a->argc;
	u8 seed[16];

	mm->arg_start = strings;
	mm->arg_end = mm->env_start = strings + a->arg_bytes;
	mm->env_end = name;
	fill_auxv(mm, image, random, name, secure);
	at = random - mm->auxv_len - (1 + a->argc + 1 + a->envc + 1) * sizeof(u64);
	*sp = ALIGN_DOWN(at, 16);
	mm->start_stack = *sp;
	random_bytes(seed, sizeof(seed));
	at = *sp;
	if (put_user(argc, at) || write_strings(a, strings) ||
	    copy_to_user(random, seed, sizeof(seed)))
		return -EFAULT;
	at += sizeof(u64);
	if (write_pointers(&cursor, a->argc, at))
		return -EFAULT;
	at += (a->argc + 1) * sizeof(u64);
	if (write_pointers(&cursor, a->envc, at))
		return -EFAULT;
	at += (a->envc + 1) * sizeof(u64);
	return copy_to_user(at, mm->auxv, mm->auxv_len);
}
