use super::*;
use alloc::vec::Vec;

fn draw(mut rng: Rng) -> Vec<u64> {
    (0..8).map(|_| rng.next_u64()).collect()
}

#[test]
fn same_secret_gives_the_same_numbers() {
    assert_eq!(draw(Rng::new(&[7; 32], 1)), draw(Rng::new(&[7; 32], 1)));
}

#[test]
fn each_byte_of_the_secret_and_the_purpose_matter() {
    let base = draw(Rng::new(&[0; 32], 0));
    assert_ne!(draw(Rng::new(&[0; 32], 1)), base);
    for i in 0..32 {
        let mut secret = [0; 32];
        secret[i] = 1;
        assert_ne!(draw(Rng::new(&secret, 0)), base, "byte {i} is ignored");
    }
}

#[test]
fn below_stays_below_and_is_even() {
    let mut rng = Rng::new(&[1; 32], 0);
    let mut counts = [0_u32; 10];
    for _ in 0..10_000 {
        counts[rng.below(10) as usize] += 1;
    }
    // The standard deviation is 30: this is five of them.
    assert!(counts.iter().all(|count| (850..1150).contains(count)), "{counts:?}");
    assert_eq!(rng.below(0), 0);
    assert_eq!(rng.below(1), 0);
    assert_eq!(Rng::new(&[1; 32], 0).next_u32(), (Rng::new(&[1; 32], 0).next_u64() >> 32) as u32);
}
