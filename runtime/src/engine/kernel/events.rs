//! The epoll of a core: descriptors in, the stack's kind of events out.

use std::collections::VecDeque;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use corelane_netstack::{Event, Instant, ListenerId, SocketId};
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::socket::INTEREST;
use super::table::Key;

/// Descriptors that one epoll_wait tells of.
const BATCH: usize = 256;

/// How long a listener without a descriptor for its next connection waits, when none of ours is closed before.
const RETRY: Duration = Duration::from_millis(100);

/// Longer sleeps end on a whole millisecond before the time, and what is left is slept in nanoseconds.
const EXACT_BELOW: Duration = Duration::from_millis(2);

/// epoll_wait takes no more than 24 days at once.
const LONGEST: Duration = Duration::from_secs(86_400);

/// The word of a doorbell; no [`Key`] has it, since slots end below `u32::MAX`.
const BELL: u64 = u64::MAX;
/// Marks a listener's key.
const LISTENER: u64 = 1 << 63;

fn word(key: Key) -> u64 {
    u64::from(key.generation) << 32 | u64::from(key.slot)
}

fn key(word: u64) -> Key {
    let generation = (word & !LISTENER) >> 32;
    Key { slot: word as u32, generation: generation as u32 } // its halves
}

/// What poll(2) tells of a descriptor now.
pub(super) fn state(fd: BorrowedFd<'_>) -> rustix::io::Result<PollFlags> {
    let wanted = PollFlags::IN | PollFlags::OUT | PollFlags::RDHUP;
    let mut fds = [PollFd::from_borrowed_fd(fd, wanted)];
    poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 0 }))?;
    Ok(fds[0].revents())
}

/// What is ready, and what waits for something that epoll does not tell.
pub(super) struct Events {
    epoll: OwnedFd,
    /// What the last epoll_wait told, from the back.
    arrived: Vec<epoll::Event>,
    /// Told before those.
    ready: VecDeque<Event>,
    has_bell: bool,
    /// Readers that found no buffer for a chunk.
    starved_readers: Vec<SocketId>,
    /// Listeners that found no descriptor for a connection.
    starved_listeners: Vec<ListenerId>,
    /// When these try again.
    retry: Option<Instant>,
}

impl Events {
    pub(super) fn new() -> std::io::Result<Events> {
        Ok(Events {
            epoll: epoll::create(CreateFlags::CLOEXEC)?,
            arrived: Vec::with_capacity(BATCH),
            ready: VecDeque::new(),
            has_bell: false,
            starved_readers: Vec::new(),
            starved_listeners: Vec::new(),
            retry: None,
        })
    }

    pub(super) fn add_socket(&self, fd: &OwnedFd, key: Key) -> rustix::io::Result<()> {
        epoll::add(&self.epoll, fd, EventData::new_u64(word(key)), INTEREST)
    }

    pub(super) fn add_listener(&self, fd: &OwnedFd, key: Key) -> rustix::io::Result<()> {
        let data = EventData::new_u64(word(key) | LISTENER);
        epoll::add(&self.epoll, fd, data, EventFlags::IN | EventFlags::ET)
    }

    /// Asks the kernel, unless what it said before a sleep's end is still there. Returns the system calls.
    pub(super) fn poll(&mut self) -> u64 {
        if !self.arrived.is_empty() {
            return 0;
        }
        self.wait(Some(Duration::ZERO));
        1
    }

    fn wait(&mut self, timeout: Option<Duration>) {
        let timeout = timeout.and_then(|time| Timespec::try_from(time).ok()); // some 584 years are for ever
        // EINTR ends a sleep early; nothing else can fail.
        let _ = epoll::wait(&self.epoll, rustix::buffer::spare_capacity(&mut self.arrived), timeout.as_ref());
        self.arrived.reverse();
    }

    /// How many descriptors the kernel has told of.
    pub(super) fn arrived(&self) -> usize {
        self.arrived.len()
    }

    /// The next event. `socket` takes what epoll tells of one and says what became readable, writable and over; `listener` hears
    /// of an edge; each says `None` for what is gone.
    pub(super) fn next(
        &mut self,
        mut socket: impl FnMut(Key, EventFlags) -> Option<(bool, bool, bool)>,
        mut listener: impl FnMut(Key) -> Option<()>,
    ) -> Option<Event> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            let event = self.arrived.pop()?;
            let (word, flags) = (event.data.u64(), event.flags);
            if word == BELL {
                continue; // the mailbox knows
            }
            let key = key(word);
            if word & LISTENER != 0 {
                let id = ListenerId::from_parts(key.slot, key.generation);
                self.ready.extend(listener(key).map(|()| Event::Acceptable(id)));
            } else if let Some((readable, writable, over)) = socket(key, flags) {
                let id = SocketId::from_parts(key.slot, key.generation);
                self.ready.extend(readable.then_some(Event::Readable(id)));
                self.ready.extend(writable.then_some(Event::Writable(id)));
                self.ready.extend(over.then_some(Event::Closed(id)));
            }
        }
    }

    /// Sleeps for what `left` says, or until `extra` is readable, unless something is to be done already: then it returns `false`.
    pub(super) fn sleep(
        &mut self,
        bell: BorrowedFd<'_>,
        extra: Option<BorrowedFd<'_>>,
        left: impl FnOnce() -> Option<Duration>,
    ) -> bool {
        if !self.arrived.is_empty() || !self.ready.is_empty() {
            return false;
        }
        if !self.has_bell {
            // Edges, since the bell is silenced only by who was woken by it. Without memory for it: the short sleep below.
            let data = EventData::new_u64(BELL);
            self.has_bell = epoll::add(&self.epoll, bell, data, EventFlags::IN | EventFlags::ET).is_ok();
        }
        let left = left();
        let left = if self.has_bell { left } else { Some(left.map_or(RETRY, |time| time.min(RETRY))) };
        match left {
            Some(left) if left.is_zero() => return false,
            left if extra.is_some() => {
                let timeout = left.and_then(|left| Timespec::try_from(left).ok()); // some 584 years are for ever
                let readable = |fd| PollFd::from_borrowed_fd(fd, PollFlags::IN);
                let mut fds = [self.epoll.as_fd(), extra.unwrap_or(bell)].map(readable);
                let _ = poll(&mut fds, timeout.as_ref()); // as below
            }
            // epoll_wait counts in milliseconds, and epoll_pwait2 is younger than many kernels.
            Some(left) if left < EXACT_BELOW => {
                let Ok(timeout) = Timespec::try_from(left) else { return false };
                let mut fds = [PollFd::from_borrowed_fd(self.epoll.as_fd(), PollFlags::IN)];
                let _ = poll(&mut fds, Some(&timeout)); // EINTR: the next turn finds out
            }
            Some(left) => {
                let millis = left.min(LONGEST).as_millis() as u64; // a day's
                self.wait(Some(Duration::from_millis(millis - 1)));
            }
            None => self.wait(None),
        }
        true
    }

    /// For a sleep in somebody else's poll: what becomes readable when something arrives; `None` = something has.
    #[cfg(feature = "tokio-rt")]
    pub(super) fn arm(&mut self) -> Option<BorrowedFd<'_>> {
        // Whoever watches may have forgotten what came since the turn asked.
        self.poll();
        (self.arrived.is_empty() && self.ready.is_empty()).then(|| self.epoll.as_fd())
    }

    /// Remembers a reader for when a buffer is free.
    pub(super) fn starve_reader(&mut self, id: SocketId) {
        if !self.starved_readers.contains(&id) {
            self.starved_readers.push(id);
        }
    }

    /// Lets the readers that wait for buffers try again, when there are any. Returns whether there is one to try.
    pub(super) fn feed_starved_readers(&mut self, available: usize) -> bool {
        if self.starved_readers.is_empty() || available == 0 {
            return false;
        }
        self.ready.extend(self.starved_readers.drain(..).map(Event::Readable));
        true
    }

    /// Remembers a listener for when a descriptor is free. Returns whether it is the first.
    pub(super) fn starve_listener(&mut self, id: ListenerId) -> bool {
        let first = self.starved_listeners.is_empty();
        if !self.starved_listeners.contains(&id) {
            self.starved_listeners.push(id);
        }
        first
    }

    /// Lets the listeners that wait for descriptors try again.
    pub(super) fn feed_starved_listeners(&mut self) {
        self.retry = None;
        self.ready.extend(self.starved_listeners.drain(..).map(Event::Acceptable));
    }

    pub(super) fn expire(&mut self, now: Instant) {
        if self.starved_listeners.is_empty() {
            return;
        }
        match self.retry {
            Some(at) if at <= now => self.feed_starved_listeners(),
            Some(_) => {}
            None => self.retry = Some(now + RETRY),
        }
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.retry
    }
}

#[cfg(test)]
mod tests;
