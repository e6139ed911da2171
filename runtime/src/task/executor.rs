//! The tasks of a worker, and its run queue.

use std::cell::{Cell, RefCell, RefMut};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::{RawWakerVTable, Waker};

use crate::core::budget::Budget;
use crate::core::clock::Clock;
use crate::task::future::LocalTask;
use crate::task::header::TaskKey;
use crate::task::stall::Stalls;

/// A place for a task.
struct Slot {
    /// `None` while it is polled, and when there is none.
    task: Option<LocalTask>,
    /// Names the task in it, and is another when that has ended.
    key: TaskKey,
    is_queued: bool,
    is_cancelled: bool,
}

impl Slot {
    fn new(key: TaskKey) -> Slot {
        Slot { task: None, key, is_queued: false, is_cancelled: false }
    }
}

/// First in, first out: who was woken waits until those before have run, and their places are used again all at once. A `VecDeque`'s
/// checks for its end, at both of its ends, were some 30 instructions an echo.
#[derive(Default)]
struct RunQueue {
    /// What has ended meanwhile is passed over.
    running: Vec<TaskKey>,
    /// How many of them have run.
    ran: usize,
    woken: Vec<TaskKey>,
}

impl RunQueue {
    #[inline(always)]
    fn push(&mut self, key: TaskKey) {
        self.woken.push(key);
    }

    #[inline(always)]
    fn pop(&mut self) -> Option<TaskKey> {
        let key = match self.running.get(self.ran) {
            Some(key) => *key,
            None => self.turn_over()?,
        };
        self.ran += 1;
        Some(key)
    }

    /// Those that were woken since run now. Gives the first of them.
    #[inline(never)]
    fn turn_over(&mut self) -> Option<TaskKey> {
        self.running.clear();
        self.ran = 0;
        std::mem::swap(&mut self.running, &mut self.woken);
        self.running.first().copied()
    }

    fn is_empty(&self) -> bool {
        self.ran == self.running.len() && self.woken.is_empty()
    }
}

/// Not a `slab`: what that checks beside the generation was some 35 instructions an echo.
#[derive(Default)]
struct List {
    queue: RunQueue,
    slots: Vec<Slot>,
    free: Vec<u32>,
}

impl List {
    #[inline]
    fn get(&mut self, key: TaskKey) -> Option<&mut Slot> {
        self.slots.get_mut(key.slot() as usize).filter(|slot| slot.key == key)
    }

    #[inline(always)]
    fn wake(&mut self, key: TaskKey) {
        if let Some(slot) = self.get(key)
            && !std::mem::replace(&mut slot.is_queued, true)
        {
            self.queue.push(key);
        }
    }

    fn insert(&mut self) -> (TaskKey, &mut Slot) {
        let index = self.free.pop().unwrap_or_else(|| {
            let index = self.slots.len() as u32; // memory ends before
            self.slots.push(Slot::new(TaskKey::new(index, 0)));
            index
        });
        let slot = &mut self.slots[index as usize];
        (slot.key, slot)
    }

    /// The next task to poll, and whether to cancel it instead.
    #[inline]
    fn next(&mut self) -> Option<(TaskKey, LocalTask, bool)> {
        loop {
            let key = self.queue.pop()?;
            let Some(slot) = self.get(key) else { continue };
            slot.is_queued = false;
            let is_cancelled = slot.is_cancelled;
            if let Some(task) = slot.task.take() {
                return Some((key, task, is_cancelled));
            }
        }
    }

    /// The place of a task that has ended is free.
    fn remove(&mut self, key: TaskKey) {
        if let Some(slot) = self.get(key) {
            *slot = Slot::new(key.next());
            self.free.push(key.slot());
        }
    }

    fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }
}

/// The task that was polled last and has not ended, and what its waker is: what wakes it needs no waker.
#[derive(Clone, Copy)]
struct Running {
    key: TaskKey,
    data: *const (),
    vtable: *const RawWakerVTable,
}

impl Default for Running {
    fn default() -> Running {
        Running { key: TaskKey::NONE, data: std::ptr::null(), vtable: std::ptr::null() } // a vtable is never null
    }
}

/// The run queue, held for many wakes.
pub(crate) struct Waking<'a>(RefMut<'a, List>);

impl Waking<'_> {
    /// See [`Tasks::wake`].
    #[inline(always)]
    pub(crate) fn wake(&mut self, key: TaskKey) {
        self.0.wake(key);
    }
}

/// The tasks of one worker.
#[derive(Default)]
pub(crate) struct Tasks {
    list: RefCell<List>,
    running: Cell<Running>,
    /// Tasks that gave way: they run again in the next turn.
    deferred: RefCell<Vec<Waker>>,
    stalls: Stalls,
}

impl Tasks {
    /// Adds a task, and polls it in this turn or the next.
    pub(crate) fn spawn(&self, task: LocalTask) {
        let mut list = self.list.borrow_mut();
        let (key, slot) = list.insert();
        task.header().set_key(key);
        slot.task = Some(task);
        list.wake(key);
    }

    /// Polls a task in this turn or the next. One that has ended is not woken.
    #[inline]
    pub(crate) fn wake(&self, key: TaskKey) {
        self.list.borrow_mut().wake(key);
    }

    /// For many wakes. No foreign code may run while it lives.
    #[inline]
    pub(crate) fn waking(&self) -> Waking<'_> {
        Waking(self.list.borrow_mut())
    }

    /// Drops a task's future when its turn has come.
    pub(crate) fn cancel(&self, key: TaskKey) {
        let mut list = self.list.borrow_mut();
        if let Some(slot) = list.get(key) {
            slot.is_cancelled = true;
            list.wake(key);
        }
    }

    /// The task that `waker` wakes, when it is the one that was polled last.
    #[inline(always)]
    pub(crate) fn woken_by(&self, waker: &Waker) -> Option<TaskKey> {
        let running = self.running.get();
        let is_its = running.data == waker.data() && std::ptr::eq(running.vtable, waker.vtable());
        is_its.then_some(running.key)
    }

    pub(crate) fn defer(&self, waker: Waker) {
        self.deferred.borrow_mut().push(waker);
    }

    /// Polls woken tasks, as many as the budget allows. Returns how many.
    pub(crate) fn run(&self, budget: &Budget, clock: &Clock) -> u32 {
        let polled = match self.is_ready() {
            true => self.poll_queued(budget, clock),
            false => 0,
        };
        if !self.deferred.borrow().is_empty() {
            let deferred = std::mem::take(&mut *self.deferred.borrow_mut());
            deferred.into_iter().for_each(Waker::wake);
        }
        polled
    }

    fn poll_queued(&self, budget: &Budget, clock: &Clock) -> u32 {
        let mut watch = self.stalls.watch(clock, budget.stall);
        let mut polled = 0;
        while polled < budget.polls {
            let next = self.list.borrow_mut().next();
            let Some((key, mut task, is_cancelled)) = next else { break };
            polled += 1;
            let origin = task.as_mut().origin();
            if is_cancelled {
                self.end(key, task);
            } else {
                self.poll(key, task);
            }
            watch.polled(origin);
        }
        watch.end();
        polled
    }

    #[inline]
    fn poll(&self, key: TaskKey, mut task: LocalTask) {
        let begin = |waker: &Waker| {
            self.running.set(Running { key, data: waker.data(), vtable: waker.vtable() });
        };
        if task.as_mut().poll(begin).is_ready() {
            self.end(key, task);
        } else if let Some(slot) = self.list.borrow_mut().slots.get_mut(key.slot() as usize) {
            slot.task = Some(task); // it is this task's until it ends
        }
    }

    /// Drops a task, out of all borrows: that may run anything.
    fn end(&self, key: TaskKey, task: LocalTask) {
        self.list.borrow_mut().remove(key);
        self.running.set(Running::default()); // another task's waker may come to lie where this one's was
        // A future that panics in its drop ends alone, too. Who joins it hears that it was cancelled.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(task)));
    }

    /// See [`Stalls::count`].
    pub(crate) fn stalls(&self) -> u64 {
        self.stalls.count()
    }

    /// Whether a task waits to be polled.
    pub(crate) fn is_ready(&self) -> bool {
        !self.list.borrow().queue.is_empty()
    }

    /// Tasks that have not ended.
    pub(crate) fn len(&self) -> usize {
        self.list.borrow().len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Drops the futures of all tasks; their join handles tell `Cancelled`. The worker must be the current one. `mail` takes in
    /// what other threads have started.
    pub(crate) fn cancel_all(&self, mail: impl Fn()) {
        /// What is dropped may start tasks, and these again.
        const ROUNDS: usize = 10_000;
        for _ in 0..ROUNDS {
            mail();
            let all: Vec<(TaskKey, LocalTask)> = self.take_all();
            if all.is_empty() {
                return;
            }
            all.into_iter().for_each(|(key, task)| self.end(key, task));
        }
    }

    fn take_all(&self) -> Vec<(TaskKey, LocalTask)> {
        let mut list = self.list.borrow_mut();
        list.slots.iter_mut().filter_map(|slot| Some((slot.key, slot.task.take()?))).collect()
    }
}

#[cfg(test)]
mod tests;
