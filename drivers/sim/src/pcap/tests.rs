use std::time::Duration;

use crate::{LinkType, Pcap, SharedBuffer};

/// A capture read back: its link type, and each frame with its time.
pub(crate) struct Parsed {
    pub(crate) link_type: u32,
    pub(crate) frames: Vec<(Duration, Vec<u8>)>,
}

pub(crate) fn parse(bytes: &[u8]) -> Parsed {
    let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
    assert_eq!(word(0), 0xa1b2_3c4d);
    assert_eq!(&bytes[4..8], &[2, 0, 4, 0]);
    let (mut at, mut frames) = (24, Vec::new());
    while at < bytes.len() {
        let time = Duration::new(word(at).into(), word(at + 4));
        let len = word(at + 8) as usize;
        assert_eq!(word(at + 12) as usize, len);
        frames.push((time, bytes[at + 16..at + 16 + len].to_vec()));
        at += 16 + len;
    }
    assert_eq!(at, bytes.len());
    Parsed { link_type: word(20), frames }
}

#[test]
fn what_is_written_parses_back() {
    let buffer = SharedBuffer::default();
    let mut pcap = Pcap::new(buffer.clone(), LinkType::RawIp).unwrap();
    pcap.write(Duration::new(3, 999_999_999), b"one").unwrap();
    pcap.write(Duration::from_secs(4), b"").unwrap();
    pcap.flush().unwrap();
    let parsed = parse(&buffer.to_vec());
    assert_eq!(parsed.link_type, 101);
    assert_eq!(parsed.frames[0], (Duration::new(3, 999_999_999), b"one".to_vec()));
    assert_eq!(parsed.frames[1], (Duration::from_secs(4), Vec::new()));
}

#[test]
fn the_error_of_the_writer_comes_through() {
    let full: &mut [u8] = &mut [0; 30];
    let mut pcap = Pcap::new(full, LinkType::Ethernet).unwrap();
    assert!(pcap.write(Duration::ZERO, b"does not fit").is_err());
}
