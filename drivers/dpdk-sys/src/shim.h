/* What corelane calls of DPDK. All of DPDK's own types stay on the C side; src/lib.rs declares the same in Rust. */
#ifndef CORELANE_DPDK_SHIM_H
#define CORELANE_DPDK_SHIM_H

#include <stdint.h>

/* Bytes behind each mbuf's header that are ours at least: they hold the number of its slot. */
#define CL_PRIVATE 64

/* What cl_rx_burst says of a frame's checksum. PARTIAL: the sum of the pseudo header alone, as the frame never left this machine. */
enum { CL_CHECKSUM_UNKNOWN, CL_CHECKSUM_GOOD, CL_CHECKSUM_BAD, CL_CHECKSUM_PARTIAL };

/* A buffer of a received frame: a frame is one of them, or several in a row. */
struct cl_frame {
	void *mbuf;
	uint32_t slot;
	uint32_t head; /* where the data start, from the buffer's first byte */
	uint32_t len;
	uint32_t hash;
	uint16_t vlan; /* that the device took off */
	uint8_t has_vlan;
	uint8_t has_hash;
	uint8_t checksum;
	uint8_t more; /* the next buffer is of the same frame */
	uint16_t padding;
};

/* A frame to be sent: headers in a buffer of their own, and payload in the next `segments` of a list. */
struct cl_tx_frame {
	void *mbuf;
	uint32_t head;
	uint32_t len;
	uint16_t segments;
	uint16_t checksum_start; /* of the TCP or UDP header, from the frame's first byte; 0: nothing to fill in */
	uint16_t checksum_offset;
	uint16_t mss; /* 0: not to be cut */
	uint16_t vlan; /* for the device to put in */
	uint8_t has_vlan;
	uint8_t link_header; /* bytes in front of the IP header, if there is a checksum to fill in */
	uint8_t padding[4];
};

/* A part of a buffer that stays with its owner. The token comes back in cl_sent when the device is done with it. */
struct cl_tx_segment {
	void *mbuf; /* whose buffer it is; NULL: it lies at `data`, in memory that DPDK knows nothing of */
	const void *data;
	uint32_t head;
	uint32_t len;
	uint32_t token;
	uint32_t padding;
};

/* The tokens of segments that were sent, with room for as many as there are mbufs for segments. */
struct cl_sent {
	uint32_t *tokens;
	uint32_t count;
	uint32_t padding;
};

/* Bits of what a port shall do in the stack's place. */
enum {
	CL_RX_CHECKSUM = 1, CL_TX_CHECKSUM = 2, CL_TSO = 4, CL_LRO = 8, CL_MULTI_SEGMENT = 16, CL_VLAN_STRIP = 32,
	CL_VLAN_INSERT = 64, CL_RSS_HASH = 128, CL_RX_INTERRUPT = 256, CL_SCATTER = 512,
};

/* How a port is set up. */
struct cl_port_setup {
	uint16_t queues; /* of each kind */
	uint16_t mtu; /* 0: the device's own */
	uint32_t wanted; /* of the bits above; those that the device can't do are left out */
};

/* The most bytes of an RSS key, and entries of a table, that are read back. */
#define CL_RSS_KEY 64
#define CL_RSS_TABLE 512

struct cl_rss {
	uint8_t key[CL_RSS_KEY];
	uint32_t key_len; /* 0: the device does not tell */
	uint32_t table_len;
	uint16_t table[CL_RSS_TABLE];
};

struct cl_link {
	uint32_t mbit; /* 0: unknown */
	uint8_t up;
	uint8_t full_duplex;
	uint16_t padding;
};

/* A counter of the device, by the name that its driver gives. */
struct cl_xstat {
	char name[64];
	uint64_t value;
};

struct cl_port_info {
	char driver[32];
	uint8_t mac[6];
	uint16_t mtu;
	uint16_t max_mtu;
	uint16_t max_rx_queues;
	uint16_t max_tx_queues;
	uint16_t padding;
	int32_t socket;
	uint32_t can; /* bits of what the device can do; of CL_RX_INTERRUPT nothing is known before it is tried */
	uint16_t max_segments; /* of a frame to be sent; 0: no limit is told */
	uint16_t tail;
};

struct cl_port_stats {
	uint64_t rx_missed; /* no room in the ring */
	uint64_t rx_no_buffer;
	uint64_t rx_errors;
	uint64_t tx_errors;
};

/* Errors are negative numbers of errno.h throughout. */
const char *cl_version(void);
const char *cl_strerror(int error);
int cl_eal_init(int argc, char **argv);
/* Waits until EAL's thread of interrupts has handled those that have come. Not to be called by that thread. */
int cl_interrupts_rest(void);
/* 1: it is registered now; 0: it was before. */
int cl_thread_register(void);
void cl_thread_unregister(void);
int cl_vdev_add(const char *name, const char *args);
int cl_vdev_remove(const char *name);
/* Has EAL take a device that it did not look for when it started: a PCI address. */
int cl_device_probe(const char *name);

int cl_port_by_name(const char *name, uint16_t *port);
int cl_port_info(uint16_t port, struct cl_port_info *info);
/* `granted` are the bits that it does now. */
int cl_port_configure(uint16_t port, const struct cl_port_setup *setup, uint32_t *granted);
int cl_port_rx_queue(uint16_t port, uint16_t queue, uint16_t *descriptors, void *pool);
int cl_port_tx_queue(uint16_t port, uint16_t queue, uint16_t *descriptors);
int cl_port_start(uint16_t port);
int cl_port_stop(uint16_t port);
int cl_port_close(uint16_t port);
int cl_port_stats(uint16_t port, struct cl_port_stats *stats);
/* Fills at most `count`, and returns how many there are. */
int cl_port_xstats(uint16_t port, struct cl_xstat *stats, uint32_t count);
int cl_port_link(uint16_t port, struct cl_link *link);
int cl_port_rss(uint16_t port, struct cl_rss *rss);
/* Has `epoll`, an epoll descriptor, say that frames arrive on a queue, or no longer. */
int cl_rx_interrupt_add(uint16_t port, uint16_t queue, int epoll);
int cl_rx_interrupt_arm(uint16_t port, uint16_t queue);
/* Forgets what was said. */
int cl_rx_interrupt_disarm(uint16_t port, uint16_t queue, int epoll);

/* A pool of `count` mbufs with `room` bytes each, which start `shift` bytes, a multiple of 8, behind the start of a cache line. The buffer of slot i is at buffers[i], its mbuf at mbufs[i].
   Unless `packed` is 0, each takes so many bytes with all that belongs to it, and they lie one behind the other from the start of
   a page: for devices that use no physical addresses.
   EPROTO: the library that is loaded lays mbufs out otherwise than the headers that this was compiled with. */
int cl_pool_create(const char *name, uint32_t count, uint16_t room, uint16_t shift, uint16_t packed, int socket, void **pool,
		   void **mbufs, void **buffers);
void cl_pool_free(void *pool);
/* Takes `count` mbufs, or none. */
int cl_pool_take(void *pool, void **mbufs, uint32_t *slots, uint32_t count);
void cl_pool_give(void **mbufs, uint32_t count);
/* Copies the data of a mbuf alone; returns how many bytes there are, and 0 when they are more than `room`. */
uint32_t cl_mbuf_read(void *mbuf, void *to, uint32_t room);
/* Leaves nothing of the pool with the calling thread. */
void cl_pool_flush(void *pool);
/* A pool of mbufs without buffers, for segments. */
int cl_segments_create(const char *name, uint32_t count, int socket, void **pool);

/* The most buffers of a frame; a longer one is dropped and counted. */
#define CL_MAX_SEGMENTS 64
/* Receives at most `count` frames, in at most `count` * CL_MAX_SEGMENTS buffers; returns how many buffers. */
uint32_t cl_rx_burst(uint16_t port, uint16_t queue, struct cl_frame *frames, uint16_t count, uint32_t *dropped);
/* Makes mbufs of frames; each is its headers' mbuf afterwards, or NULL where the device refuses it for good. */
void cl_tx_build(uint16_t port, uint16_t queue, struct cl_tx_frame *frames, uint16_t count,
		 const struct cl_tx_segment *segments, void *pool, struct cl_sent *sent);
/* Sends a prefix of the mbufs, and returns how many. */
uint16_t cl_tx_burst(uint16_t port, uint16_t queue, void **mbufs, uint16_t count);

#endif
