//! Where events are put.

use std::io;
use std::os::fd::OwnedFd;
use std::slice;

use rustix::event::{Timespec, epoll};
use rustix::io::Errno;

use super::Token;
use super::event::Event;

/// The events of one [`Poll::poll`](super::Poll::poll), up to a number of them.
pub struct Events {
    events: Vec<Event>,
    capacity: usize,
    /// What epoll_wait(2) fills for file descriptors; no memory before there is one.
    of_fds: Vec<epoll::Event>,
}

impl Events {
    /// For so many events at once; what is more waits for the next call. Room for 0 is none: `poll` refuses it, as epoll does.
    pub fn with_capacity(capacity: usize) -> Events {
        Events { events: Vec::with_capacity(capacity), capacity, of_fds: Vec::new() }
    }

    /// How many events have room.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Whether nothing has happened.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// The events.
    pub fn iter(&self) -> slice::Iter<'_, Event> {
        self.events.iter()
    }

    /// Forgets the events; `poll` does so itself.
    pub fn clear(&mut self) {
        self.events.clear();
    }

    pub(crate) fn room(&self) -> usize {
        self.capacity.saturating_sub(self.events.len())
    }

    pub(crate) fn push(&mut self, event: Event) {
        self.events.push(event);
    }

    /// Asks the kernel for what has room, without waiting.
    pub(crate) fn take_from(&mut self, epoll: &OwnedFd) -> io::Result<()> {
        let room = self.room();
        if room == 0 {
            return Ok(());
        }
        let nothing = epoll::Event { flags: epoll::EventFlags::empty(), data: epoll::EventData::new_u64(0) };
        self.of_fds.resize(self.capacity, nothing);
        let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
        let count = match epoll::wait(epoll, &mut self.of_fds[..room], Some(&at_once)) {
            Ok(count) => count,
            Err(Errno::INTR) => 0,
            Err(error) => return Err(error.into()),
        };
        for event in &self.of_fds[..count] {
            let (flags, data) = (event.flags, event.data);
            self.events.push(Event::new(Token(data.u64() as usize), flags.bits())); // it was a usize
        }
        Ok(())
    }
}

impl<'a> IntoIterator for &'a Events {
    type Item = &'a Event;
    type IntoIter = slice::Iter<'a, Event>;

    fn into_iter(self) -> slice::Iter<'a, Event> {
        self.iter()
    }
}

impl std::fmt::Debug for Events {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self).finish()
    }
}
