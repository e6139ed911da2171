use super::*;
use proptest::prelude::*;

fn parse(bytes: &[u8]) -> Option<TcpHeader> {
    TcpHeader::parse(bytes, &mut Blocks::default())
}

fn header() -> TcpHeader {
    let options = TcpOptions { timestamps: Some((7, 9)), ..TcpOptions::default() };
    TcpHeader {
        source_port: 1234,
        destination_port: 80,
        seq: SeqNumber(0xfffffff0),
        ack: SeqNumber(5),
        flags: Flags::ACK.with(Flags::PSH),
        window: 1000,
        checksum: 0,
        options,
        header_len: HEADER_LEN + options.encoded_len(),
    }
}

#[test]
fn reads_what_it_wrote() {
    let mut bytes = [0xaa; 32];
    header().emit(&mut bytes);
    let read = parse(&bytes).unwrap();
    assert_eq!(
        (read.source_port, read.destination_port, read.seq, read.ack),
        (1234, 80, SeqNumber(0xfffffff0), SeqNumber(5))
    );
    assert_eq!((read.flags, read.window, read.header_len), (Flags(0x18), 1000, 32));
    assert_eq!(read.options, header().options);
}

#[test]
fn refuses_bad_offsets_and_ports() {
    let mut bytes = [0; 32];
    header().emit(&mut bytes);
    for offset in [0u8, 4, 9, 15] {
        let mut bad = bytes;
        bad[12] = offset << 4;
        assert!(parse(&bad).is_none(), "data offset {offset}");
    }
    for port in [0, 2] {
        let mut bad = bytes;
        bad[port..port + 2].fill(0);
        assert!(parse(&bad).is_none());
    }
    assert!(parse(&bytes[..19]).is_none());
}

proptest! {
    #[test]
    fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
        if let Some(header) = parse(&bytes) {
            prop_assert!(header.header_len >= 20 && header.header_len <= bytes.len());
        }
    }
}
