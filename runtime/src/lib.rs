//! An async userspace networking runtime: one thread a core, its own TCP/IP.
