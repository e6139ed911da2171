//! VLAN tags (IEEE 802.1Q) in software, for devices that don't put them in or take them off.

use corelane_nic::Packet;

/// Bytes of the two addresses in front of the tag.
const ADDRESSES: usize = 12;
const TAG: usize = 4;
const ETHERTYPE: [u8; 2] = [0x81, 0x00];
/// The lower bits of a tag are the network's number; the others are priority and drop eligibility.
const NUMBER: u16 = 0x0fff;

/// Puts a tag in. `false` when there is no room in front, or no Ethernet header.
pub fn insert(packet: &mut Packet, tag: u16) -> bool {
    if packet.len() < ADDRESSES || packet.push_front(TAG).is_none() {
        return false;
    }
    packet.copy_within(TAG..TAG + ADDRESSES, 0);
    packet[ADDRESSES..ADDRESSES + 2].copy_from_slice(&ETHERTYPE);
    packet[ADDRESSES + 2..ADDRESSES + 4].copy_from_slice(&tag.to_be_bytes());
    true
}

/// Takes a tag off, and tells its number; `None`, and nothing changes, when there is none.
pub fn strip(packet: &mut Packet) -> Option<u16> {
    if packet.get(ADDRESSES..ADDRESSES + 2)? != ETHERTYPE {
        return None;
    }
    let tag = packet.get(ADDRESSES + 2..ADDRESSES + 4)?;
    let number = number(u16::from_be_bytes([tag[0], tag[1]]));
    packet.copy_within(0..ADDRESSES, TAG);
    packet.trim_front(TAG);
    Some(number)
}

/// The network's number in a tag.
pub fn number(tag: u16) -> u16 {
    tag & NUMBER
}

#[cfg(test)]
mod tests;
