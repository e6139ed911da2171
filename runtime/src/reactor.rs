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
    read: Place,
    write: Place,
}

/// Who waits, or waited last: most wait again as the same task, which then needs no new waker. Making one and dropping it are
/// two atomic operations, a twentieth of an echo.
#[derive(Default)]
struct Place {
    waker: Option<Waker>,
    /// It waits.
    is_armed: bool,
}

impl Entry {
    #[inline]
    fn place(&mut self, direction: Direction) -> &mut Place {
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
            let place = entry.place(direction);
            if place.waker.as_ref().is_some_and(|same| same.will_wake(waker)) {
                place.is_armed = true;
                return;
            }
        }
        self.replace(id, direction, waker);
    }

    /// As `register`, where somebody else waited or nobody yet, or where the slot's socket is a new one.
    #[inline(never)]
    fn replace(&mut self, id: SocketId, direction: Direction, waker: &Waker) {
        let page = id.slot() as usize / PAGE;
        while self.sockets.len() <= page {
            self.sockets.push((0..PAGE).map(|_| Entry::default()).collect());
        }
        let entry = &mut self.sockets[page][id.slot() as usize % PAGE];
        if entry.generation != id.generation() {
            self.replaced.extend([entry.read.waker.take(), entry.write.waker.take()].into_iter().flatten());
            *entry = Entry { generation: id.generation(), ..Entry::default() };
        }
        let place = entry.place(direction);
        place.is_armed = true;
        self.replaced.extend(place.waker.replace(waker.clone()));
    }

    #[inline]
    fn entry(&mut self, id: SocketId) -> Option<&mut Entry> {
        let entry = self.sockets.get_mut(id.slot() as usize / PAGE)?.get_mut(id.slot() as usize % PAGE)?;
        (entry.generation == id.generation()).then_some(entry)
    }

    /// Forgets a socket. Returns its wakers, to be dropped out of all borrows.
    #[must_use]
    pub(crate) fn remove(&mut self, id: SocketId) -> [Option<Waker>; 2] {
        self.entry(id).map_or([None, None], |entry| [entry.read.waker.take(), entry.write.waker.take()])
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
            Event::Readable(id) => self.take_armed(id, Direction::Read),
            Event::Writable(id) => self.take_armed(id, Direction::Write),
            Event::Closed(id) => self.take_closed(id),
            Event::Acceptable(id) => self.listener(id)?.accept.take(),
        }
    }

    #[inline]
    fn take_armed(&mut self, id: SocketId, direction: Direction) -> Option<Waker> {
        let place = self.entry(id)?.place(direction);
        if std::mem::take(&mut place.is_armed) { place.waker.take() } else { None }
    }

    /// Whom an event has woken, for the next time. Returns the waker where it has no place any more, to be dropped out of all
    /// borrows.
    #[inline]
    #[must_use]
    fn keep(&mut self, event: Event, waker: Waker) -> Option<Waker> {
        let place = match event {
            Event::Readable(id) => self.entry(id).map(|entry| &mut entry.read),
            Event::Writable(id) => self.entry(id).map(|entry| &mut entry.write),
            Event::Closed(_) | Event::Acceptable(_) => None,
        };
        match place {
            Some(place) if place.waker.is_none() => {
                place.waker = Some(waker);
                None
            }
            _ => Some(waker),
        }
    }

    /// The end of a connection wakes both directions, which may be two tasks.
    #[cold]
    fn take_closed(&mut self, id: SocketId) -> Option<Waker> {
        let entry = self.entry(id)?;
        let places = [std::mem::take(&mut entry.read), std::mem::take(&mut entry.write)];
        let mut first = None;
        for Place { waker, is_armed } in places {
            let Some(waker) = waker else { continue };
            if !is_armed {
                self.replaced.push(waker);
            } else if first.is_none() {
                first = Some(waker);
            } else {
                self.ended.push(waker);
            }
        }
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
            waker.wake_by_ref();
            let left = reactor.borrow_mut().keep(event, waker);
            drop(left);
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
