/* See shim.h. The hot functions are two calls a turn; everything else is for start and stop. */
#include "shim.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include <rte_bus_vdev.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <rte_version.h>

/* The widest burst; longer ones are cut. */
#define BURST 64

/* What a frame's way through cl_rx_burst and cl_tx_burst relies on. */
_Static_assert(sizeof(struct rte_mbuf) == 128, "mbuf size");
_Static_assert(offsetof(struct rte_mbuf, buf_addr) == 0, "buf_addr");
_Static_assert(offsetof(struct rte_mbuf, data_off) == 16, "data_off");
_Static_assert(offsetof(struct rte_mbuf, refcnt) == 18, "refcnt");
_Static_assert(offsetof(struct rte_mbuf, nb_segs) == 20, "nb_segs");
_Static_assert(offsetof(struct rte_mbuf, ol_flags) == 24, "ol_flags");
_Static_assert(offsetof(struct rte_mbuf, pkt_len) == 36, "pkt_len");
_Static_assert(offsetof(struct rte_mbuf, data_len) == 40, "data_len");
_Static_assert(sizeof(uint32_t) <= CL_PRIVATE, "the slot's number");

static uint32_t *slot_of(struct rte_mbuf *mbuf)
{
	return rte_mbuf_to_priv(mbuf);
}

const char *cl_version(void)
{
	return rte_version();
}

const char *cl_strerror(int error)
{
	return rte_strerror(error < 0 ? -error : error);
}

int cl_eal_init(int argc, char **argv)
{
	int used = rte_eal_init(argc, argv);
	return used < 0 ? -(rte_errno ? rte_errno : EINVAL) : used;
}

int cl_thread_register(void)
{
	if (rte_lcore_id() != LCORE_ID_ANY)
		return 0;
	return rte_thread_register() < 0 ? -rte_errno : 1;
}

void cl_thread_unregister(void)
{
	rte_thread_unregister();
}

int cl_vdev_add(const char *name, const char *args)
{
	return rte_vdev_init(name, args);
}

int cl_vdev_remove(const char *name)
{
	return rte_vdev_uninit(name);
}

int cl_port_by_name(const char *name, uint16_t *port)
{
	return rte_eth_dev_get_port_by_name(name, port);
}

int cl_port_info(uint16_t port, struct cl_port_info *info)
{
	struct rte_eth_dev_info device;
	struct rte_ether_addr mac;
	int error;

	memset(info, 0, sizeof(*info));
	error = rte_eth_dev_info_get(port, &device);
	if (error)
		return error;
	error = rte_eth_macaddr_get(port, &mac);
	if (error)
		return error;
	error = rte_eth_dev_get_mtu(port, &info->mtu);
	if (error)
		return error;
	if (device.driver_name)
		strncpy(info->driver, device.driver_name, sizeof(info->driver) - 1);
	memcpy(info->mac, mac.addr_bytes, sizeof(info->mac));
	info->max_mtu = device.max_mtu;
	info->max_rx_queues = device.max_rx_queues;
	info->max_tx_queues = device.max_tx_queues;
	info->socket = rte_eth_dev_socket_id(port);
	info->rx_offloads = device.rx_offload_capa;
	info->tx_offloads = device.tx_offload_capa;
	return 0;
}

int cl_port_configure(uint16_t port, uint16_t queues, uint16_t mtu)
{
	struct rte_eth_dev_info device;
	struct rte_eth_conf configuration;
	int error = rte_eth_dev_info_get(port, &device);

	if (error)
		return error;
	memset(&configuration, 0, sizeof(configuration));
	configuration.rxmode.offloads = device.rx_offload_capa &
		(RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_TCP_CKSUM);
	if (mtu)
		configuration.rxmode.mtu = mtu;
	if (queues > 1) {
		configuration.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
		configuration.rx_adv_conf.rss_conf.rss_hf = device.flow_type_rss_offloads &
			(RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP);
	}
	return rte_eth_dev_configure(port, queues, queues, &configuration);
}

int cl_port_rx_queue(uint16_t port, uint16_t queue, uint16_t *descriptors, void *pool)
{
	int error = rte_eth_dev_adjust_nb_rx_tx_desc(port, descriptors, NULL);

	if (error)
		return error;
	return rte_eth_rx_queue_setup(port, queue, *descriptors, rte_eth_dev_socket_id(port), NULL, pool);
}

int cl_port_tx_queue(uint16_t port, uint16_t queue, uint16_t *descriptors)
{
	int error = rte_eth_dev_adjust_nb_rx_tx_desc(port, NULL, descriptors);

	if (error)
		return error;
	return rte_eth_tx_queue_setup(port, queue, *descriptors, rte_eth_dev_socket_id(port), NULL);
}

int cl_port_start(uint16_t port)
{
	return rte_eth_dev_start(port);
}

int cl_port_stop(uint16_t port)
{
	return rte_eth_dev_stop(port);
}

int cl_port_close(uint16_t port)
{
	return rte_eth_dev_close(port);
}

int cl_port_stats(uint16_t port, struct cl_port_stats *stats)
{
	struct rte_eth_stats all;
	int error = rte_eth_stats_get(port, &all);

	if (error)
		return error;
	stats->rx_missed = all.imissed;
	stats->rx_no_buffer = all.rx_nombuf;
	stats->rx_errors = all.ierrors;
	stats->tx_errors = all.oerrors;
	return 0;
}

struct numbering {
	void **mbufs;
	void **buffers;
	int foreign;
};

static void number_slot(struct rte_mempool *pool, void *argument, void *object, unsigned int index)
{
	struct numbering *all = argument;
	struct rte_mbuf *mbuf = object;

	(void)pool;
	all->foreign |= (char *)mbuf->buf_addr != (char *)(mbuf + 1) + CL_PRIVATE || rte_mbuf_refcnt_read(mbuf) != 1;
	*slot_of(mbuf) = index;
	all->mbufs[index] = mbuf;
	all->buffers[index] = mbuf->buf_addr;
}

int cl_pool_create(const char *name, uint32_t count, uint16_t room, int socket, void **pool, void **mbufs, void **buffers)
{
	struct numbering all = { mbufs, buffers, 0 };
	struct rte_mempool *made = rte_pktmbuf_pool_create(name, count, 0, CL_PRIVATE, room, socket);

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

static uint8_t checksum_of(uint64_t flags)
{
	uint64_t ip = flags & RTE_MBUF_F_RX_IP_CKSUM_MASK, l4 = flags & RTE_MBUF_F_RX_L4_CKSUM_MASK;

	if (l4 == RTE_MBUF_F_RX_L4_CKSUM_BAD || ip == RTE_MBUF_F_RX_IP_CKSUM_BAD)
		return CL_CHECKSUM_BAD;
	return l4 == RTE_MBUF_F_RX_L4_CKSUM_GOOD ? CL_CHECKSUM_GOOD : CL_CHECKSUM_UNKNOWN;
}

uint16_t cl_rx_burst(uint16_t port, uint16_t queue, struct cl_frame *frames, uint16_t count)
{
	struct rte_mbuf *mbufs[BURST];
	uint16_t received = rte_eth_rx_burst(port, queue, mbufs, count < BURST ? count : BURST);

	for (uint16_t i = 0; i < received; i++) {
		struct rte_mbuf *mbuf = mbufs[i];

		frames[i] = (struct cl_frame) {
			.mbuf = mbuf,
			.slot = *slot_of(mbuf),
			.head = mbuf->data_off,
			.len = mbuf->data_len,
			.hash = mbuf->hash.rss,
			.checksum = checksum_of(mbuf->ol_flags),
			.has_hash = !!(mbuf->ol_flags & RTE_MBUF_F_RX_RSS_HASH),
			.segments = mbuf->nb_segs < UINT8_MAX ? mbuf->nb_segs : UINT8_MAX,
		};
	}
	return received;
}

uint16_t cl_tx_burst(uint16_t port, uint16_t queue, const struct cl_frame *frames, uint16_t count)
{
	struct rte_mbuf *mbufs[BURST];

	if (count > BURST)
		count = BURST;
	for (uint16_t i = 0; i < count; i++) {
		struct rte_mbuf *mbuf = frames[i].mbuf;

		mbuf->data_off = frames[i].head;
		mbuf->data_len = frames[i].len;
		mbuf->pkt_len = frames[i].len;
		mbuf->nb_segs = 1;
		mbuf->next = NULL;
		mbuf->ol_flags = 0;
		mbufs[i] = mbuf;
	}
	return rte_eth_tx_burst(port, queue, mbufs, count);
}
