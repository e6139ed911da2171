use corelane_nic::{Checksum, ChecksumOffload, Packet, Pool, PoolConfig, TxFrame, TxOffload};

use super::VnetHeader;

fn tcp_frame(pool: &Pool, options: usize) -> Packet {
    let mut packet = pool.take().unwrap();
    packet.extend_from_slice(&[0; 34 + 20]);
    packet[34 + 12] = ((5 + options / 4) as u8) << 4;
    packet.extend_from_slice(&vec![1; options]);
    packet
}

fn frame(headers: Packet, tso_mss: u16) -> TxFrame {
    let checksum = Some(ChecksumOffload { start: 34, offset: 16 });
    TxFrame { headers, chunks: 0, offload: TxOffload { checksum, tso_mss } }
}

#[test]
fn asks_for_what_the_frame_leaves_to_the_kernel() {
    let pool = Pool::heap(PoolConfig { slots: 4, slot_size: 256, headroom: 0, reserve: 0 });
    let plain = TxFrame { headers: tcp_frame(&pool, 0), chunks: 0, offload: TxOffload::default() };
    assert_eq!(VnetHeader::for_frame(&plain).to_bytes(), [0; 12]);

    let checksum = VnetHeader::for_frame(&frame(tcp_frame(&pool, 0), 0)).to_bytes();
    assert_eq!((checksum[0], checksum[1]), (1, 0));
    assert_eq!((&checksum[6..8], &checksum[8..10]), (&34u16.to_ne_bytes()[..], &16u16.to_ne_bytes()[..]));

    let tso = VnetHeader::for_frame(&frame(tcp_frame(&pool, 12), 1448)).to_bytes();
    assert_eq!((tso[0], tso[1]), (1, 1));
    assert_eq!(tso[2..4], (34 + 32u16).to_ne_bytes());
    assert_eq!(tso[4..6], 1448u16.to_ne_bytes());

    // Headers too short to hold a TCP header are not looked into.
    let mut short = pool.take().unwrap();
    short.extend_from_slice(&[0; 40]);
    assert_eq!(VnetHeader::for_frame(&frame(short, 1448)).hdr_len, 54);
}

#[test]
fn tells_the_state_of_a_received_checksum() {
    let state = |flags| VnetHeader::parse(&[flags, 0, 0, 0, 0, 0, 0, 0, 0, 0]).checksum();
    assert_eq!(state(0), Checksum::Unknown);
    assert_eq!(state(1), Checksum::Partial);
    assert_eq!(state(2), Checksum::Good);
    assert_eq!(state(3), Checksum::Partial);
}

#[test]
fn parses_back_what_it_writes_and_survives_short_input() {
    let header =
        VnetHeader { flags: 1, gso_type: 1, hdr_len: 66, gso_size: 1448, csum_start: 34, csum_offset: 16 };
    assert_eq!(VnetHeader::parse(&header.to_bytes()), header);
    assert_eq!(VnetHeader::parse(&header.to_bytes()[..10]), header);
    assert_eq!(VnetHeader::parse(&[]), VnetHeader::default());
}
