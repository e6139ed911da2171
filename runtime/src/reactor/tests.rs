use std::cell::Cell;
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Poll, Wake};

use super::*;
use crate::core::current;
use crate::test_support::worker;

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

/// How many wakers an event wakes.
fn woken(reactor: &mut Reactor, event: Event) -> usize {
    let tasks = Tasks::default();
    reactor.tell(event, &mut tasks.waking());
    std::mem::take(&mut reactor.woken).into_iter().map(Waker::wake).count()
}

fn register(reactor: &mut Reactor, id: SocketId, direction: Direction, waker: &Waker) {
    reactor.register(id, direction, waker, &Tasks::default());
}

#[test]
fn an_event_wakes_its_direction_once() {
    let mut reactor = Reactor::new();
    let id = SocketId::from_parts(300, 7);
    let ((reads, read), (writes, write)) = (counter(), counter());
    register(&mut reactor, id, Direction::Read, &read);
    register(&mut reactor, id, Direction::Write, &write);
    assert_eq!(woken(&mut reactor, Event::Readable(id)), 1);
    assert_eq!(woken(&mut reactor, Event::Readable(id)), 0, "nobody waits any more");
    assert_eq!((reads.0.load(Ordering::Relaxed), writes.0.load(Ordering::Relaxed)), (1, 0));
    assert_eq!(woken(&mut reactor, Event::Writable(id)), 1);
}

#[test]
fn a_waker_that_waits_again_is_the_same_one() {
    let mut reactor = Reactor::new();
    let id = SocketId::from_parts(300, 7);
    let (count, waker) = counter();
    register(&mut reactor, id, Direction::Read, &waker);
    let holds = Arc::strong_count(&count);
    register(&mut reactor, id, Direction::Read, &waker);
    assert_eq!(Arc::strong_count(&count), holds);
    assert!(reactor.replaced.is_empty());
    let (_, other) = counter();
    register(&mut reactor, id, Direction::Read, &other);
    assert_eq!(reactor.replaced.len(), 1, "handed out to be dropped");
    assert_eq!(woken(&mut reactor, Event::Readable(id)), 1);
    assert_eq!(count.0.load(Ordering::Relaxed), 0, "who waited before is not woken");
}

#[test]
fn a_task_waits_by_its_key_and_takes_the_place_of_a_waker() {
    let (mut worker, _) = worker();
    let id = SocketId::from_parts(300, 7);
    let polls = Rc::new(Cell::new(0));
    let count = polls.clone();
    let (_, foreign) = counter();
    drop(worker.spawn_local(poll_fn(move |cx| {
        current::with(|inner| {
            let mut reactor = inner.reactor.borrow_mut();
            if count.get() == 0 {
                reactor.register(id, Direction::Read, &foreign, &inner.tasks);
            }
            reactor.register(id, Direction::Read, cx.waker(), &inner.tasks);
            assert_eq!(reactor.replaced.len(), usize::from(count.get() == 0));
            reactor.replaced.clear();
        });
        count.set(count.get() + 1);
        Poll::<()>::Pending
    })));
    worker.turn();
    for polled in 1..4 {
        assert_eq!(polls.get(), polled);
        let inner = worker.inner.clone();
        for _ in 0..2 {
            inner.reactor.borrow_mut().tell(Event::Readable(id), &mut inner.tasks.waking());
        }
        assert!(inner.reactor.borrow().woken.is_empty(), "no waker was made");
        assert_eq!(worker.turn().polled, 1, "two events, one poll");
    }
}

#[test]
fn the_end_of_a_connection_wakes_both_directions() {
    let mut reactor = Reactor::new();
    let id = SocketId::from_parts(0, 0);
    register(&mut reactor, id, Direction::Read, Waker::noop());
    register(&mut reactor, id, Direction::Write, Waker::noop());
    assert_eq!(woken(&mut reactor, Event::Closed(id)), 2);
}

#[test]
fn a_slot_that_is_used_again_has_no_old_wakers() {
    let mut reactor = Reactor::new();
    let (old, new) = (SocketId::from_parts(1, 1), SocketId::from_parts(1, 2));
    register(&mut reactor, old, Direction::Read, Waker::noop());
    register(&mut reactor, old, Direction::Write, Waker::noop());
    register(&mut reactor, new, Direction::Write, Waker::noop());
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
    reactor.register_accept(id, Waker::noop(), &Tasks::default());
    assert_eq!(woken(&mut reactor, Event::Acceptable(id)), 1);
    reactor.register_accept(id, Waker::noop(), &Tasks::default());
    assert!(reactor.remove_listener(id).is_some());
    assert_eq!(reactor.any_listener(), None);
    assert!(reactor.remove_listener(id).is_none());
}
