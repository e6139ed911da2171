//! Two queues of one thread, joined by a wire in virtual time.

use std::cell::{Cell, RefCell};
use std::io::{self, Write};
use std::rc::Rc;
use std::time::Duration;

use corelane_nic::Pool;

use crate::direction::{Capture, Direction};
use crate::{Faults, LinkConfig, LinkQueue, LinkStats, LinkType, Pcap, Rng};

/// An end of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The first end.
    A,
    /// The second end.
    B,
}

impl Side {
    pub(crate) fn index(self) -> usize {
        match self {
            Side::A => 0,
            Side::B => 1,
        }
    }

    /// The end at the other side.
    #[must_use]
    pub fn other(self) -> Side {
        match self {
            Side::A => Side::B,
            Side::B => Side::A,
        }
    }
}

pub(crate) struct Shared {
    pub(crate) now: Cell<Duration>,
    directions: [RefCell<Direction>; 2],
}

impl Shared {
    /// The direction that `from` sends into.
    pub(crate) fn direction(&self, from: Side) -> &RefCell<Direction> {
        &self.directions[from.index()]
    }
}

/// The wire between two [`LinkQueue`]s: whoever holds it moves the time and sets the faults. Clones are handles
/// of the same wire.
///
/// Time is virtual, a `Duration` since the start. What is sent leaves at the time last told by
/// [`Link::advance_to`]. Two runs with the same seed, the same frames and the same times are equal to the byte.
#[derive(Clone)]
pub struct Link {
    shared: Rc<Shared>,
    link_type: LinkType,
}

impl Link {
    /// A link and its ends A and B. Each end has a pool of its own.
    ///
    /// # Errors
    /// `InvalidInput` when the configuration can't be; the message names the field.
    pub fn new(config: &LinkConfig) -> io::Result<(Link, LinkQueue, LinkQueue)> {
        config.check()?;
        let pools: [Pool; 2] = std::array::from_fn(|_| Pool::heap(config.pool_config(config.slots)));
        let mut seeds = Rng::new(config.seed);
        let mut rng = || Rng::new(seeds.next_u64());
        let directions = [
            RefCell::new(Direction::new(config, config.a_to_b.clone(), rng(), pools[1].clone())),
            RefCell::new(Direction::new(config, config.b_to_a.clone(), rng(), pools[0].clone())),
        ];
        let shared = Rc::new(Shared { now: Cell::default(), directions });
        let [a, b] = pools;
        let a = LinkQueue::new(shared.clone(), Side::A, a, config.info(Side::A));
        let b = LinkQueue::new(shared.clone(), Side::B, b, config.info(Side::B));
        let link_type = if config.macs.is_some() { LinkType::Ethernet } else { LinkType::RawIp };
        Ok((Link { shared, link_type }, a, b))
    }

    /// Moves the time on; what arrives by then can be received. A time in the past changes nothing.
    pub fn advance_to(&self, now: Duration) {
        let now = now.max(self.shared.now.get());
        self.shared.now.set(now);
        for direction in &self.shared.directions {
            direction.borrow_mut().land(now);
        }
    }

    /// The time last told.
    pub fn now(&self) -> Duration {
        self.shared.now.get()
    }

    /// When the next frame can be received at either end: now if one waits, `None` when the link is empty.
    pub fn next_arrival(&self) -> Option<Duration> {
        let now = self.now();
        self.shared.directions.iter().filter_map(|d| d.borrow().next_arrival(now)).min()
    }

    /// What was done to the frames that `from` sent.
    pub fn stats(&self, from: Side) -> LinkStats {
        self.shared.direction(from).borrow().stats()
    }

    /// Changes the faults for the frames that `from` sends from now on. Those in flight arrive as they would have.
    ///
    /// # Errors
    /// `InvalidInput` when a value can't be; nothing changes.
    pub fn set_faults(&self, from: Side, faults: Faults) -> io::Result<()> {
        faults.check()?;
        self.shared.direction(from).borrow_mut().set_faults(faults);
        Ok(())
    }

    /// Captures what an observer at `side` sees: the frames that it sends, as they leave, and those sent to it,
    /// as they arrive. Ends a capture that went on there.
    ///
    /// # Errors
    /// Those of the writer, here and of the capture that was ended. A later one stops the capture and is told by
    /// [`Link::end_capture`].
    pub fn capture_at(&self, side: Side, out: Box<dyn Write>) -> io::Result<()> {
        self.end_capture(side)?;
        let pcap = Pcap::new(out, self.link_type)?;
        let capture = Rc::new(RefCell::new(Capture { pcap, error: None }));
        let mut outgoing = self.shared.direction(side).borrow_mut();
        outgoing.departures = Some(capture.clone());
        outgoing.choose_path();
        let mut incoming = self.shared.direction(side.other()).borrow_mut();
        incoming.arrivals = Some(capture);
        incoming.choose_path();
        Ok(())
    }

    /// Ends the capture at `side` and flushes its writer. Without one nothing happens.
    ///
    /// # Errors
    /// The first one of the writer since the capture began.
    pub fn end_capture(&self, side: Side) -> io::Result<()> {
        let mut outgoing = self.shared.direction(side).borrow_mut();
        let capture = outgoing.departures.take();
        outgoing.choose_path();
        let mut incoming = self.shared.direction(side.other()).borrow_mut();
        incoming.arrivals = None;
        incoming.choose_path();
        let Some(capture) = capture else { return Ok(()) };
        let mut capture = capture.borrow_mut();
        let flushed = capture.pcap.flush();
        capture.error.take().map_or(flushed, Err)
    }
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link")
            .field("now", &self.now())
            .field("a_to_b", &self.stats(Side::A))
            .field("b_to_a", &self.stats(Side::B))
            .finish()
    }
}

#[cfg(test)]
mod tests;
