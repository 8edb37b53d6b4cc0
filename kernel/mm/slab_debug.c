/* SPDX-License-Identifier: MIT */
/*
 * Checks on slab objects (CONFIG_SLAB_DEBUG): a trailer behind the link word says
 * whether the object is in use and who did the last thing to it. It is the red
 * zone too: writing past the end destroys it. Free objects without a constructor
 * are filled with POISON, which must be there when they are handed out again.
 */
#include <kernel/mm/slab.h>
#include <kernel/lib/string.h>
#include <kernel/bug.h>

#define STATE_FREE	0x4652454553454c46ul
#define STATE_USED	0x5553454455534544ul
#define POISON		0x6b

struct trailer {
	u64 state;
	void *caller;
};
_Static_assert(sizeof(struct trailer) == SLAB_TRAILER, "what slab.c leaves room for");

static struct trailer *trailer_of(const struct kmem_cache *c, void *obj)
{
	return (struct trailer *)((char *)obj + c->link + sizeof(void *));
}

static void expect_state(const struct kmem_cache *c, void *obj, u64 state, void *caller)
{
	const struct trailer *t = trailer_of(c, obj);

	if (t->state != state)
		panic("slab %s: object %p %s at %pS (last: %pS)", c->name, obj,
		      t->state == STATE_FREE ? "freed twice" :
		      t->state == STATE_USED ? "handed out twice" : "written past its end",
		      caller, t->caller);
}

static void note(const struct kmem_cache *c, void *obj, u64 state, void *caller)
{
	*trailer_of(c, obj) = (struct trailer){ state, caller };
}

void slab_check_new(struct kmem_cache *c, void *obj)
{
	note(c, obj, STATE_FREE, NULL);
	if (!c->ctor)
		memset(obj, POISON, c->object_size);
}

void slab_check_alloc(struct kmem_cache *c, void *obj, void *caller)
{
	const u8 *byte = obj;

	expect_state(c, obj, STATE_FREE, caller);
	for (u32 i = 0; !c->ctor && i < c->object_size; i++)
		if (byte[i] != POISON)
			panic("slab %s: object %p written after free, offset %u (freed at %pS)",
			      c->name, obj, i, trailer_of(c, obj)->caller);
	note(c, obj, STATE_USED, caller);
}

void slab_check_free(struct kmem_cache *c, void *obj, void *caller)
{
	expect_state(c, obj, STATE_USED, caller);
	note(c, obj, STATE_FREE, caller);
	if (!c->ctor)
		memset(obj, POISON, c->object_size);
}
