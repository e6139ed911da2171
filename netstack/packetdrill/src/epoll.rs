//! Readiness: poll and epoll.

use std::collections::BTreeMap;
use std::task::Poll;

use crate::errno::Errno;
use crate::machine::{File, Machine};
use crate::sockets::{Role, descriptor};

const IN: u32 = libc::EPOLLIN as u32;
const OUT: u32 = libc::EPOLLOUT as u32;
const RDNORM: u32 = libc::EPOLLRDNORM as u32;
const WRNORM: u32 = libc::EPOLLWRNORM as u32;
const RDHUP: u32 = libc::EPOLLRDHUP as u32;
const HUP: u32 = libc::EPOLLHUP as u32;
const ERR: u32 = libc::EPOLLERR as u32;
const EDGE: u32 = libc::EPOLLET as u32;
const ONE_SHOT: u32 = libc::EPOLLONESHOT as u32;

/// What an epoll instance wants to know of a descriptor.
struct Interest {
    events: u32,
    data: u64,
    /// Something happened since it was last reported: what edge-triggered interest waits for.
    fresh: bool,
}

/// An epoll instance.
#[derive(Default)]
pub(crate) struct Epoll {
    interests: BTreeMap<i32, Interest>,
}

impl Epoll {
    /// Events in `mask` happened to `fd`.
    pub(crate) fn note(&mut self, fd: i32, mask: u32) {
        if let Some(interest) = self.interests.get_mut(&fd) {
            interest.fresh |= (interest.events | HUP | ERR) & mask != 0;
        }
    }

    pub(crate) fn forget(&mut self, fd: i32) {
        self.interests.remove(&fd);
    }
}

impl Machine {
    /// What can be done with a descriptor now, in the bits of epoll, which are those of poll.
    fn readiness(&self, fd: i32) -> u32 {
        let Some(File::Socket(socket)) = self.files.get(&fd) else { return 0 };
        let id = match socket.role {
            Role::Idle => return OUT | WRNORM | HUP,
            Role::Listener(_) if socket.acceptable => return IN | RDNORM,
            Role::Listener(_) => return 0,
            Role::Connection(id) => id,
        };
        let Ok(ready) = self.stack.readiness(id) else { return HUP };
        let mut events = 0;
        for (is, bits) in [
            (ready.is_readable(), IN | RDNORM),
            (ready.is_writable() && !socket.no_space, OUT | WRNORM),
            (ready.is_read_closed(), RDHUP),
            (ready.is_write_closed(), HUP),
            (ready.is_error(), ERR),
        ] {
            events |= if is { bits } else { 0 };
        }
        events
    }

    pub(crate) fn epoll_create(&mut self) -> Result<i32, Errno> {
        let fd = descriptor()?;
        self.files.insert(fd, File::Epoll(Epoll::default()));
        Ok(fd)
    }

    fn epoll(&mut self, fd: i32) -> Result<&mut Epoll, Errno> {
        match self.files.get_mut(&fd) {
            Some(File::Epoll(epoll)) => Ok(epoll),
            Some(File::Socket(_)) => Err(Errno(libc::EINVAL)),
            None => Err(Errno(libc::EBADF)),
        }
    }

    pub(crate) fn epoll_ctl(
        &mut self,
        epoll: i32,
        operation: i32,
        fd: i32,
        events: u32,
        data: u64,
    ) -> Result<(), Errno> {
        if !self.files.contains_key(&fd) {
            return Err(Errno(libc::EBADF));
        }
        let interests = &mut self.epoll(epoll)?.interests;
        let known = interests.contains_key(&fd);
        match operation {
            libc::EPOLL_CTL_ADD if known => return Err(Errno(libc::EEXIST)),
            libc::EPOLL_CTL_MOD | libc::EPOLL_CTL_DEL if !known => return Err(Errno(libc::ENOENT)),
            libc::EPOLL_CTL_ADD | libc::EPOLL_CTL_MOD => {
                // What is ready already counts as an edge.
                interests.insert(fd, Interest { events, data, fresh: true });
            }
            libc::EPOLL_CTL_DEL => drop(interests.remove(&fd)),
            _ => return Err(Errno(libc::EINVAL)),
        }
        Ok(())
    }

    /// epoll_wait: pairs of events and data, `max` at most.
    pub(crate) fn epoll_wait(
        &mut self,
        fd: i32,
        max: usize,
        expired: bool,
    ) -> Poll<Result<Vec<(u32, u64)>, Errno>> {
        let watched: Vec<i32> = match self.epoll(fd) {
            Ok(epoll) => epoll.interests.keys().copied().collect(),
            Err(error) => return Poll::Ready(Err(error)),
        };
        let mut found = Vec::new();
        for watched in watched {
            let ready = self.readiness(watched);
            let Some(interest) = self.epoll(fd).ok().and_then(|epoll| epoll.interests.get_mut(&watched))
            else {
                continue;
            };
            let wanted =
                if interest.events & !(EDGE | ONE_SHOT) == 0 { 0 } else { interest.events | HUP | ERR };
            let ready = ready & wanted;
            let is_due = ready != 0 && (interest.fresh || interest.events & EDGE == 0);
            if !is_due || found.len() == max {
                continue;
            }
            interest.fresh = false;
            if interest.events & ONE_SHOT != 0 {
                interest.events &= EDGE | ONE_SHOT;
            }
            found.push((ready, interest.data));
        }
        if found.is_empty() && !expired { Poll::Pending } else { Poll::Ready(Ok(found)) }
    }

    /// poll: what is ready of each (descriptor, events).
    pub(crate) fn poll(&mut self, wanted: &[(i32, i16)], expired: bool) -> Poll<Vec<i16>> {
        let ready: Vec<i16> = wanted.iter().map(|(fd, events)| self.poll_one(*fd, *events)).collect();
        if ready.iter().all(|events| *events == 0) && !expired { Poll::Pending } else { Poll::Ready(ready) }
    }

    fn poll_one(&self, fd: i32, events: i16) -> i16 {
        match self.files.contains_key(&fd) {
            _ if fd < 0 => 0,
            false => libc::POLLNVAL,
            // poll's events are the low 16 bits.
            true => self.readiness(fd) as i16 & (events | libc::POLLHUP | libc::POLLERR),
        }
    }
}
