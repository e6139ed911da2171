use super::*;

#[test]
fn the_queue_holds_a_bandwidth_delay_product_and_a_hundred_frames_at_least() {
    let queue = |ms| Network::new(0.0, Duration::from_millis(ms), Disorder::Off, 100).queue();
    assert_eq!(queue(0), 100);
    assert_eq!(queue(10), 100); // 125,000 bytes are 82 frames
    assert_eq!(queue(100), 825);
}

#[test]
fn half_of_the_round_trip_time_is_each_directions() {
    let flags = Network::new(0.1, Duration::from_millis(100), Disorder::On, 100).flags();
    for flag in ["--loss=0.1", "--delay=50", "--reorder=1", "--reorder-delay=11", "--duplicate=1"] {
        assert!(flags.contains(&flag.to_owned()), "{flag} isn't in {flags:?}");
    }
    let flags = Network::new(0.0, Duration::ZERO, Disorder::Off, 100).flags();
    assert!(!flags.iter().any(|flag| flag.contains("reorder") || flag.contains("duplicate")), "{flags:?}");
}
