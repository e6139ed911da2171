use crate::Rng;

#[test]
fn gives_the_published_numbers() {
    // The reference sequence of splitmix64 for the seed 1234567.
    let mut rng = Rng::new(1_234_567);
    assert_eq!(rng.next_u64(), 6_457_827_717_110_365_317);
    assert_eq!(rng.next_u64(), 3_203_168_211_198_807_973);
    assert_eq!(rng.next_u64(), 9_817_491_932_198_370_423);
}

#[test]
fn stays_within_its_limits() {
    let mut rng = Rng::new(7);
    let mut seen = [0u32; 10];
    for _ in 0..10_000 {
        seen[rng.below(10) as usize] += 1;
        let f = rng.fraction();
        assert!((0.0..1.0).contains(&f));
    }
    assert_eq!(rng.below(0), 0);
    assert!(seen.iter().all(|&n| (800..1200).contains(&n)), "{seen:?}");
}
