/* What corelane calls of DPDK. All of DPDK's own types stay on the C side; src/lib.rs declares the same in Rust. */
#ifndef CORELANE_DPDK_SHIM_H
#define CORELANE_DPDK_SHIM_H

#include <stdint.h>

/* Bytes at the end of each mbuf's header that are ours: they hold the number of its slot. */
#define CL_PRIVATE 64

/* What cl_rx_burst says of a frame's checksum. */
enum { CL_CHECKSUM_UNKNOWN, CL_CHECKSUM_GOOD, CL_CHECKSUM_BAD };

/* A frame: received, or to be sent. */
struct cl_frame {
	void *mbuf;
	uint32_t slot;
	uint32_t head; /* where the data start, from the buffer's first byte */
	uint32_t len;
	uint32_t hash;
	uint8_t checksum;
	uint8_t has_hash;
	uint8_t segments; /* more than one: the frame is not whole in this buffer */
	uint8_t padding;
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
	uint64_t rx_offloads; /* that the device can do */
	uint64_t tx_offloads;
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
/* 1: it is registered now; 0: it was before. */
int cl_thread_register(void);
void cl_thread_unregister(void);
int cl_vdev_add(const char *name, const char *args);
int cl_vdev_remove(const char *name);

int cl_port_by_name(const char *name, uint16_t *port);
int cl_port_info(uint16_t port, struct cl_port_info *info);
/* Queues of each kind; MTU 0 leaves the device's own. Received checksums are verified where the device can. */
int cl_port_configure(uint16_t port, uint16_t queues, uint16_t mtu);
int cl_port_rx_queue(uint16_t port, uint16_t queue, uint16_t *descriptors, void *pool);
int cl_port_tx_queue(uint16_t port, uint16_t queue, uint16_t *descriptors);
int cl_port_start(uint16_t port);
int cl_port_stop(uint16_t port);
int cl_port_close(uint16_t port);
int cl_port_stats(uint16_t port, struct cl_port_stats *stats);

/* A pool of `count` mbufs with `room` bytes each. The buffer of slot i is at buffers[i], its mbuf at mbufs[i].
   EPROTO: the library that is loaded lays mbufs out otherwise than the headers that this was compiled with. */
int cl_pool_create(const char *name, uint32_t count, uint16_t room, int socket, void **pool, void **mbufs, void **buffers);
void cl_pool_free(void *pool);
/* Takes `count` mbufs, or none. */
int cl_pool_take(void *pool, void **mbufs, uint32_t *slots, uint32_t count);
void cl_pool_give(void **mbufs, uint32_t count);

uint16_t cl_rx_burst(uint16_t port, uint16_t queue, struct cl_frame *frames, uint16_t count);
/* Sends a prefix, and returns how many. */
uint16_t cl_tx_burst(uint16_t port, uint16_t queue, const struct cl_frame *frames, uint16_t count);

#endif
