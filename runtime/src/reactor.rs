//! Who waits for which socket: events of the engine -> woken tasks.

use std::cell::RefCell;
use std::task::Waker;

use corelane_netstack::{Event, ListenerId, SocketId};

use crate::engine::Engine;
use crate::poll::ready::Polls;
use crate::task::executor::{Tasks, Waking};
use crate::task::header::TaskKey;

const PAGE: usize = 256;

/// The direction that a task waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Read,
    Write,
}

/// Who has waited: a task of this core by its key, which costs neither an atomic operation nor a call; all else by its waker.
pub(crate) struct Waiter {
    task: TaskKey,
    waker: Option<Waker>,
}

impl Waiter {
    /// Wakes it. A waker may run anything.
    pub(crate) fn wake(self, tasks: &Tasks) {
        tasks.wake(self.task);
        if let Some(waker) = self.waker {
            waker.wake();
        }
    }
}

/// Who waits for a socket, by direction; for a listener's connections as for something to read. Tasks are what is common, so
/// wakers take memory only where there are some.
struct Entry {
    generation: u32,
    tasks: [TaskKey; 2],
    wakers: Option<Box<[Option<Waker>; 2]>>,
}

impl Entry {
    fn new(generation: u32) -> Entry {
        Entry { generation, tasks: [TaskKey::NONE; 2], wakers: None }
    }

    /// Takes the place of who waited before. Returns a waker that is to be dropped.
    #[inline]
    fn put(&mut self, direction: Direction, waker: &Waker, tasks: &Tasks) -> Option<Waker> {
        match tasks.woken_by(waker) {
            Some(task) if self.wakers.is_none() => {
                self.tasks[direction as usize] = task;
                None
            }
            task => {
                self.tasks[direction as usize] = task.unwrap_or(TaskKey::NONE);
                self.put_waker(direction, task.is_none().then_some(waker))
            }
        }
    }

    #[cold]
    fn put_waker(&mut self, direction: Direction, waker: Option<&Waker>) -> Option<Waker> {
        let place = &mut self.wakers.get_or_insert_default()[direction as usize];
        match (&place, waker) {
            (Some(same), Some(waker)) if same.will_wake(waker) => None,
            _ => std::mem::replace(place, waker.cloned()),
        }
    }

    /// Takes out who waits.
    #[inline]
    fn take(&mut self, direction: Direction) -> Waiter {
        let task = std::mem::replace(&mut self.tasks[direction as usize], TaskKey::NONE);
        Waiter { task, waker: self.wakers.as_mut().and_then(|wakers| wakers[direction as usize].take()) }
    }
}

/// Who waits for a worker's sockets, by slot, in pages that never move.
///
/// Nothing is kept of readiness: a future asks the engine first and registers only on `WouldBlock`, and nothing
/// arrives in between, since both happen in one turn of one thread.
pub(crate) struct Reactor {
    sockets: Vec<Box<[Entry; PAGE]>>,
    listeners: Vec<Option<Entry>>,
    /// Wakers that nobody waits with any more. Dropping one may run anything, so that waits until nothing is borrowed.
    replaced: Vec<Waker>,
    /// Wakers that an event has woken. Waking one may run anything, so that waits, too.
    woken: Vec<Waker>,
    /// The sockets that are registered with a `Poll`, if there ever was one.
    polls: Option<Box<Polls>>,
}

impl Reactor {
    pub(crate) fn new() -> Reactor {
        Reactor {
            sockets: Vec::new(),
            listeners: Vec::new(),
            replaced: Vec::new(),
            woken: Vec::new(),
            polls: None,
        }
    }

    /// The core's `Poll`s.
    #[inline]
    pub(crate) fn polls(&mut self) -> &mut Polls {
        self.polls.get_or_insert_default()
    }

    /// Remembers whom to wake.
    #[inline(always)]
    pub(crate) fn register(&mut self, id: SocketId, direction: Direction, waker: &Waker, tasks: &Tasks) {
        let old = match self.entry(id) {
            Some(entry) => entry.put(direction, waker, tasks),
            None => self.enter(id).put(direction, waker, tasks),
        };
        if let Some(old) = old {
            self.replaced.push(old);
        }
    }

    /// The place of a socket that is new in its slot.
    #[cold]
    fn enter(&mut self, id: SocketId) -> &mut Entry {
        let page = id.slot() as usize / PAGE;
        while self.sockets.len() <= page {
            self.sockets.push(Box::new(std::array::from_fn(|_| Entry::new(0))));
        }
        let entry = &mut self.sockets[page][id.slot() as usize % PAGE];
        let old = std::mem::replace(entry, Entry::new(id.generation()));
        self.replaced.extend(old.wakers.into_iter().flat_map(|wakers| *wakers).flatten());
        entry
    }

    #[inline]
    fn entry(&mut self, id: SocketId) -> Option<&mut Entry> {
        let entry = &mut self.sockets.get_mut(id.slot() as usize / PAGE)?[id.slot() as usize % PAGE];
        (entry.generation == id.generation()).then_some(entry)
    }

    /// Forgets a socket. Returns its wakers, to be dropped out of all borrows.
    #[must_use]
    pub(crate) fn remove(&mut self, id: SocketId) -> [Option<Waker>; 2] {
        let Some(entry) = self.entry(id) else { return [None, None] };
        [Direction::Read, Direction::Write].map(|direction| entry.take(direction).waker)
    }

    /// Adds a listener, so that a shutdown finds it.
    pub(crate) fn add_listener(&mut self, id: ListenerId) {
        let slot = id.slot() as usize;
        if self.listeners.len() <= slot {
            self.listeners.resize_with(slot + 1, || None);
        }
        self.listeners[slot] = Some(Entry::new(id.generation()));
    }

    fn listener(&mut self, id: ListenerId) -> Option<&mut Entry> {
        let listener = self.listeners.get_mut(id.slot() as usize)?.as_mut()?;
        (listener.generation == id.generation()).then_some(listener)
    }

    /// Remembers whom to wake when a connection can be accepted.
    pub(crate) fn register_accept(&mut self, id: ListenerId, waker: &Waker, tasks: &Tasks) {
        let old = self.listener(id).and_then(|listener| listener.put(Direction::Read, waker, tasks));
        self.replaced.extend(old);
    }

    /// Forgets a listener. Returns who waits for its connections, to be woken out of all borrows.
    #[must_use]
    pub(crate) fn remove_listener(&mut self, id: ListenerId) -> Option<Waiter> {
        if let Some(polls) = &mut self.polls {
            polls.note(Event::Acceptable(id)); // its next accept tells
        }
        let waiter = self.listener(id)?.take(Direction::Read);
        self.listeners[id.slot() as usize] = None;
        Some(waiter)
    }

    /// One of the listeners.
    pub(crate) fn any_listener(&self) -> Option<ListenerId> {
        let (slot, listener) =
            self.listeners.iter().enumerate().find_map(|(slot, l)| Some((slot, l.as_ref()?)))?;
        Some(ListenerId::from_parts(slot as u32, listener.generation)) // slots are u32
    }

    /// Wakes the tasks that wait for an event. Wakers are kept for when nothing is borrowed.
    #[inline(always)]
    fn tell(&mut self, event: Event, waking: &mut Waking<'_>) {
        if let Some(polls) = &mut self.polls
            && polls.note(event)
        {
            return;
        }
        match event {
            Event::Readable(id) => self.wake(id, Direction::Read, waking),
            Event::Writable(id) => self.wake(id, Direction::Write, waking),
            Event::Acceptable(id) => {
                let waiter = self.listener(id).map(|entry| entry.take(Direction::Read));
                self.wake_waiter(waiter, waking);
            }
            Event::Closed(id) => {
                self.wake(id, Direction::Read, waking);
                self.wake(id, Direction::Write, waking);
            }
        }
    }

    #[inline(always)]
    fn wake(&mut self, id: SocketId, direction: Direction, waking: &mut Waking<'_>) {
        let Some(entry) = self.entry(id) else { return };
        if entry.wakers.is_some() {
            let waiter = entry.take(direction);
            return self.wake_waiter(Some(waiter), waking);
        }
        waking.wake(std::mem::replace(&mut entry.tasks[direction as usize], TaskKey::NONE));
    }

    #[cold]
    fn wake_waiter(&mut self, waiter: Option<Waiter>, waking: &mut Waking<'_>) {
        let Some(Waiter { task, waker }) = waiter else { return };
        waking.wake(task);
        self.woken.extend(waker);
    }

    /// Whether somebody is to be woken, or wakers dropped, when nothing is borrowed.
    fn has_left(&self) -> bool {
        !self.replaced.is_empty() || !self.woken.is_empty()
    }
}

/// Events -> readiness, woken tasks. Returns how many events there were.
pub(crate) fn dispatch(reactor: &RefCell<Reactor>, engine: &Engine, tasks: &Tasks) -> u32 {
    let (count, has_left) = {
        let (mut reactor, mut waking) = (reactor.borrow_mut(), tasks.waking());
        // By engine here: each has a copy of `tell` of its own, with the loop around it.
        let count = match engine {
            Engine::Native(native) => native.take_events(|event| reactor.tell(event, &mut waking)),
            Engine::Kernel(kernel) => kernel.take_events(|event| reactor.tell(event, &mut waking)),
        };
        (count, reactor.has_left())
    };
    if has_left {
        let woken = std::mem::take(&mut reactor.borrow_mut().woken);
        woken.into_iter().for_each(Waker::wake);
        let replaced = std::mem::take(&mut reactor.borrow_mut().replaced);
        drop(replaced);
    }
    count
}

#[cfg(test)]
mod tests;
