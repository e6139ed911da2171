use super::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Wake;

#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn counter() -> (Arc<Count>, Waker) {
    let count = Arc::new(Count::default());
    (count.clone(), Waker::from(count))
}

fn woken(reactor: &mut Reactor, event: Event) -> usize {
    let waker = reactor.take(event);
    waker.into_iter().chain(std::mem::take(&mut reactor.ended)).map(Waker::wake).count()
}

#[test]
fn an_event_wakes_its_direction_once() {
    let mut reactor = Reactor::new();
    let id = SocketId::from_parts(300, 7);
    let ((reads, read), (writes, write)) = (counter(), counter());
    reactor.register(id, Direction::Read, &read);
    reactor.register(id, Direction::Write, &write);
    assert_eq!(woken(&mut reactor, Event::Readable(id)), 1);
    assert_eq!(woken(&mut reactor, Event::Readable(id)), 0, "nobody waits any more");
    assert_eq!((reads.0.load(Ordering::Relaxed), writes.0.load(Ordering::Relaxed)), (1, 0));
    assert_eq!(woken(&mut reactor, Event::Writable(id)), 1);
}

#[test]
fn the_same_task_waits_again_with_the_same_waker() {
    let mut reactor = Reactor::new();
    let id = SocketId::from_parts(300, 7);
    let (count, waker) = counter();
    reactor.register(id, Direction::Read, &waker);
    let holds = Arc::strong_count(&count);
    for round in 1..4 {
        let taken = reactor.take(Event::Readable(id)).unwrap();
        assert_eq!(woken(&mut reactor, Event::Readable(id)), 0, "it does not wait any more");
        taken.wake_by_ref();
        assert!(reactor.keep(Event::Readable(id), taken).is_none());
        assert_eq!(woken(&mut reactor, Event::Readable(id)), 0, "nor does it now");
        assert_eq!(woken(&mut reactor, Event::Closed(id)), 0);
        reactor.replaced.clear();
        reactor.register(id, Direction::Read, &waker);
        assert_eq!((count.0.load(Ordering::Relaxed), Arc::strong_count(&count)), (round, holds));
    }
    // One that came meanwhile stays, and the old one is given back to be dropped.
    let taken = reactor.take(Event::Readable(id)).unwrap();
    let (_, other) = counter();
    reactor.register(id, Direction::Read, &other);
    assert!(reactor.keep(Event::Readable(id), taken).is_some());
    assert!(reactor.take(Event::Readable(id)).unwrap().will_wake(&other));
    // Nor has a socket that is gone a place for it.
    let gone = SocketId::from_parts(300, 6);
    assert!(reactor.keep(Event::Readable(gone), other).is_some());
}

#[test]
fn the_end_of_a_connection_wakes_both_directions() {
    let mut reactor = Reactor::new();
    let id = SocketId::from_parts(0, 0);
    reactor.register(id, Direction::Read, Waker::noop());
    reactor.register(id, Direction::Write, Waker::noop());
    assert_eq!(woken(&mut reactor, Event::Closed(id)), 2);
}

#[test]
fn a_slot_that_is_used_again_has_no_old_wakers() {
    let mut reactor = Reactor::new();
    let (old, new) = (SocketId::from_parts(1, 1), SocketId::from_parts(1, 2));
    reactor.register(old, Direction::Read, Waker::noop());
    reactor.register(old, Direction::Write, Waker::noop());
    reactor.register(new, Direction::Write, Waker::noop());
    assert_eq!(reactor.replaced.len(), 2, "handed out to be dropped");
    assert_eq!(woken(&mut reactor, Event::Readable(old)), 0);
    assert_eq!(woken(&mut reactor, Event::Readable(new)), 0);
    assert_eq!(woken(&mut reactor, Event::Writable(new)), 1);
}

#[test]
fn events_of_unknown_sockets_are_ignored() {
    let mut reactor = Reactor::new();
    assert_eq!(woken(&mut reactor, Event::Readable(SocketId::from_parts(u32::MAX, 0))), 0);
    assert_eq!(woken(&mut reactor, Event::Acceptable(ListenerId::from_parts(3, 0))), 0);
}

#[test]
fn listeners_are_found_until_they_are_gone() {
    let mut reactor = Reactor::new();
    let id = ListenerId::from_parts(2, 5);
    reactor.add_listener(id);
    assert_eq!(reactor.any_listener(), Some(id));
    assert!(reactor.register_accept(id, Waker::noop()).is_none());
    assert_eq!(woken(&mut reactor, Event::Acceptable(id)), 1);
    drop(reactor.register_accept(id, Waker::noop()));
    assert!(reactor.remove_listener(id).is_some());
    assert_eq!(reactor.any_listener(), None);
    assert!(reactor.remove_listener(id).is_none());
}
