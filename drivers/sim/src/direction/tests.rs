use corelane_nic::ChecksumOffload;

use super::{fill_checksum, flip_bits};

fn sum(bytes: &[u8]) -> u16 {
    let total: u64 = bytes.chunks(2).map(|p| u64::from(p[0]) * 256 + p.get(1).map_or(0, |&b| b.into())).sum();
    let folded = (total & 0xffff) + (total >> 16);
    ((folded & 0xffff) + (folded >> 16)) as u16
}

#[test]
fn every_damage_shows_in_the_internet_checksum() {
    let mut rng = crate::Rng::new(3);
    for len in 1..200 {
        let frame: Vec<u8> = (0..len).map(|_| rng.next_u64() as u8).collect();
        let mut damaged = frame.clone();
        flip_bits(&mut damaged, rng.next_u64());
        assert_ne!(sum(&frame) % 0xffff, sum(&damaged) % 0xffff, "{len} bytes");
    }
    flip_bits(&mut [], 1);
}

#[test]
fn damage_reaches_the_first_and_the_last_bit() {
    let mut rng = crate::Rng::new(4);
    let mut touched = [0u8; 8];
    for _ in 0..1000 {
        flip_bits(&mut touched, rng.next_u64() & !(0x7fff << 49)); // one bit each
    }
    let mut seen = [0u8; 8];
    for _ in 0..1000 {
        let mut frame = [0u8; 8];
        flip_bits(&mut frame, rng.next_u64() & !(0x7fff << 49));
        assert_eq!(frame.iter().map(|b| b.count_ones()).sum::<u32>(), 1);
        seen.iter_mut().zip(frame).for_each(|(s, f)| *s |= f);
    }
    assert_eq!(seen, [0xff; 8]);
}

#[test]
fn a_filled_in_checksum_makes_the_sum_come_out() {
    for len in [20, 21, 64, 65] {
        let mut frame: Vec<u8> = (0..len).collect();
        fill_checksum(&mut frame, ChecksumOffload { start: 4, offset: 6 });
        // The field held 10 * 256 + 11 as the sum of the pseudo header: it is part of what the receiver adds.
        let pseudo = 10 * 256 + 11;
        let total = u32::from(sum(&frame[4..])) + pseudo;
        assert_eq!((total & 0xffff) + (total >> 16), 0xffff, "{len} bytes");
    }
    for offload in
        [ChecksumOffload { start: 60_000, offset: 60_000 }, ChecksumOffload { start: 0, offset: 19 }]
    {
        let mut frame = [1; 20];
        fill_checksum(&mut frame, offload);
        assert_eq!(frame, [1; 20]);
    }
}
