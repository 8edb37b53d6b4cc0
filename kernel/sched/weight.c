/* SPDX-License-Identifier: MIT */
/* Nice values to weights: 1024 * 1.25^-nice, so that one step is a tenth of a CPU between two. */
#include <kernel/sched/runqueue.h>

#define IDLE_POLICY_WEIGHT	3	/* SCHED_IDLE: a fifth of nice 19 */

static const u32 nice_weights[40] = {
	88818, 71054, 56843, 45475, 36380, 29104, 23283, 18626, 14901, 11921,
	9537, 7629, 6104, 4883, 3906, 3125, 2500, 2000, 1600, 1280,
	1024, 819, 655, 524, 419, 336, 268, 215, 172, 137,
	110, 88, 70, 56, 45, 36, 29, 23, 18, 15,
};

void sched_set_weight(struct thread *t)
{
	struct sched_entity *se = &t->se;

	se->weight = se->policy == SCHED_IDLE ? IDLE_POLICY_WEIGHT : nice_weights[se->nice + 20];
	se->inv_weight = (1024ul << 22) / se->weight;
}
