//! ARP for IPv4 over Ethernet (RFC 826). Cold: the bytes are read and written by smoltcp.

use core::net::Ipv4Addr;

use corelane_nic::MacAddress;
use smoltcp::wire::{ArpOperation, ArpPacket, ArpRepr, EthernetAddress};

/// Bytes of a packet.
pub(crate) const LEN: usize = 28;

/// What the sender wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    Request,
    Reply,
}

/// An ARP packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Arp {
    pub(crate) operation: Operation,
    pub(crate) sender_mac: MacAddress,
    pub(crate) sender: Ipv4Addr,
    /// Without meaning in a request.
    pub(crate) target_mac: MacAddress,
    pub(crate) target: Ipv4Addr,
}

impl Arp {
    /// `None` for what is too short, for other media and protocols, and for other operations.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Arp> {
        let repr = ArpRepr::parse(&ArpPacket::new_checked(bytes).ok()?).ok()?;
        let ArpRepr::EthernetIpv4 {
            operation,
            source_hardware_addr,
            source_protocol_addr,
            target_hardware_addr,
            target_protocol_addr,
        } = repr
        else {
            return None;
        };
        let operation = match operation {
            ArpOperation::Request => Operation::Request,
            ArpOperation::Reply => Operation::Reply,
            ArpOperation::Unknown(_) => return None,
        };
        Some(Arp {
            operation,
            sender_mac: MacAddress(source_hardware_addr.0),
            sender: source_protocol_addr,
            target_mac: MacAddress(target_hardware_addr.0),
            target: target_protocol_addr,
        })
    }

    /// The packet as it goes over the wire.
    pub(crate) fn to_bytes(self) -> [u8; LEN] {
        let repr = ArpRepr::EthernetIpv4 {
            operation: match self.operation {
                Operation::Request => ArpOperation::Request,
                Operation::Reply => ArpOperation::Reply,
            },
            source_hardware_addr: EthernetAddress(self.sender_mac.0),
            source_protocol_addr: self.sender,
            target_hardware_addr: EthernetAddress(self.target_mac.0),
            target_protocol_addr: self.target,
        };
        let mut bytes = [0; LEN];
        repr.emit(&mut ArpPacket::new_unchecked(&mut bytes));
        bytes
    }
}

#[cfg(test)]
mod tests;
