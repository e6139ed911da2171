/* See shim.h. The hot functions are two calls a turn; everything else is for start and stop. */
#include "shim.h"

#include <errno.h>
#include <sched.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <rte_alarm.h>
#include <rte_bus_vdev.h>
#include <rte_dev.h>
#include <rte_eal.h>
#include <rte_epoll.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_ip.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>
#include <rte_mbuf_pool_ops.h>
#include <rte_mempool.h>
#include <rte_memzone.h>
#include <rte_tcp.h>
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

static void note_rest(void *done)
{
	__atomic_store_n((int *)done, 1, __ATOMIC_RELEASE);
}

int cl_interrupts_rest(void)
{
	/* Alarms go off on the thread of the interrupts. The first one may do so ahead of what came in the same round. */
	for (int i = 0; i < 2; i++) {
		int done = 0;
		int error = rte_eal_alarm_set(1, note_rest, &done);

		if (error)
			return error;
		while (!__atomic_load_n(&done, __ATOMIC_ACQUIRE))
			sched_yield();
	}
	return 0;
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

int cl_device_probe(const char *name)
{
	return rte_dev_probe(name);
}

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

/* In the private area of a segment's mbuf. */
struct attachment {
	struct rte_mbuf_ext_shared_info shared;
	struct cl_sent *sent;
	uint32_t token;
};
_Static_assert(sizeof(struct attachment) <= CL_PRIVATE, "an attachment");

int cl_segments_create(const char *name, uint32_t count, int socket, void **pool)
{
	*pool = rte_pktmbuf_pool_create(name, count, cache_for(count), CL_PRIVATE, 0, socket);
	return *pool ? 0 : -(rte_errno ? rte_errno : ENOMEM);
}

static uint8_t checksum_of(uint64_t flags)
{
	uint64_t ip = flags & RTE_MBUF_F_RX_IP_CKSUM_MASK, l4 = flags & RTE_MBUF_F_RX_L4_CKSUM_MASK;

	if (l4 == RTE_MBUF_F_RX_L4_CKSUM_BAD || ip == RTE_MBUF_F_RX_IP_CKSUM_BAD)
		return CL_CHECKSUM_BAD;
	if (l4 == RTE_MBUF_F_RX_L4_CKSUM_NONE)
		return CL_CHECKSUM_PARTIAL;
	return l4 == RTE_MBUF_F_RX_L4_CKSUM_GOOD ? CL_CHECKSUM_GOOD : CL_CHECKSUM_UNKNOWN;
}

/* Writes a frame's buffers, each as an mbuf alone; returns how many there are. */
static uint32_t take_apart(struct rte_mbuf *mbuf, struct cl_frame *frames)
{
	uint64_t flags = mbuf->ol_flags;
	uint32_t count = 0;

	frames[0] = (struct cl_frame) {
		.hash = mbuf->hash.rss,
		.vlan = mbuf->vlan_tci,
		.has_vlan = !!(flags & RTE_MBUF_F_RX_VLAN_STRIPPED),
		.has_hash = !!(flags & RTE_MBUF_F_RX_RSS_HASH),
		.checksum = checksum_of(flags),
	};
	for (;;) {
		struct rte_mbuf *next = mbuf->next;
		struct cl_frame *frame = &frames[count++];

		frame->mbuf = mbuf;
		frame->slot = *slot_of(mbuf);
		frame->head = mbuf->data_off;
		frame->len = mbuf->data_len;
		frame->more = next != NULL;
		if (!next)
			break;
		mbuf->next = NULL;
		mbuf->nb_segs = 1;
		mbuf = next;
		memset(&frames[count], 0, sizeof(frames[count]));
	}
	return count;
}

uint32_t cl_rx_burst(uint16_t port, uint16_t queue, struct cl_frame *frames, uint16_t count, uint32_t *dropped)
{
	struct rte_mbuf *mbufs[BURST];
	uint16_t received = rte_eth_rx_burst(port, queue, mbufs, count < BURST ? count : BURST);
	uint32_t buffers = 0;

	for (uint16_t i = 0; i < received; i++)
		rte_prefetch0(slot_of(mbufs[i]));
	for (uint16_t i = 0; i < received; i++) {
		if (mbufs[i]->nb_segs > CL_MAX_SEGMENTS) {
			rte_pktmbuf_free(mbufs[i]);
			*dropped += 1;
			continue;
		}
		rte_prefetch0(rte_pktmbuf_mtod(mbufs[i], void *));
		rte_prefetch0(rte_pktmbuf_mtod_offset(mbufs[i], void *, RTE_CACHE_LINE_SIZE));
		buffers += take_apart(mbufs[i], frames + buffers);
	}
	return buffers;
}

/* The device, or DPDK at the port's end, has freed a segment's mbuf. */
static void was_sent(void *address, void *opaque)
{
	struct attachment *attachment = opaque;
	struct cl_sent *sent = attachment->sent;

	(void)address;
	sent->tokens[sent->count++] = attachment->token;
}

static struct rte_mbuf *attach(const struct cl_tx_segment *segment, void *pool, struct cl_sent *sent)
{
	struct rte_mbuf *owner = segment->mbuf, *mbuf = rte_pktmbuf_alloc(pool);
	struct attachment *attachment;

	if (!mbuf)
		return NULL;
	attachment = rte_mbuf_to_priv(mbuf);
	attachment->sent = sent;
	attachment->token = segment->token;
	attachment->shared.free_cb = was_sent;
	attachment->shared.fcb_opaque = attachment;
	rte_mbuf_ext_refcnt_set(&attachment->shared, 1);
	rte_pktmbuf_attach_extbuf(mbuf, owner->buf_addr, rte_mbuf_iova_get(owner), owner->buf_len, &attachment->shared);
	mbuf->data_off = segment->head;
	mbuf->data_len = segment->len;
	return mbuf;
}

/* What the device shall do; the checksum's field holds the pseudo header's sum, over the whole length. */
static void set_offloads(struct rte_mbuf *mbuf, const struct cl_tx_frame *frame)
{
	struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(mbuf, struct rte_ipv4_hdr *, frame->link_header);
	struct rte_tcp_hdr *tcp;

	mbuf->l2_len = frame->link_header;
	mbuf->l3_len = frame->checksum_start - frame->link_header;
	mbuf->ol_flags |= RTE_MBUF_F_TX_IPV4;
	if (frame->checksum_offset != offsetof(struct rte_tcp_hdr, cksum)) {
		mbuf->ol_flags |= RTE_MBUF_F_TX_UDP_CKSUM;
		return;
	}
	mbuf->ol_flags |= RTE_MBUF_F_TX_TCP_CKSUM;
	tcp = rte_pktmbuf_mtod_offset(mbuf, struct rte_tcp_hdr *, frame->checksum_start);
	mbuf->l4_len = (tcp->data_off >> 4) * 4;
	if (frame->mss) {
		mbuf->ol_flags |= RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_IP_CKSUM;
		mbuf->tso_segsz = frame->mss;
		ip->hdr_checksum = 0;
		tcp->cksum = rte_ipv4_phdr_cksum(ip, mbuf->ol_flags); /* without the length, as the API has it */
	}
}

/* The headers' mbuf, with the segments behind it; NULL, and all is freed, when there are too few mbufs. */
static struct rte_mbuf *build(const struct cl_tx_frame *frame, const struct cl_tx_segment *segments, void *pool,
			      struct cl_sent *sent)
{
	struct rte_mbuf *mbuf = frame->mbuf, *last = mbuf;

	mbuf->data_off = frame->head;
	mbuf->data_len = frame->len;
	mbuf->pkt_len = frame->len;
	mbuf->nb_segs = 1;
	mbuf->next = NULL;
	mbuf->ol_flags = 0;
	for (uint16_t i = 0; i < frame->segments; i++) {
		struct rte_mbuf *segment = attach(&segments[i], pool, sent);

		if (!segment) {
			for (; i < frame->segments; i++)
				sent->tokens[sent->count++] = segments[i].token;
			rte_pktmbuf_free(mbuf);
			return NULL;
		}
		last->next = segment;
		last = segment;
		mbuf->nb_segs++;
		mbuf->pkt_len += segments[i].len;
	}
	if (frame->has_vlan) {
		mbuf->ol_flags |= RTE_MBUF_F_TX_VLAN;
		mbuf->vlan_tci = frame->vlan;
	}
	if (frame->checksum_start)
		set_offloads(mbuf, frame);
	return mbuf;
}

/* Has the driver look at frames that ask something of the device, before they are sent; some drivers change the headers: so it
   is done once, and not again with what waits for the ring. Those that the device refuses are freed, and NULL afterwards. */
static void prepare(uint16_t port, uint16_t queue, struct rte_mbuf **mbufs, uint16_t count)
{
	uint16_t done = 0;

	while (done < count) {
		done += rte_eth_tx_prepare(port, queue, mbufs + done, count - done);
		if (done < count) {
			rte_pktmbuf_free(mbufs[done]);
			mbufs[done++] = NULL;
		}
	}
}

void cl_tx_build(uint16_t port, uint16_t queue, struct cl_tx_frame *frames, uint16_t count,
		 const struct cl_tx_segment *segments, void *pool, struct cl_sent *sent)
{
	struct rte_mbuf *asking[BURST];
	uint16_t places[BURST], askers = 0;

	for (uint16_t i = 0; i < count && i < BURST; i++) {
		struct rte_mbuf *mbuf = build(&frames[i], segments, pool, sent);

		frames[i].mbuf = mbuf;
		segments += frames[i].segments;
		if (mbuf && mbuf->ol_flags) {
			places[askers] = i;
			asking[askers++] = mbuf;
		}
	}
	prepare(port, queue, asking, askers);
	for (uint16_t i = 0; i < askers; i++)
		frames[places[i]].mbuf = asking[i];
}

uint16_t cl_tx_burst(uint16_t port, uint16_t queue, void **mbufs, uint16_t count)
{
	return rte_eth_tx_burst(port, queue, (struct rte_mbuf **)mbufs, count);
}
