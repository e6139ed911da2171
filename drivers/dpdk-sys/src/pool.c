/* Packet memory: see shim.h. */
#include "shim.h"

#include <errno.h>
#include <string.h>

#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>
#include <rte_mbuf_pool_ops.h>
#include <rte_mempool.h>
#include <rte_memzone.h>

#include "slot.h"

struct numbering {
	void **mbufs;
	void **buffers;
	size_t private;
	int foreign;
};

static void number_slot(struct rte_mempool *pool, void *argument, void *object, unsigned int index)
{
	struct numbering *all = argument;
	struct rte_mbuf *mbuf = object;

	(void)pool;
	all->foreign |= (char *)mbuf->buf_addr != (char *)(mbuf + 1) + all->private || rte_mbuf_refcnt_read(mbuf) != 1;
	*slot_of(mbuf) = index;
	all->mbufs[index] = mbuf;
	all->buffers[index] = mbuf->buf_addr;
}

static unsigned int cache_for(uint32_t count)
{
	return count / 8 < 512 ? count / 8 : 512;
}

static void free_zone(struct rte_mempool_memhdr *memory, void *zone)
{
	(void)memory;
	rte_memzone_free(zone);
}

/* The objects one behind the other from the start of a page, which no pool has that DPDK lays out. */
static int populate_packed(struct rte_mempool *pool, size_t object)
{
	size_t len = pool->size * object;
	const struct rte_memzone *zone = rte_memzone_reserve_aligned(pool->name, len, pool->socket_id, 0, 4096);
	int made;

	if (!zone)
		return -rte_errno;
	made = rte_mempool_populate_iova(pool, zone->addr, RTE_BAD_IOVA, len, free_zone, (void *)(uintptr_t)zone);
	if (made <= 0)
		rte_memzone_free(zone);
	return made == (int)pool->size ? 0 : made < 0 ? made : -ENOMEM;
}

/* As rte_pktmbuf_pool_create, with nothing between two objects of `object` bytes. */
static struct rte_mempool *create_packed(const char *name, uint32_t count, uint16_t private, uint16_t room, uint16_t object,
					 int socket)
{
	unsigned int flags = RTE_MEMPOOL_F_NO_SPREAD | RTE_MEMPOOL_F_NO_IOVA_CONTIG;
	uint32_t element = sizeof(struct rte_mbuf) + private + room;
	struct rte_pktmbuf_pool_private about = { .mbuf_data_room_size = room, .mbuf_priv_size = private };
	struct rte_mempool *made;
	int error;

	if (rte_mempool_calc_obj_size(element, flags, NULL) != object) {
		rte_errno = EPROTO;
		return NULL;
	}
	made = rte_mempool_create_empty(name, count, element, cache_for(count), sizeof(about), socket, flags);
	if (!made)
		return NULL;
	error = rte_mempool_set_ops_byname(made, rte_mbuf_best_mempool_ops(), NULL);
	if (!error) {
		rte_pktmbuf_pool_init(made, &about);
		error = populate_packed(made, object);
	}
	if (error) {
		rte_mempool_free(made);
		rte_errno = -error;
		return NULL;
	}
	rte_mempool_obj_iter(made, rte_pktmbuf_init, NULL);
	return made;
}

int cl_pool_create(const char *name, uint32_t count, uint16_t room, uint16_t shift, uint16_t packed, int socket, void **pool,
		   void **mbufs, void **buffers)
{
	uint16_t private = CL_PRIVATE + shift;
	struct numbering all = { mbufs, buffers, private, 0 };
	/* A thread's cache is last in, first out: what was used last, and so is near, is used next. */
	struct rte_mempool *made = packed ? create_packed(name, count, private, room, packed, socket)
					  : rte_pktmbuf_pool_create(name, count, cache_for(count), private, room, socket);

	if (!made)
		return -(rte_errno ? rte_errno : ENOMEM);
	rte_mempool_obj_iter(made, number_slot, &all);
	if (all.foreign) {
		rte_mempool_free(made);
		return -EPROTO;
	}
	*pool = made;
	return 0;
}

void cl_pool_free(void *pool)
{
	rte_mempool_free(pool);
}

int cl_pool_take(void *pool, void **mbufs, uint32_t *slots, uint32_t count)
{
	int error = rte_pktmbuf_alloc_bulk(pool, (struct rte_mbuf **)mbufs, count);

	if (error)
		return error;
	for (uint32_t i = 0; i < count; i++)
		slots[i] = *slot_of(mbufs[i]);
	return 0;
}

void cl_pool_give(void **mbufs, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		rte_pktmbuf_free(mbufs[i]);
}

uint32_t cl_mbuf_read(void *mbuf, void *to, uint32_t room)
{
	uint32_t len = rte_pktmbuf_data_len((struct rte_mbuf *)mbuf);

	if (len > room)
		return 0;
	memcpy(to, rte_pktmbuf_mtod((struct rte_mbuf *)mbuf, void *), len);
	return len;
}

void cl_pool_flush(void *pool)
{
	struct rte_mempool_cache *cache = rte_mempool_default_cache(pool, rte_lcore_id());

	if (cache)
		rte_mempool_cache_flush(cache, pool);
}

int cl_segments_create(const char *name, uint32_t count, int socket, void **pool)
{
	*pool = rte_pktmbuf_pool_create(name, count, cache_for(count), CL_PRIVATE, 0, socket);
	return *pool ? 0 : -(rte_errno ? rte_errno : ENOMEM);
}
