use super::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Wake;
use std::time::Duration;

#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn at(ms: u64) -> Instant {
    Instant::ZERO + Duration::from_millis(ms)
}

#[test]
fn timers_fire_in_order_and_only_when_due() {
    let (late, soon) = (Arc::new(Count::default()), Arc::new(Count::default()));
    let mut timers = Timers::new(Instant::ZERO);
    let later = timers.insert(at(20), Some(Waker::from(late.clone())));
    let sooner = timers.insert(at(10), Some(Waker::from(soon.clone())));
    assert_eq!(timers.next_deadline(), Some(at(10)));
    assert!(timers.expire(at(9)).is_none());
    timers.expire(at(10)).unwrap().unwrap().wake();
    assert_eq!((soon.0.load(Ordering::Relaxed), late.0.load(Ordering::Relaxed)), (1, 0));
    assert!(timers.poll(sooner, Waker::noop()).0);
    assert!(!timers.poll(later, Waker::noop()).0, "and the waker is replaced");
    timers.expire(at(20)).unwrap().unwrap().wake();
    assert_eq!(late.0.load(Ordering::Relaxed), 0, "the old waker is out of the game");
}

#[test]
fn removed_timers_never_fire() {
    let mut timers = Timers::new(Instant::ZERO);
    let key = timers.insert(at(10), Some(Waker::noop().clone()));
    assert!(timers.remove(key).is_some());
    assert!(timers.remove(key).is_none());
    assert_eq!(timers.next_deadline(), None);
    assert!(timers.expire(at(100)).is_none());
    assert_eq!(timers.len(), 0);
}
