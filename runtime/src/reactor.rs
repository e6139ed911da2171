//! Who waits for which socket: events of the engine -> wakers.

use std::cell::RefCell;
use std::task::Waker;

use corelane_netstack::{Event, ListenerId, SocketId};

use crate::engine::Engine;
use crate::poll::ready::Polls;

const PAGE: usize = 256;

/// The direction that a task waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Read,
    Write,
}

#[derive(Default)]
struct Entry {
    generation: u32,
    read: Option<Waker>,
    write: Option<Waker>,
}

impl Entry {
    #[inline]
    fn place(&mut self, direction: Direction) -> &mut Option<Waker> {
        match direction {
            Direction::Read => &mut self.read,
            Direction::Write => &mut self.write,
        }
    }
}

struct Listener {
    generation: u32,
    accept: Option<Waker>,
}

/// The wakers of a worker's sockets, by slot, in pages that never move.
///
/// Nothing is kept of readiness: a future asks the engine first and registers only on `WouldBlock`, and nothing
/// arrives in between, since both happen in one turn of one thread.
pub(crate) struct Reactor {
    sockets: Vec<Box<[Entry]>>,
    listeners: Vec<Option<Listener>>,
    /// Wakers that nobody waits with any more. Dropping one may run anything, so that waits until nothing is borrowed.
    replaced: Vec<Waker>,
    /// Second wakers of connections that are over.
    ended: Vec<Waker>,
    /// The sockets that are registered with a `Poll`, if there ever was one.
    polls: Option<Box<Polls>>,
}

impl Reactor {
    pub(crate) fn new() -> Reactor {
        Reactor {
            sockets: Vec::new(),
            listeners: Vec::new(),
            replaced: Vec::new(),
            ended: Vec::new(),
            polls: None,
        }
    }

    /// The core's `Poll`s.
    #[inline]
    pub(crate) fn polls(&mut self) -> &mut Polls {
        self.polls.get_or_insert_default()
    }

    /// Remembers whom to wake.
    #[inline]
    pub(crate) fn register(&mut self, id: SocketId, direction: Direction, waker: &Waker) {
        if let Some(entry) = self.entry(id) {
            match entry.place(direction) {
                place @ None => return *place = Some(waker.clone()),
                Some(same) if same.will_wake(waker) => return,
                Some(_) => {}
            }
        }
        self.replace(id, direction, waker);
    }

    /// As `register`, where somebody else waited, or where the slot's socket is a new one.
    #[cold]
    fn replace(&mut self, id: SocketId, direction: Direction, waker: &Waker) {
        let page = id.slot() as usize / PAGE;
        while self.sockets.len() <= page {
            self.sockets.push((0..PAGE).map(|_| Entry::default()).collect());
        }
        let entry = &mut self.sockets[page][id.slot() as usize % PAGE];
        if entry.generation != id.generation() {
            self.replaced.extend([entry.read.take(), entry.write.take()].into_iter().flatten());
            entry.generation = id.generation();
        }
        self.replaced.extend(entry.place(direction).replace(waker.clone()));
    }

    #[inline]
    fn entry(&mut self, id: SocketId) -> Option<&mut Entry> {
        let entry = self.sockets.get_mut(id.slot() as usize / PAGE)?.get_mut(id.slot() as usize % PAGE)?;
        (entry.generation == id.generation()).then_some(entry)
    }

    /// Forgets a socket. Returns its wakers, to be dropped out of all borrows.
    #[must_use]
    pub(crate) fn remove(&mut self, id: SocketId) -> [Option<Waker>; 2] {
        self.entry(id).map_or([None, None], |entry| [entry.read.take(), entry.write.take()])
    }

    /// Adds a listener, so that a shutdown finds it.
    pub(crate) fn add_listener(&mut self, id: ListenerId) {
        let slot = id.slot() as usize;
        if self.listeners.len() <= slot {
            self.listeners.resize_with(slot + 1, || None);
        }
        self.listeners[slot] = Some(Listener { generation: id.generation(), accept: None });
    }

    fn listener(&mut self, id: ListenerId) -> Option<&mut Listener> {
        let listener = self.listeners.get_mut(id.slot() as usize)?.as_mut()?;
        (listener.generation == id.generation()).then_some(listener)
    }

    /// Remembers whom to wake when a connection can be accepted. Returns the waker before it.
    #[must_use]
    pub(crate) fn register_accept(&mut self, id: ListenerId, waker: &Waker) -> Option<Waker> {
        let listener = self.listener(id)?;
        match &listener.accept {
            Some(same) if same.will_wake(waker) => None,
            _ => listener.accept.replace(waker.clone()),
        }
    }

    /// Forgets a listener. Returns its waker, to be woken out of all borrows.
    #[must_use]
    pub(crate) fn remove_listener(&mut self, id: ListenerId) -> Option<Waker> {
        if let Some(polls) = &mut self.polls {
            polls.note(Event::Acceptable(id)); // its next accept tells
        }
        self.listener(id)?;
        self.listeners[id.slot() as usize].take()?.accept
    }

    /// One of the listeners.
    pub(crate) fn any_listener(&self) -> Option<ListenerId> {
        let (slot, listener) =
            self.listeners.iter().enumerate().find_map(|(slot, l)| Some((slot, l.as_ref()?)))?;
        Some(ListenerId::from_parts(slot as u32, listener.generation)) // slots are u32
    }

    /// Who waits for an event.
    #[inline]
    fn take(&mut self, event: Event) -> Option<Waker> {
        if let Some(polls) = &mut self.polls
            && polls.note(event)
        {
            return None;
        }
        match event {
            Event::Readable(id) => self.entry(id)?.read.take(),
            Event::Writable(id) => self.entry(id)?.write.take(),
            Event::Closed(id) => self.take_closed(id),
            Event::Acceptable(id) => self.listener(id)?.accept.take(),
        }
    }

    /// The end of a connection wakes both directions, which may be two tasks.
    #[cold]
    fn take_closed(&mut self, id: SocketId) -> Option<Waker> {
        let [read, write] = self.remove(id);
        let (first, second) = if read.is_some() { (read, write) } else { (write, None) };
        self.ended.extend(second);
        first
    }

    /// Whether wakers wait to be dropped or woken when nothing is borrowed.
    fn has_left(&self) -> bool {
        !self.replaced.is_empty() || !self.ended.is_empty()
    }
}

/// Events -> readiness, wakers. Returns how many events there were.
pub(crate) fn dispatch(reactor: &RefCell<Reactor>, engine: &Engine) -> u32 {
    let mut count = 0;
    engine.take_events(|event| {
        count += 1;
        // No borrow is held: waking may run anything.
        let waker = reactor.borrow_mut().take(event);
        if let Some(waker) = waker {
            waker.wake();
        }
    });
    if reactor.borrow().has_left() {
        let ended = std::mem::take(&mut reactor.borrow_mut().ended);
        ended.into_iter().for_each(Waker::wake);
        let replaced = std::mem::take(&mut reactor.borrow_mut().replaced);
        drop(replaced);
    }
    count
}

#[cfg(test)]
mod tests;
