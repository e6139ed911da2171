use std::net::Ipv4Addr;

use super::*;

const MAC: EthernetAddress = EthernetAddress([2, 0, 0, 0, 0, 1]);

fn segment() -> Segment {
    let from = SocketAddrV4::new(Ipv4Addr::new(198, 18, 0, 1), 1024);
    Segment::new(from, SocketAddrV4::new(Ipv4Addr::new(10, 0, 0, 3), 7), 0xffff_ffff)
}

#[test]
fn what_is_forged_is_heard_as_the_same() {
    let syn = Segment { control: TcpControl::Syn, scale: Some(7), ..segment() };
    let rst = Segment { control: TcpControl::Rst, ..segment() };
    let data = Segment { ack: Some(0x8000_0000), length: 1, window: 1, ..segment() };
    for forged in [syn, rst, data] {
        assert_eq!(Segment::parse(&forged.frame(MAC, MAC)), Some(forged));
    }
    assert_eq!((syn.end(), rst.end(), data.end()), (0, 0xffff_ffff, 0));
}

#[test]
fn forged_checksums_are_right() {
    let bytes = Segment { ack: Some(5), length: 3, ..segment() }.frame(MAC, MAC);
    let frame = EthernetFrame::new_checked(&bytes[..]).expect("a frame");
    let packet = Ipv4Packet::new_checked(frame.payload()).expect("a packet");
    assert!(packet.verify_checksum());
    let segment = TcpPacket::new_checked(packet.payload()).expect("a segment");
    assert!(segment.verify_checksum(&packet.src_addr().into(), &packet.dst_addr().into()));
}

#[test]
fn other_frames_are_none() {
    let mut arp = segment().frame(MAC, MAC);
    arp[13] = 6;
    let mut udp = segment().frame(MAC, MAC);
    udp[23] = 17;
    for frame in [&arp[..], &udp, &udp[..20], &[]] {
        assert_eq!(Segment::parse(frame), None);
    }
}
