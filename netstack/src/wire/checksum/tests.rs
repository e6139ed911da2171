use super::*;
use alloc::vec;
use alloc::vec::Vec;
use proptest::prelude::*;

/// RFC 1071 as it is written: word by word, each carry at once.
fn naive(bytes: &[u8]) -> u16 {
    let mut sum = 0_u32;
    for pair in bytes.chunks(2) {
        sum += u32::from(u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or(0)]));
        if sum > 0xffff {
            sum -= 0xffff;
        }
    }
    sum as u16
}

#[test]
fn example_of_rfc_1071() {
    let bytes = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
    assert_eq!(sum(&bytes).fold(), 0xddf2);
    assert_eq!(sum(&bytes).finish(), 0x220d);
}

#[test]
fn largest_packet_of_ones_does_not_overflow() {
    assert_eq!(sum(&vec![0xff; 65_535]).fold(), naive(&vec![0xff; 65_535]));
}

#[test]
fn known_segment_is_valid() {
    // A SYN from 10.0.0.1:1 to 10.0.0.2:2, summed by hand: pseudo header 0x141d, segment 0x5005.
    let mut segment = [0, 1, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0x50, 2, 0, 0, 0, 0, 0, 0];
    let pseudo = Sum::pseudo_ipv4(Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(10, 0, 0, 2), 6, 20);
    assert_eq!(pseudo.fold(), 0x141d);
    let checksum = pseudo.add_bytes(&segment).finish();
    assert_eq!(checksum, !(0x141d + 0x5005));
    segment[16..18].copy_from_slice(&checksum.to_be_bytes());
    assert!(pseudo.add_bytes(&segment).is_valid());
    segment[3] ^= 4;
    assert!(!pseudo.add_bytes(&segment).is_valid());
}

proptest! {
    #[test]
    fn equals_the_naive_sum(bytes in prop::collection::vec(any::<u8>(), 0..4096)) {
        prop_assert_eq!(sum(&bytes).fold(), naive(&bytes));
    }

    #[test]
    fn what_is_copied_is_summed(bytes in prop::collection::vec(any::<u8>(), 0..400), room in 0_usize..400) {
        let mut to = vec![0xaa; room];
        let same = room.min(bytes.len());
        let summed = copy(&mut to, &bytes);
        prop_assert_eq!(&to[..same], &bytes[..same]);
        prop_assert!(to[same..].iter().all(|byte| *byte == 0xaa), "beyond");
        prop_assert_eq!(summed.fold(), sum(&bytes[..same]).fold());
        // And more may follow it.
        prop_assert_eq!(summed.add_bytes(b"end").fold(), sum(&bytes[..same]).add_bytes(b"end").fold());
    }

    #[test]
    fn pieces_of_any_length_add_up(bytes in prop::collection::vec(any::<u8>(), 0..512), cuts in prop::collection::vec(0_usize..512, 0..6)) {
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let pieces = cuts.windows(2).fold(Sum::default(), |s, cut| s.add_bytes(&bytes[cut[0]..cut[1]]));
        prop_assert_eq!(pieces.fold(), naive(&bytes));
    }
}
