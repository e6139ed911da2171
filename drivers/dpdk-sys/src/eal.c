/* EAL, its threads and its devices: see shim.h. */
#include "shim.h"

#include <errno.h>
#include <sched.h>

#include <rte_alarm.h>
#include <rte_bus_vdev.h>
#include <rte_dev.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_version.h>

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
