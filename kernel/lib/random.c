/* SPDX-License-Identifier: MIT */
/*
 * Random numbers: ChaCha20 as a generator with fast key erasure.
 *
 * A pool key gathers what comes in: each input is mixed by running ChaCha20 over
 * (key xor input) and keeping part of the output. Each CPU has a key of its own,
 * derived from the pool's; from it comes a stock of words, and in the same step
 * the key is replaced. A word is wiped where it is given out, so that a stolen
 * state tells nothing of the past. When the pool's generation has moved, a CPU
 * drops its stock and takes a new key first.
 *
 * Seeded means 256 bits of input were credited: rng-seed of the device tree
 * (random_init()), or a hardware generator. Before that the kernel's own users
 * get the best there is, and getrandom(2) waits; whoever waits gathers what the
 * machine has, the time at which its sleeps end, a bit each, so that it waits a
 * quarter of a second and not for ever.
 *
 * Context: any; the pool's lock is taken with interrupts off.
 * Source: RFC 8439 (ChaCha20); D. J. Bernstein, "Fast-key-erasure
 * random-number generators", 2017.
 */
#include <arch/paging.h>
#include <arch/time.h>
#include <libfdt.h>
#include <kernel/lib/random.h>
#include <kernel/lib/string.h>
#include <kernel/lock/spinlock.h>
#include <kernel/percpu.h>
#include <kernel/sched/sched.h>
#include <kernel/task/signal.h>
#include <kernel/time/clock.h>

#define KEY_WORDS	8
#define BLOCK_WORDS	16
#define SEED_BITS	256

/* What two blocks hold beside the next key. */
#define STOCK_WORDS	12

/* Only by its CPU, interrupts off. */
struct generator {
	u32 key[KEY_WORDS];
	u64 generation;		/* of the pool when the key was taken; 0: never */
	u32 left;
	u64 stock[STOCK_WORDS];
};

static DEFINE_SPINLOCK(pool_lock, RANK_LEAF);	/* the pool */
static u32 pool_key[KEY_WORDS];
static u64 pool_generation = 1;			/* read without the lock: late is harmless */
static u32 pool_bits;				/* credited, up to SEED_BITS */
static DEFINE_PERCPU(struct generator, generator);

static inline u32 rotl(u32 v, unsigned n)
{
	return v << n | v >> (32 - n);
}

static inline void quarter_round(u32 *x, unsigned a, unsigned b, unsigned c, unsigned d)
{
	x[a] += x[b];
	x[d] = rotl(x[d] ^ x[a], 16);
	x[c] += x[d];
	x[b] = rotl(x[b] ^ x[c], 12);
	x[a] += x[b];
	x[d] = rotl(x[d] ^ x[a], 8);
	x[c] += x[d];
	x[b] = rotl(x[b] ^ x[c], 7);
}

/* RFC 8439, 2.3; the nonce is the upper part of counter. */
static void chacha20_block(const u32 key[KEY_WORDS], u64 counter, u32 out[BLOCK_WORDS])
{
	u32 state[BLOCK_WORDS] = { 0x61707865, 0x3320646e, 0x79622d32, 0x6b206574 };

	memcpy(state + 4, key, KEY_WORDS * sizeof(u32));
	state[12] = counter;
	state[13] = counter >> 32;
	memcpy(out, state, sizeof(state));
	for (int i = 0; i < 10; i++) {
		quarter_round(out, 0, 4, 8, 12);
		quarter_round(out, 1, 5, 9, 13);
		quarter_round(out, 2, 6, 10, 14);
		quarter_round(out, 3, 7, 11, 15);
		quarter_round(out, 0, 5, 10, 15);
		quarter_round(out, 1, 6, 11, 12);
		quarter_round(out, 2, 7, 8, 13);
		quarter_round(out, 3, 4, 9, 14);
	}
	for (int i = 0; i < BLOCK_WORDS; i++)
		out[i] += state[i];
}

bool random_is_seeded(void)
{
	return READ_ONCE(pool_bits) >= SEED_BITS;
}

static void mix_locked(const u8 *data, size_t n)
{
	u32 block[BLOCK_WORDS];
	u8 in[KEY_WORDS * sizeof(u32)] = { 0 };

	memcpy(in, data, n);
	for (size_t i = 0; i < sizeof(in); i++)
		((u8 *)pool_key)[i] ^= in[i];
	chacha20_block(pool_key, arch_time_read(), block);
	memcpy(pool_key, block, sizeof(pool_key));
}

void random_add(const void *data, size_t len, u32 entropy_bits)
{
	const u8 *p = data;
	u64 flags = spin_lock_irqsave(&pool_lock);
	size_t n;

	for (; len; p += n, len -= n) {
		n = min(len, sizeof(pool_key));
		mix_locked(p, n);
	}
	pool_bits = min(pool_bits + entropy_bits, (u32)SEED_BITS);
	WRITE_ONCE(pool_generation, pool_generation + 1);
	spin_unlock_irqrestore(&pool_lock, flags);
}

/* A fresh key for this CPU; the pool's own moves on, so that no two are alike. */
static void take_key(struct generator *g)
{
	u32 block[BLOCK_WORDS];

	raw_spin_lock(&pool_lock, 0);
	chacha20_block(pool_key, arch_time_read(), block);
	memcpy(pool_key, block, sizeof(pool_key));
	g->generation = pool_generation;
	raw_spin_unlock(&pool_lock);
	memcpy(g->key, block + KEY_WORDS, sizeof(g->key));
}

static void refill(struct generator *g)
{
	u32 block[2 * BLOCK_WORDS];

	if (g->generation != READ_ONCE(pool_generation))
		take_key(g);
	chacha20_block(g->key, 0, block);
	chacha20_block(g->key, 1, block + BLOCK_WORDS);
	memcpy(g->key, block, sizeof(g->key));
	memcpy(g->stock, block + KEY_WORDS, sizeof(g->stock));
	memwipe(block, sizeof(block));
	g->left = STOCK_WORDS;
}

/* Context: interrupts off. */
static u64 take_word(struct generator *g)
{
	u64 word;

	if (!g->left || unlikely(g->generation != READ_ONCE(pool_generation)))
		refill(g);
	word = g->stock[--g->left];
	g->stock[g->left] = 0;
	return word;
}

u64 random_u64(void)
{
	u64 flags = local_irq_save(), word = take_word(&this_cpu(generator));

	local_irq_restore(flags);
	return word;
}

static void take_words(u64 *out, u32 n)
{
	u64 flags = local_irq_save();

	for (u32 i = 0; i < n; i++)
		out[i] = take_word(&this_cpu(generator));
	local_irq_restore(flags);
}

void random_bytes(void *buf, size_t len)
{
	u64 words[KEY_WORDS / 2];
	u32 block[BLOCK_WORDS];
	u8 *out = buf;
	size_t n;

	take_words(words, len <= sizeof(words) ? DIV_ROUND_UP(len, 8) : ARRAY_SIZE(words));
	if (len <= sizeof(words)) {
		memcpy(out, words, len);
	} else {
		/* Longer: the words are the key of a stream used only here. */
		for (u64 counter = 0; len; counter++, out += n, len -= n) {
			chacha20_block((u32 *)words, counter, block);
			n = min(len, sizeof(block));
			memcpy(out, block, n);
		}
	}
	memwipe(words, sizeof(words));
}

int random_wait_seeded(void)
{
	u64 now;

	while (!random_is_seeded()) {
		if (signal_pending(current))
			return -ERESTARTSYS;
		thread_sleep_ns(NS_PER_MS);
		now = arch_time_read();
		random_add(&now, sizeof(now), 1);
	}
	return 0;
}

void __init random_init(void)
{
	int chosen = fdt_path_offset(boot_fdt, "/chosen"), len;
	const void *seed = chosen < 0 ? NULL : fdt_getprop(boot_fdt, chosen, "rng-seed", &len);

	if (seed && len > 0)
		random_add(seed, len, len * 8);
}
