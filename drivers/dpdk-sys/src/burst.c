/* The hot functions, two calls a turn: see shim.h. */
#include "shim.h"

#include <stddef.h>
#include <string.h>

#include <rte_ethdev.h>
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_tcp.h>

#include "slot.h"

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

/* In the private area of a segment's mbuf. */
struct attachment {
	struct rte_mbuf_ext_shared_info shared;
	struct cl_sent *sent;
	uint32_t token;
};
_Static_assert(sizeof(struct attachment) <= CL_PRIVATE, "an attachment");

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
		/* Short frames are summed at once, to their end. */
		rte_prefetch0(rte_pktmbuf_mtod_offset(mbufs[i], void *, mbufs[i]->data_len));
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
	if (owner)
		rte_pktmbuf_attach_extbuf(mbuf, owner->buf_addr, rte_mbuf_iova_get(owner), owner->buf_len,
					  &attachment->shared);
	else
		rte_pktmbuf_attach_extbuf(mbuf, (void *)(uintptr_t)segment->data, RTE_BAD_IOVA, segment->len,
					  &attachment->shared);
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
