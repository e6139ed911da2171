//! Frames that a device merged, or that are longer than one buffer.

use alloc::vec::Vec;

use corelane_nic::Packet;

/// Cuts a frame to `len` bytes; `false` when it is shorter. `rest` is scratch space, empty before and after.
pub(super) fn truncate(packet: &mut Packet, len: usize, rest: &mut Vec<Packet>) -> bool {
    if !packet.is_chained() {
        packet.truncate(len);
        return packet.len() == len;
    }
    let mut missing = len - packet.len().min(len);
    packet.truncate(len);
    split(packet, rest);
    rest.retain_mut(|part| {
        part.truncate(missing);
        missing -= part.len();
        !part.is_empty()
    });
    // From the end on, so that appending never walks a chain.
    while let Some(part) = rest.pop() {
        match rest.last_mut() {
            Some(previous) => previous.append(part),
            None => packet.append(part),
        }
    }
    missing == 0
}

/// Takes a chain apart: what follows the first packet goes to `rest`.
pub(super) fn split(packet: &mut Packet, rest: &mut Vec<Packet>) {
    let mut next = packet.split_next();
    while let Some(mut part) = next {
        next = part.split_next();
        rest.push(part);
    }
}

#[cfg(test)]
mod tests;
