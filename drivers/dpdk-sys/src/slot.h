/* The number of an mbuf's slot, which is in its private area. */
#ifndef CORELANE_DPDK_SLOT_H
#define CORELANE_DPDK_SLOT_H

#include <rte_mbuf.h>

#include "shim.h"

_Static_assert(sizeof(uint32_t) <= CL_PRIVATE, "the slot's number");

static inline uint32_t *slot_of(struct rte_mbuf *mbuf)
{
	return rte_mbuf_to_priv(mbuf);
}

#endif
