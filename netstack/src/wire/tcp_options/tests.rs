extern crate std;
use super::{FastOpenCookie, TcpOptions, emit_sack, sack_len};
use crate::tcp::sack::{Blocks, SackList};
use crate::tcp::seq::SeqNumber;
use proptest::prelude::*;
use std::vec;
use std::vec::Vec;

fn parse(bytes: &[u8]) -> TcpOptions {
    TcpOptions::parse(bytes, &mut Blocks::default())
}

#[test]
fn linux_syn_order() {
    let options = TcpOptions {
        mss: Some(1460),
        sack_permitted: true,
        timestamps: Some((1, 0)),
        window_scale: Some(7),
        ..TcpOptions::default()
    };
    let mut bytes = [0; 20];
    assert_eq!(options.encoded_len(), 20);
    options.emit(&mut bytes);
    assert_eq!(bytes, [2, 4, 5, 180, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7]);
    assert_eq!(parse(&bytes), options);
}

#[test]
fn sack_blocks_beside_timestamps() {
    let options = TcpOptions { timestamps: Some((1, 2)), ..TcpOptions::default() };
    let mut sack = SackList::default();
    for start in [10, 20, 30, 40] {
        sack.add(SeqNumber(start), SeqNumber(start + 5));
    }
    assert_eq!(sack_len(&sack), 36, "four fit without timestamps");
    sack.truncate(3);
    let mut bytes = [0; 40];
    assert_eq!(options.encoded_len() + sack_len(&sack), 40);
    options.emit(&mut bytes[..12]);
    emit_sack(&sack, &mut bytes[12..]);
    assert_eq!(bytes[12..24], [1, 1, 5, 26, 0, 0, 0, 40, 0, 0, 0, 45]);
    let mut blocks = Blocks::default();
    let read = TcpOptions::parse(&bytes, &mut blocks);
    assert_eq!((read.malformed, read.timestamps), (false, Some((1, 2))));
    let blocks: Vec<_> = blocks.as_slice().iter().map(|(from, to)| (from.0, to.0)).collect();
    assert_eq!(blocks, [(40, 45), (30, 35), (20, 25)]);
    assert!(parse(&[5, 9, 0, 0, 0, 1, 0, 0, 0, 0]).malformed, "half a block");
    assert_eq!(sack_len(&SackList::default()), 0);
}

#[test]
fn unknown_options_are_skipped_by_length() {
    let options = parse(&[254, 6, 1, 2, 3, 4, 1, 2, 4, 2, 24, 0]);
    assert_eq!((options.mss, options.malformed), (Some(536), false));
}

#[test]
fn illegal_lengths_end_parsing() {
    for bad in [&[2, 0, 5, 180][..], &[2, 1, 5, 180], &[2, 255, 5, 180], &[8], &[2, 4, 5]] {
        assert!(parse(bad).malformed, "{bad:?}");
    }
    let wrong_size = parse(&[2, 3, 5, 3, 3, 7]);
    assert!(wrong_size.malformed && wrong_size.mss.is_none() && wrong_size.window_scale == Some(7));
}

#[test]
fn a_window_scale_beyond_14_is_14() {
    assert_eq!(parse(&[3, 3, 255, 0]).window_scale, Some(14));
}

proptest! {
    #[test]
    fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..41)) {
        let _ = parse(&bytes);
    }

    #[test]
    fn round_trip(mss: Option<u16>, scale in proptest::option::of(0u8..15), sack_permitted: bool, timestamps: Option<(u32, u32)>) {
        let options = TcpOptions { mss, window_scale: scale, sack_permitted, timestamps, ..TcpOptions::default() };
        let mut bytes = vec![0; options.encoded_len()];
        options.emit(&mut bytes);
        prop_assert_eq!(bytes.len() % 4, 0);
        prop_assert_eq!(parse(&bytes), options);
    }
}

#[test]
fn fast_open_cookies_and_what_is_none() {
    let options = |cookie: &[u8]| TcpOptions {
        mss: Some(1460),
        sack_permitted: true,
        timestamps: Some((1, 0)),
        window_scale: Some(7),
        fast_open: FastOpenCookie::new(cookie),
        ..TcpOptions::default()
    };
    for (len, encoded) in [(0, 4), (4, 8), (6, 8), (8, 12), (16, 20)] {
        let cookie: Vec<u8> = (1..=len).collect();
        let options = options(&cookie);
        assert!(options.fast_open.is_some_and(|cookie| cookie.is_request() == (len == 0)));
        let mut bytes = vec![0; options.encoded_len()];
        assert_eq!(bytes.len(), 20 + encoded, "with a cookie of {len} bytes");
        options.emit(&mut bytes);
        assert_eq!(bytes[20..22], [34, 2 + len]);
        assert_eq!(parse(&bytes), options);
    }
    for len in [2, 3, 5, 7, 15, 17, 18] {
        let mut bytes = vec![34, 2 + len];
        bytes.extend(vec![9; usize::from(len)]);
        let parsed = parse(&bytes);
        assert_eq!((parsed.fast_open, parsed.malformed), (None, false), "no cookie is {len} bytes long");
    }
}
