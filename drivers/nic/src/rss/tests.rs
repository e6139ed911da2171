use super::*;

/// The key and the values of Microsoft's "Verifying the RSS hash calculation".
const KEY: [u8; 40] = [
    0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0, 0xd0,
    0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42,
    0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa,
];

fn input(source: [u8; 4], source_port: u16, destination: [u8; 4], destination_port: u16) -> Vec<u8> {
    let ports = [source_port.to_be_bytes(), destination_port.to_be_bytes()].concat();
    [source.to_vec(), destination.to_vec(), ports].concat()
}

#[test]
fn hashes_are_those_of_the_specification() {
    let rss = Rss { key: KEY.to_vec(), table: vec![0, 1] };
    let hash = |input: Vec<u8>| rss.hash(&input);
    assert_eq!(hash(input([66, 9, 149, 187], 2794, [161, 142, 100, 80], 1766)), 0x51cc_c178);
    assert_eq!(hash(input([199, 92, 111, 2], 14230, [65, 69, 140, 83], 4739)), 0xc626_b0ea);
    assert_eq!(hash(input([24, 19, 198, 95], 12898, [12, 22, 207, 184], 38024)), 0x5c2b_394a);
    // Addresses alone.
    assert_eq!(hash(vec![66, 9, 149, 187, 161, 142, 100, 80]), 0x323e_8fc2);
}

#[test]
fn the_low_bits_choose_the_queue() {
    let rss = Rss { key: KEY.to_vec(), table: vec![4, 5, 6, 7] };
    assert_eq!((rss.queue(0), rss.queue(7), rss.queue(u32::MAX - 1)), (4, 7, 6));
    assert_eq!(Rss { key: Vec::new(), table: Vec::new() }.queue(3), 0);
    assert_eq!(Rss { key: Vec::new(), table: vec![9] }.hash(&[1, 2, 3]), 0, "a key of nothing");
}
