/* A port, its queues and its interrupts: see shim.h. */
#include "shim.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_epoll.h>
#include <rte_ethdev.h>

int cl_port_by_name(const char *name, uint16_t *port)
{
	return rte_eth_dev_get_port_by_name(name, port);
}

/* A bit of ours, and what it is to DPDK. */
struct offload {
	uint32_t bit;
	uint64_t rx;
	uint64_t tx;
};

static const struct offload offloads[] = {
	{ CL_RX_CHECKSUM, RTE_ETH_RX_OFFLOAD_TCP_CKSUM, 0 },
	{ CL_TX_CHECKSUM, 0, RTE_ETH_TX_OFFLOAD_TCP_CKSUM },
	{ CL_TSO, 0, RTE_ETH_TX_OFFLOAD_TCP_TSO },
	{ CL_LRO, RTE_ETH_RX_OFFLOAD_TCP_LRO, 0 },
	{ CL_MULTI_SEGMENT, 0, RTE_ETH_TX_OFFLOAD_MULTI_SEGS },
	{ CL_VLAN_STRIP, RTE_ETH_RX_OFFLOAD_VLAN_STRIP, 0 },
	{ CL_VLAN_INSERT, 0, RTE_ETH_TX_OFFLOAD_VLAN_INSERT },
	{ CL_RSS_HASH, RTE_ETH_RX_OFFLOAD_RSS_HASH, 0 },
	{ CL_SCATTER, RTE_ETH_RX_OFFLOAD_SCATTER, 0 },
};
#define OFFLOADS (sizeof(offloads) / sizeof(offloads[0]))

/* What goes with an offload where the device has it. */
#define WITH_RX_CHECKSUM (RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM)
#define WITH_TX_CHECKSUM (RTE_ETH_TX_OFFLOAD_IPV4_CKSUM | RTE_ETH_TX_OFFLOAD_UDP_CKSUM)

static uint32_t offloads_of(const struct rte_eth_dev_info *device)
{
	uint32_t can = 0;

	for (size_t i = 0; i < OFFLOADS; i++) {
		const struct offload *one = &offloads[i];

		if ((device->rx_offload_capa & one->rx) == one->rx && (device->tx_offload_capa & one->tx) == one->tx)
			can |= one->bit;
	}
	return can;
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
	info->max_segments = device.tx_desc_lim.nb_seg_max;
	info->can = offloads_of(&device);
	return 0;
}

int cl_port_configure(uint16_t port, const struct cl_port_setup *setup, uint32_t *granted)
{
	struct rte_eth_dev_info device;
	struct rte_eth_conf configuration;
	int error = rte_eth_dev_info_get(port, &device);

	if (error)
		return error;
	memset(&configuration, 0, sizeof(configuration));
	*granted = setup->wanted & (offloads_of(&device) | CL_RX_INTERRUPT);
	for (size_t i = 0; i < OFFLOADS; i++) {
		if (*granted & offloads[i].bit) {
			configuration.rxmode.offloads |= offloads[i].rx;
			configuration.txmode.offloads |= offloads[i].tx;
		}
	}
	if (*granted & CL_RX_CHECKSUM)
		configuration.rxmode.offloads |= device.rx_offload_capa & WITH_RX_CHECKSUM;
	if (*granted & CL_TX_CHECKSUM)
		configuration.txmode.offloads |= device.tx_offload_capa & WITH_TX_CHECKSUM;
	if (*granted & CL_LRO)
		configuration.rxmode.max_lro_pkt_size = device.max_lro_pkt_size;
	if (setup->mtu)
		configuration.rxmode.mtu = setup->mtu;
	configuration.intr_conf.rxq = !!(*granted & CL_RX_INTERRUPT);
	if (setup->queues > 1 && device.flow_type_rss_offloads) {
		configuration.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
		configuration.rx_adv_conf.rss_conf.rss_hf = device.flow_type_rss_offloads &
			(RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP);
	}
	error = rte_eth_dev_configure(port, setup->queues, setup->queues, &configuration);
	if (error || !setup->mtu)
		return error;
	error = rte_eth_dev_set_mtu(port, setup->mtu);
	return error == -ENOTSUP ? 0 : error; /* a device that has none of its own takes what it is given */
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

int cl_port_xstats(uint16_t port, struct cl_xstat *stats, uint32_t count)
{
	int there = rte_eth_xstats_get_names(port, NULL, 0);
	struct rte_eth_xstat_name *names;
	struct rte_eth_xstat *values;

	if (there <= 0 || count == 0)
		return there;
	names = calloc(there, sizeof(*names));
	values = calloc(there, sizeof(*values));
	if (names && values && rte_eth_xstats_get_names(port, names, there) == there &&
	    rte_eth_xstats_get(port, values, there) == there) {
		for (uint32_t i = 0; i < count && i < (uint32_t)there; i++) {
			memcpy(stats[i].name, names[values[i].id].name, sizeof(stats[i].name));
			stats[i].name[sizeof(stats[i].name) - 1] = 0;
			stats[i].value = values[i].value;
		}
	} else {
		there = -ENOMEM;
	}
	free(names);
	free(values);
	return there;
}

int cl_port_link(uint16_t port, struct cl_link *link)
{
	struct rte_eth_link now;
	int error = rte_eth_link_get_nowait(port, &now);

	memset(link, 0, sizeof(*link));
	if (error)
		return error;
	link->up = now.link_status == RTE_ETH_LINK_UP;
	link->full_duplex = now.link_duplex == RTE_ETH_LINK_FULL_DUPLEX;
	link->mbit = now.link_speed == RTE_ETH_SPEED_NUM_UNKNOWN ? 0 : now.link_speed;
	return 0;
}

int cl_port_rss(uint16_t port, struct cl_rss *rss)
{
	struct rte_eth_rss_reta_entry64 table[CL_RSS_TABLE / RTE_ETH_RETA_GROUP_SIZE];
	struct rte_eth_rss_conf conf = { .rss_key = rss->key, .rss_key_len = CL_RSS_KEY };
	struct rte_eth_dev_info device;
	int error = rte_eth_dev_info_get(port, &device);

	memset(rss, 0, sizeof(*rss));
	if (error)
		return error;
	if (device.hash_key_size == 0 || device.hash_key_size > CL_RSS_KEY || device.reta_size == 0 ||
	    device.reta_size > CL_RSS_TABLE)
		return -ENOTSUP;
	conf.rss_key_len = device.hash_key_size;
	error = rte_eth_dev_rss_hash_conf_get(port, &conf);
	if (error)
		return error;
	memset(table, 0, sizeof(table));
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		table[i].mask = UINT64_MAX;
	error = rte_eth_dev_rss_reta_query(port, table, device.reta_size);
	if (error)
		return error;
	for (uint16_t i = 0; i < device.reta_size; i++)
		rss->table[i] = table[i / RTE_ETH_RETA_GROUP_SIZE].reta[i % RTE_ETH_RETA_GROUP_SIZE];
	rss->key_len = device.hash_key_size;
	rss->table_len = device.reta_size;
	return 0;
}

int cl_rx_interrupt_add(uint16_t port, uint16_t queue, int epoll)
{
	return rte_eth_dev_rx_intr_ctl_q(port, queue, epoll, RTE_INTR_EVENT_ADD, NULL);
}

int cl_rx_interrupt_arm(uint16_t port, uint16_t queue)
{
	return rte_eth_dev_rx_intr_enable(port, queue);
}

int cl_rx_interrupt_disarm(uint16_t port, uint16_t queue, int epoll)
{
	struct rte_epoll_event event;
	int error = rte_eth_dev_rx_intr_disable(port, queue);

	/* It reads from the descriptors below `epoll` as their driver has it. */
	rte_epoll_wait(epoll, &event, 1, 0);
	return error;
}
