/* SPDX-License-Identifier: MIT */
#pragma once
#include <net/inet/stack.h>

/*
 * Look whether pkt, which begins with its IP header, is an ICMP error about a packet of an
 * endpoint, and tell that. The packet stays the caller's; at least an IP header's fixed part is
 * linear. Lock held.
 */
void inet_icmp_error(struct inet_stack *s, const struct pkt *pkt);
