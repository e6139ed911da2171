//! What IP hands to the transport.

use core::net::Ipv4Addr;

use corelane_nic::{Checksum, Packet};

use crate::wire::icmp::IcmpError;

/// A received packet that concerns TCP.
#[derive(Debug)]
pub(crate) enum Received {
    /// A segment. `destination` is ours, and `source` can be a host.
    Tcp {
        source: Ipv4Addr,
        destination: Ipv4Addr,
        /// From the TCP header on, cut to what the IP header says; a merged frame is a chain, whose first packet
        /// holds at least 20 bytes.
        packet: Packet,
        /// What the device says of the TCP checksum.
        checksum: Checksum,
        /// The two bits of RFC 3168.
        ecn: u8,
    },
    /// An ICMP error that quotes a segment from one of our addresses. Whoever sent it may lie about all the rest: TCP
    /// looks the flow up and compares the sequence number (RFC 5927).
    TcpError { error: IcmpError, local: (Ipv4Addr, u16), remote: (Ipv4Addr, u16), sequence: u32 },
}
