use super::*;
use rustix::event::{EventfdFlags, eventfd};

#[test]
fn a_key_comes_back_from_its_word() {
    for own in [Key { slot: 0, generation: 1 }, Key { slot: u32::MAX - 1, generation: 0x7fff_ffff }] {
        assert_eq!(key(word(own)), own);
        assert_eq!(key(word(own) | LISTENER), own);
        assert_eq!(word(own) & LISTENER, 0);
        assert_ne!(word(own) | LISTENER, BELL);
    }
}

#[test]
fn a_bell_ends_a_sleep_and_is_no_event() {
    let mut events = Events::new().unwrap();
    let bell = eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC).unwrap();
    rustix::io::write(&bell, &1u64.to_ne_bytes()).unwrap();
    assert!(events.sleep(bell.as_fd(), None, || Some(Duration::from_secs(60))), "it rang already");
    assert_eq!((events.poll(), events.arrived()), (0, 1), "what the sleep has told is still there");
    assert_eq!(events.next(|_, _| None, |_| None), None);
    // It was not silenced, and is no reason to wake up again.
    assert!(events.sleep(bell.as_fd(), None, || Some(Duration::from_millis(5))));
    assert_eq!((events.poll(), events.arrived()), (1, 0));
}

#[test]
fn who_found_nothing_free_tries_again_when_something_is() {
    let mut events = Events::new().unwrap();
    let reader = SocketId::from_parts(1, 1);
    events.starve_reader(reader);
    events.starve_reader(reader);
    assert!(!events.feed_starved_readers(0));
    assert!(events.feed_starved_readers(3));
    assert_eq!(events.next(|_, _| None, |_| None), Some(Event::Readable(reader)));
    assert_eq!(events.next(|_, _| None, |_| None), None);
    let listener = ListenerId::from_parts(2, 1);
    assert!(events.starve_listener(listener), "the first is worth a line in the log");
    assert!(!events.starve_listener(listener));
    let now = Instant::ZERO;
    events.expire(now);
    assert_eq!(events.next_deadline(), Some(now + RETRY));
    events.expire(now + RETRY / 2);
    assert_eq!(events.next(|_, _| None, |_| None), None);
    events.expire(now + RETRY);
    assert_eq!(events.next(|_, _| None, |_| None), Some(Event::Acceptable(listener)));
    assert_eq!(events.next_deadline(), None);
}
