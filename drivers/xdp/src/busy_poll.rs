//! Polling the device's NAPI from our own thread, as Linux' networking/napi.rst describes it.
//!
//! ```text
//!  learning --> polling <--> resting
//!      |                               resting: the kernel's softirq brings frames, as it does without busy polling
//!      +------> off
//! ```

use std::io;
use std::net::UdpSocket;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use crate::XdpError;
use crate::syscall;

/// Frames that one pass over the NAPI takes at most; a read makes two passes.
const BUDGET: u32 = 64;
/// As long as the longest chunk.
const MAX_FRAME: usize = 4096;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// No socket of ours is marked with the NAPI yet.
    Learning,
    Polling,
    Resting,
    /// The NAPI can't be known.
    Off,
}

/// Busy polling of one queue.
#[derive(Debug)]
pub struct BusyPoll {
    state: State,
    /// The socket that is marked with the NAPI, where it isn't the AF_XDP socket itself.
    detour: Option<UdpSocket>,
    /// Readable when `detour` or the AF_XDP socket is.
    either: Option<OwnedFd>,
    /// Polls without a frame after which the kernel takes interrupts up again.
    deferred: u32,
    /// The last frame that came by way of `detour`.
    frame: Box<[u8]>,
}

impl BusyPoll {
    /// Busy polling for a bound AF_XDP socket; by `detour` if the kernel has not marked the socket itself. Since Linux 6.14
    /// it does so when it is bound, before that by the first frame that it receives.
    pub fn new(xdp: BorrowedFd<'_>, detour: Option<UdpSocket>, deferred: u32) -> io::Result<BusyPoll> {
        let own = syscall::napi_id(xdp)? != 0;
        let detour = detour.filter(|_| !own);
        let learned = match &detour {
            Some(socket) => syscall::napi_id(socket.as_fd())? != 0,
            None => own,
        };
        let either = match &detour {
            Some(socket) if !learned => Some(syscall::any_readable(&[socket.as_fd(), xdp])?),
            _ => None,
        };
        let state = if learned { State::Polling } else { State::Learning };
        let busy_poll = BusyPoll { state, detour, either, deferred, frame: vec![0; MAX_FRAME].into() };
        syscall::set_busy_poll(busy_poll.socket(xdp), BUDGET)?;
        syscall::prefer_busy_poll(busy_poll.socket(xdp), true)?;
        Ok(busy_poll)
    }

    fn socket<'a>(&'a self, xdp: BorrowedFd<'a>) -> BorrowedFd<'a> {
        self.detour.as_ref().map_or(xdp, AsFd::as_fd)
    }

    /// Whether each turn has to poll.
    pub fn is_on(&self) -> bool {
        matches!(self.state, State::Learning | State::Polling)
    }

    /// Whether it isn't known yet which NAPI to poll.
    pub fn is_learning(&self) -> bool {
        self.state == State::Learning
    }

    /// Lets the device put what has arrived into the receive ring, without waiting. A frame that comes by way of the UDP
    /// socket is returned; then there may be more.
    pub fn poll(&mut self, xdp: BorrowedFd<'_>) -> Option<&[u8]> {
        let Some(socket) = &self.detour else {
            let _ = syscall::wake_receive(xdp); // what came is in the ring, also after an error
            return None;
        };
        let len = socket.recv(&mut self.frame).ok()?;
        if self.state == State::Learning && syscall::napi_id(socket.as_fd()).is_ok_and(|id| id != 0) {
            self.state = State::Polling;
        }
        self.frame.get(..len)
    }

    /// To be called when frames came through the ring while the NAPI is not known: no more will come by way of the UDP
    /// socket. `false` when there will be no busy polling.
    pub fn learn_from_ring(&mut self, xdp: BorrowedFd<'_>) -> bool {
        let own = syscall::napi_id(xdp).is_ok_and(|id| id != 0)
            && syscall::set_busy_poll(xdp, BUDGET).is_ok()
            && syscall::prefer_busy_poll(xdp, true).is_ok();
        self.detour = None;
        self.state = if own { State::Polling } else { State::Off };
        own
    }

    /// Frames are coming again.
    pub fn resume(&mut self, xdp: BorrowedFd<'_>) {
        if self.state == State::Resting && syscall::prefer_busy_poll(self.socket(xdp), true).is_ok() {
            self.state = State::Polling;
        }
    }

    /// Gives the NAPI back to the kernel, so that a sleeper is woken by the next frame. Returns what to sleep on; `None` when
    /// there may be something to be polled.
    pub fn rest<'a>(&'a mut self, xdp: BorrowedFd<'a>) -> Option<BorrowedFd<'a>> {
        match self.state {
            State::Learning => return Some(self.either.as_ref().map_or(xdp, AsFd::as_fd)),
            State::Polling => {}
            State::Resting | State::Off => return Some(xdp),
        }
        let _ = syscall::prefer_busy_poll(self.socket(xdp), false);
        self.state = State::Resting;
        // The kernel enables interrupts after `napi_defer_hard_irqs` polls in a row that found nothing.
        for _ in 0..=self.deferred {
            match &self.detour {
                None => drop(syscall::wake_receive(xdp)),
                Some(socket) if socket.peek(&mut [0]).is_ok() => {
                    self.resume(xdp);
                    return None;
                }
                Some(_) => {}
            }
        }
        Some(xdp)
    }
}

/// `napi_defer_hard_irqs` of an interface: how many polls without a frame it takes for interrupts to be enabled again.
///
/// # Errors
/// When the interface doesn't defer interrupts: softirqs and our polls would fight for each frame. Where sysfs can't tell,
/// it is trusted.
pub fn deferral(interface: &str) -> Result<u32, XdpError> {
    deferral_in(Path::new("/sys/class/net"), interface)
}

fn deferral_in(directory: &Path, interface: &str) -> Result<u32, XdpError> {
    let read = |name: &str| {
        let text = std::fs::read_to_string(directory.join(interface).join(name)).ok()?;
        text.trim().parse::<u32>().ok()
    };
    for name in ["napi_defer_hard_irqs", "gro_flush_timeout"] {
        if read(name) == Some(0) {
            return Err(XdpError::Config {
                what: format!("busy polling of {interface}, whose {name} is 0"),
                remedy: format!(
                    "run `cd /sys/class/net/{interface} && echo 2 > napi_defer_hard_irqs && echo 10000000 > gro_flush_timeout`"
                ),
            });
        }
    }
    Ok(read("napi_defer_hard_irqs").unwrap_or(2).min(1000))
}

#[cfg(test)]
mod tests;
