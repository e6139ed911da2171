//! The parts as loom has them. It runs a model in all orders that its threads can take.

use std::collections::VecDeque;

use loom::sync::atomic::{AtomicBool, Ordering, fence};
use loom::sync::{Condvar, Mutex};

use super::{Bell, Flag, Lock, Parts, Queue, Ring};

pub(crate) struct Loom;

impl Parts for Loom {
    type Flag = AtomicBool;
    type Queue<T> = LockedQueue<T>;
    type Ring<T> = BoundedQueue<T>;
    type Lock<T: Default> = Mutex<T>;
    type Bell = Counter;

    fn fence() {
        fence(Ordering::SeqCst);
    }
}

impl Flag for AtomicBool {
    fn load(&self) -> bool {
        AtomicBool::load(self, Ordering::SeqCst)
    }

    fn load_relaxed(&self) -> bool {
        AtomicBool::load(self, Ordering::Relaxed)
    }

    fn store(&self, value: bool) {
        AtomicBool::store(self, value, Ordering::SeqCst);
    }

    fn swap(&self, value: bool) -> bool {
        AtomicBool::swap(self, value, Ordering::SeqCst)
    }
}

/// crossbeam's queue, as far as its promises go.
pub(crate) struct LockedQueue<T>(Mutex<VecDeque<T>>);

impl<T> Default for LockedQueue<T> {
    fn default() -> LockedQueue<T> {
        LockedQueue(Mutex::new(VecDeque::new()))
    }
}

impl<T> Queue<T> for LockedQueue<T> {
    fn push(&self, value: T) {
        self.0.lock().unwrap().push_back(value);
    }

    fn pop(&self) -> Option<T> {
        self.0.lock().unwrap().pop_front()
    }
}

/// eventfd(2): a count that a read takes back to zero.
#[derive(Default)]
pub(crate) struct Counter {
    count: Mutex<u64>,
    changed: Condvar,
}

impl Counter {
    /// poll(2).
    pub(crate) fn wait(&self) {
        let mut count = self.count.lock().unwrap();
        while *count == 0 {
            count = self.changed.wait(count).unwrap();
        }
    }
}

impl Bell for Counter {
    fn ring(&self) {
        *self.count.lock().unwrap() += 1;
        self.changed.notify_one();
    }

    fn silence(&self) {
        *self.count.lock().unwrap() = 0;
    }
}

/// As `LockedQueue`, with an end.
pub(crate) struct BoundedQueue<T> {
    queue: LockedQueue<T>,
    len: usize,
}

impl<T> Ring<T> for BoundedQueue<T> {
    fn new(len: usize) -> BoundedQueue<T> {
        BoundedQueue { queue: LockedQueue::default(), len }
    }

    fn push(&self, value: T) -> Result<(), T> {
        let mut queue = self.queue.0.lock().unwrap();
        if queue.len() == self.len {
            return Err(value);
        }
        queue.push_back(value);
        Ok(())
    }

    fn pop(&self) -> Option<T> {
        self.queue.pop()
    }

    fn is_empty(&self) -> bool {
        self.queue.0.lock().unwrap().is_empty()
    }
}

impl<T: Default> Lock<T> for Mutex<T> {
    fn with<R>(&self, f: impl FnOnce(&mut T) -> R) -> R {
        f(&mut self.lock().unwrap())
    }
}

/// Runs `test` in all orders with up to so many preemptions, or as LOOM_MAX_PREEMPTIONS says.
pub(crate) fn model(preemptions: usize, test: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound.get_or_insert(preemptions);
    builder.check(test);
}
