//! What the bytes of a header mean. Parsing never panics and never allocates.

pub(crate) mod arp;
pub(crate) mod checksum;
pub(crate) mod ethernet;
pub(crate) mod icmp;
pub(crate) mod ipv4;
pub(crate) mod plain;
pub(crate) mod tcp;
pub(crate) mod tcp_options;
