//! Which queue of the receiving end a frame goes to.

use corelane_nic::Rss;

/// Addresses and ports of a TCP segment over IPv4, as RSS hashes them; `None` for other frames, which no hash is made of.
/// `header_len`: bytes in front of the IP header.
fn flow(frame: &[u8], header_len: usize) -> Option<[u8; 12]> {
    const TCP: u8 = 6;
    if header_len > 0 && frame.get(12..14)? != [0x08, 0x00] {
        return None;
    }
    let packet = frame.get(header_len..)?;
    let ip: &[u8; 20] = packet.first_chunk()?;
    let is_fragment = u16::from_be_bytes([ip[6], ip[7]]) & 0x3fff != 0;
    if ip[0] >> 4 != 4 || ip[9] != TCP || is_fragment {
        return None;
    }
    let ports: &[u8; 4] = packet.get(usize::from(ip[0] & 15) * 4..)?.first_chunk()?;
    let mut flow = [0; 12];
    flow[..8].copy_from_slice(&ip[12..20]);
    flow[8..].copy_from_slice(ports);
    Some(flow)
}

/// The queue that a card with this key and table delivers the frame to.
pub(crate) fn queue(rss: &Rss, frame: &[u8], header_len: usize) -> u16 {
    rss.queue(flow(frame, header_len).map_or(0, |flow| rss.hash(&flow)))
}
