//! What is registered with the `Poll`s of a core, and which of it may be ready.
//!
//! ```text
//!  event of the stack --note--> its registration, if it is interested --> the ready list of its Poll
//!  Poll::poll         --take--> each of the ready list: its state now, as far as it is of interest, is told
//! ```
//!
//! As in Linux's eventpoll.c an event only says that it is worth looking: what is told is what holds when it is asked for. A
//! level-triggered source goes back to the end of the list, an edge-triggered one comes there by its next event.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use corelane_netstack::{Event as StackEvent, ListenerId, SocketId};
use slab::Slab;

use super::event::Event;
use super::events::Events;
use super::waker::Bell;
use super::{Token, Trigger, mask};
use crate::engine::Engine;

const NONE: u32 = u32::MAX;

/// What can be ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Watched {
    Socket(SocketId),
    Listener(ListenerId),
}

impl Watched {
    /// epoll's events that hold now; `None` when it is gone.
    #[inline(always)]
    fn state(self, engine: &Engine) -> Option<u32> {
        match self {
            Watched::Socket(id) => Some(engine.poll(id).ok()?.bits()),
            Watched::Listener(id) => {
                let is_waiting = engine.has_waiting(id).ok()?;
                Some(if is_waiting { mask::IN } else { 0 })
            }
        }
    }
}

/// Names a `Poll` of this core; one that is gone names no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PollKey {
    index: u32,
    serial: u64,
}

struct Registration {
    watched: Watched,
    /// The index of its `Poll`.
    poll: u32,
    token: Token,
    /// The events of interest; 0 once a one-shot has been told.
    interest: u32,
    trigger: Trigger,
    /// Whether it is in the ready list, and its neighbours there.
    linked: bool,
    previous: u32,
    next: u32,
}

/// A doubly linked list of registrations: taking one out of the middle costs no search.
struct List {
    head: u32,
    tail: u32,
    len: usize,
}

impl List {
    const EMPTY: List = List { head: NONE, tail: NONE, len: 0 };

    #[inline(always)]
    fn push(&mut self, all: &mut Slab<Registration>, key: u32) {
        let registration = &mut all[key as usize];
        if registration.linked {
            return;
        }
        (registration.linked, registration.previous, registration.next) = (true, self.tail, NONE);
        match self.tail {
            NONE => self.head = key,
            tail => all[tail as usize].next = key,
        }
        self.tail = key;
        self.len += 1;
    }

    /// Puts those of `list`, which is not empty, before its own.
    fn prepend(&mut self, all: &mut Slab<Registration>, list: &List) {
        match self.head {
            NONE => self.tail = list.tail,
            head => {
                all[list.tail as usize].next = head;
                all[head as usize].previous = list.tail;
            }
        }
        all[list.head as usize].previous = NONE;
        (self.head, self.len) = (list.head, self.len + list.len);
    }

    fn remove(&mut self, all: &mut Slab<Registration>, key: u32) {
        let registration = &mut all[key as usize];
        if !std::mem::replace(&mut registration.linked, false) {
            return;
        }
        let (previous, next) = (registration.previous, registration.next);
        match previous {
            NONE => self.head = next,
            previous => all[previous as usize].next = next,
        }
        match next {
            NONE => self.tail = previous,
            next => all[next as usize].previous = previous,
        }
        self.len -= 1;
    }
}

struct PollState {
    serial: u64,
    ready: List,
    waker: Option<(Token, Arc<Bell>)>,
    /// Of the file descriptors; made with the first of them.
    epoll: Option<Arc<OwnedFd>>,
    /// Those in it, and some that were closed without being deregistered.
    fds: usize,
    /// Whether the file descriptors come first this time, so that neither they nor the sockets starve.
    fds_first: bool,
}

/// All `Poll`s of a core.
#[derive(Default)]
pub(crate) struct Polls {
    polls: Slab<PollState>,
    registrations: Slab<Registration>,
    /// By slot: its registration, or `NONE`.
    sockets: Vec<u32>,
    listeners: Vec<u32>,
    serial: u64,
}

impl Polls {
    /// A new `Poll`.
    pub(crate) fn open(&mut self) -> PollKey {
        self.serial += 1;
        let state = PollState {
            serial: self.serial,
            ready: List::EMPTY,
            waker: None,
            epoll: None,
            fds: 0,
            fds_first: false,
        };
        PollKey { index: self.polls.insert(state) as u32, serial: self.serial } // file descriptors run out before
    }

    /// A `Poll` is gone, and what was registered with it is so no more.
    pub(crate) fn close(&mut self, key: PollKey) {
        if self.get(key).is_err() {
            return;
        }
        // Dropping a Poll is rare, so looking at all registrations is fine here.
        let its = |(k, r): (usize, &Registration)| (r.poll == key.index).then_some(k as u32);
        let all: Vec<u32> = self.registrations.iter().filter_map(its).collect();
        for registration in all {
            self.forget(registration);
        }
        self.polls.remove(key.index as usize);
    }

    fn get(&mut self, key: PollKey) -> io::Result<&mut PollState> {
        let poll = self.polls.get_mut(key.index as usize).filter(|poll| poll.serial == key.serial);
        poll.ok_or_else(|| {
            io::Error::new(io::ErrorKind::NotConnected, "the Poll of this Registry was dropped")
        })
    }

    #[inline(always)]
    fn find(&self, watched: Watched) -> Option<u32> {
        let key = match watched {
            Watched::Socket(id) => *self.sockets.get(id.slot() as usize)?,
            Watched::Listener(id) => *self.listeners.get(id.slot() as usize)?,
        };
        let registration = self.registrations.get(key as usize)?;
        (registration.watched == watched).then_some(key)
    }

    fn place(&mut self, watched: Watched) -> &mut u32 {
        let (table, slot) = match watched {
            Watched::Socket(id) => (&mut self.sockets, id.slot() as usize),
            Watched::Listener(id) => (&mut self.listeners, id.slot() as usize),
        };
        if table.len() <= slot {
            table.resize(slot + 1, NONE);
        }
        &mut table[slot]
    }

    /// EPOLL_CTL_ADD.
    ///
    /// # Errors
    /// `AlreadyExists` when it is registered, with this `Poll` or another one; `NotConnected` when it, or the `Poll`, is gone.
    pub(crate) fn add(
        &mut self,
        key: PollKey,
        watched: Watched,
        (token, interest, trigger): (Token, u32, Trigger),
        engine: &Engine,
    ) -> io::Result<()> {
        self.get(key)?;
        let state = watched.state(engine).ok_or_else(not_open)?;
        if self.find(watched).is_some() {
            let message = "it is registered already: use reregister, or deregister it first";
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, message));
        }
        let old = *self.place(watched);
        if old != NONE {
            self.forget(old); // of the socket that had this slot before
        }
        let registration = Registration {
            watched,
            poll: key.index,
            token,
            interest,
            trigger,
            linked: false,
            previous: NONE,
            next: NONE,
        };
        let registration = self.registrations.insert(registration) as u32; // sockets have slots in a u32
        *self.place(watched) = registration;
        self.link_if(registration, state & interest != 0);
        Ok(())
    }

    /// EPOLL_CTL_MOD: what it is ready for already counts as news.
    ///
    /// # Errors
    /// `NotFound` when it is not registered with this `Poll`; `NotConnected` when it, or the `Poll`, is gone.
    pub(crate) fn modify(
        &mut self,
        key: PollKey,
        watched: Watched,
        (token, interest, trigger): (Token, u32, Trigger),
        engine: &Engine,
    ) -> io::Result<()> {
        let found = self.find_of(key, watched)?;
        let state = watched.state(engine).ok_or_else(not_open)?;
        let registration = &mut self.registrations[found as usize];
        (registration.token, registration.interest, registration.trigger) = (token, interest, trigger);
        self.link_if(found, state & interest != 0);
        Ok(())
    }

    /// EPOLL_CTL_DEL.
    ///
    /// # Errors
    /// As `modify`.
    pub(crate) fn remove(&mut self, key: PollKey, watched: Watched) -> io::Result<()> {
        let found = self.find_of(key, watched)?;
        self.forget(found);
        Ok(())
    }

    fn find_of(&mut self, key: PollKey, watched: Watched) -> io::Result<u32> {
        self.get(key)?;
        let found = self.find(watched);
        found.filter(|found| self.registrations[*found as usize].poll == key.index).ok_or_else(|| {
            io::Error::new(io::ErrorKind::NotFound, "it is not registered with this Poll: use register")
        })
    }

    /// What was closed is registered no more.
    pub(crate) fn closed(&mut self, watched: Watched) {
        if let Some(registration) = self.find(watched) {
            self.forget(registration);
        }
    }

    fn forget(&mut self, key: u32) {
        let Some(registration) = self.registrations.get(key as usize) else { return };
        let (watched, poll) = (registration.watched, registration.poll);
        if let Some(poll) = self.polls.get_mut(poll as usize) {
            poll.ready.remove(&mut self.registrations, key);
        }
        self.registrations.remove(key as usize);
        let place = self.place(watched);
        if *place == key {
            *place = NONE;
        }
    }

    fn link_if(&mut self, key: u32, is_ready: bool) {
        let poll = self.registrations[key as usize].poll;
        if is_ready && let Some(poll) = self.polls.get_mut(poll as usize) {
            poll.ready.push(&mut self.registrations, key);
        }
    }

    /// Something happened. Whether it is registered: then no task waits for it.
    #[inline(always)]
    pub(crate) fn note(&mut self, event: StackEvent) -> bool {
        match event {
            StackEvent::Readable(id) => self.wake_socket(id, mask::READ_KEY),
            StackEvent::Writable(id) => self.wake_socket(id, mask::WRITE_KEY),
            StackEvent::Closed(id) => self.wake_socket(id, mask::STATE_KEY),
            StackEvent::Acceptable(id) => self.wake(Watched::Listener(id), mask::READ_KEY),
        }
    }

    #[inline(never)] // with its values in registers, for each event
    fn wake_socket(&mut self, id: SocketId, key: u32) -> bool {
        self.wake(Watched::Socket(id), key)
    }

    /// As `note`: something that those hear of who are interested in any event of `key` (Linux's ep_poll_callback).
    #[inline(always)]
    pub(crate) fn wake(&mut self, watched: Watched, key: u32) -> bool {
        let Some(found) = self.find(watched) else { return false };
        let registration = &self.registrations[found as usize];
        if registration.interest & key != 0 && !registration.linked {
            self.link_if(found, true);
        }
        true
    }

    /// Tells what is ready, as far as there is room, sockets and file descriptors first by turns.
    ///
    /// # Errors
    /// Those of epoll_wait(2); `NotConnected` when the `Poll` is gone.
    pub(crate) fn take(&mut self, key: PollKey, engine: &Engine, events: &mut Events) -> io::Result<()> {
        let poll = self.get(key)?;
        if let Some((token, bell)) = &poll.waker
            && events.room() > 0
            && bell.was_rung()
        {
            events.push(Event::new(*token, mask::IN));
        }
        if poll.fds == 0 {
            self.take_sockets(key, engine, events);
            return Ok(());
        }
        let fds_first = poll.fds_first;
        poll.fds_first = !fds_first;
        let epoll = poll.epoll.clone();
        if !fds_first {
            self.take_sockets(key, engine, events);
        }
        if let Some(epoll) = epoll {
            events.take_from(&epoll)?;
        }
        if fds_first {
            self.take_sockets(key, engine, events);
        }
        Ok(())
    }

    /// Linux's ep_send_events: the list is taken as a whole, and what goes back to it is not looked at again now.
    fn take_sockets(&mut self, key: PollKey, engine: &Engine, events: &mut Events) {
        let Some(poll) = self.polls.get_mut(key.index as usize) else { return };
        let mut rest = std::mem::replace(&mut poll.ready, List::EMPTY);
        while rest.len > 0 && events.room() > 0 {
            let (key, registration) = (rest.head, &mut self.registrations[rest.head as usize]);
            (rest.head, rest.len) = (registration.next, rest.len - 1);
            registration.linked = false;
            // A listener that a shutdown has closed tells so by its next accept. A socket that is gone tells nothing.
            let state = registration.watched.state(engine).unwrap_or(match registration.watched {
                Watched::Listener(_) => mask::IN | mask::HUP,
                Watched::Socket(_) => 0,
            });
            let found = state & registration.interest;
            if found == 0 {
                continue;
            }
            events.push(Event::new(registration.token, found));
            match registration.trigger {
                Trigger::Edge => {}
                Trigger::Level => poll.ready.push(&mut self.registrations, key),
                Trigger::OneShot => registration.interest = 0,
            }
        }
        if rest.len > 0 {
            poll.ready.prepend(&mut self.registrations, &rest);
        }
    }

    /// Gives a `Poll` its waker.
    ///
    /// # Errors
    /// `AlreadyExists` when it has one that is still there.
    pub(crate) fn set_waker(&mut self, key: PollKey, token: Token, bell: &Arc<Bell>) -> io::Result<()> {
        let poll = self.get(key)?;
        if poll.waker.as_ref().is_some_and(|(_, old)| Arc::strong_count(old) > 1) {
            let message = "this Poll has a Waker: share it in an Arc, or drop it first";
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, message));
        }
        poll.waker = Some((token, bell.clone()));
        Ok(())
    }

    /// The kernel's epoll of a `Poll`, where something is in it.
    pub(crate) fn epoll(&mut self, key: PollKey) -> Option<Arc<OwnedFd>> {
        let poll = self.get(key).ok()?;
        if poll.fds > 0 { poll.epoll.clone() } else { None }
    }

    /// Runs `f` on the kernel's epoll of a `Poll`, which is made if there is none; `f` says how many descriptors more there are.
    ///
    /// # Errors
    /// Those of `f` and of epoll_create(2); `NotConnected` when the `Poll` is gone.
    pub(crate) fn with_epoll(
        &mut self,
        key: PollKey,
        f: impl FnOnce(&OwnedFd) -> io::Result<isize>,
    ) -> io::Result<()> {
        let poll = self.get(key)?;
        let epoll = match &poll.epoll {
            Some(epoll) => epoll,
            None => {
                let fd = rustix::event::epoll::create(rustix::event::epoll::CreateFlags::CLOEXEC)?;
                poll.epoll.insert(Arc::new(fd))
            }
        };
        let more = f(epoll)?;
        poll.fds = poll.fds.saturating_add_signed(more);
        Ok(())
    }
}

fn not_open() -> io::Error {
    io::Error::new(io::ErrorKind::NotConnected, "the socket is not open any more")
}
