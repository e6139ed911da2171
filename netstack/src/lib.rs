//! A sans-I/O TCP/IP stack.
