use super::*;

#[test]
fn the_earliest_counts_and_fires_once() {
    let at = Instant::from_nanos;
    let mut timers = Timers::new();
    assert_eq!(timers.next(), None);
    timers.set(Timer::Keepalive, at(50));
    timers.set(Timer::DelayedAck, at(20));
    assert_eq!(timers.next(), Some(at(20)));
    assert!(!timers.fired(Timer::DelayedAck, at(19)));
    assert!(timers.fired(Timer::DelayedAck, at(20)) && !timers.fired(Timer::DelayedAck, at(20)));
    assert_eq!(timers.next(), Some(at(50)));
    timers.clear_all();
    assert!(!timers.is_set(Timer::Keepalive));
}
