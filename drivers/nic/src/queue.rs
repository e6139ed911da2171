//! The traits that each backend implements.

use std::io;
use std::os::fd::BorrowedFd;

use crate::{NicInfo, Pool, RxBurst, TxBurst};

/// The number of a queue, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct QueueId(pub u16);

/// An opened device. Used at start-up only.
pub trait Nic: Send {
    /// What the device is and can do.
    fn info(&self) -> &NicInfo;

    /// Opens a queue pair with a pool of `slots` buffers, for the calling thread.
    ///
    /// # Errors
    /// When there is no such queue, it is open already, or the system refuses (the error says what is missing).
    fn open_queue(&mut self, id: QueueId, slots: usize) -> io::Result<Box<dyn Queue>>;
}

/// One receive and transmit ring pair, owned by one core. Nothing here blocks.
pub trait Queue {
    /// The pool that received packets come from and sent ones may be taken from.
    fn pool(&self) -> &Pool;

    /// Appends what has arrived, up to the room of `burst`.
    fn receive(&mut self, burst: &mut RxBurst);

    /// Takes a prefix of `burst` and sends it; what does not fit stays for the next turn. Also collects what
    /// the device has finished sending, so it is worth calling with an empty burst.
    fn transmit(&mut self, burst: &mut TxBurst);

    /// Arms and returns what becomes readable when a frame arrives, to sleep on when idle; `None` where there
    /// is nothing to sleep on. Frames may have arrived before it was armed: receive once more before sleeping.
    fn interrupt(&mut self) -> Option<BorrowedFd<'_>>;

    /// Counts since the queue was opened.
    fn stats(&self) -> QueueStats;

    /// The state of the link, where the device tells.
    fn link(&self) -> Option<LinkState> {
        None
    }

    /// What the device itself counts, of all its queues, by the names that its driver gives (DPDK's xstats). Slow: not for
    /// every turn.
    fn device_stats(&self) -> Vec<(String, u64)> {
        Vec::new()
    }
}

/// A link's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkState {
    /// Whether frames get through.
    pub is_up: bool,
    /// Its speed in Mbit/s, where it is known.
    pub megabits: Option<u32>,
}

/// Counts of a queue; they only grow.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct QueueStats {
    /// Frames handed to the stack.
    pub rx_frames: u64,
    /// Bytes of these frames.
    pub rx_bytes: u64,
    /// Frames that the device or the driver dropped on the way in (ring full, no buffer, malformed).
    pub rx_dropped: u64,
    /// Frames given to the device.
    pub tx_frames: u64,
    /// Bytes of these frames.
    pub tx_bytes: u64,
    /// Frames that the device refused for good.
    pub tx_dropped: u64,
    /// Bytes of these frames that the driver had to copy, since they came in another pool's buffers.
    pub rx_copied_bytes: u64,
    /// Bytes that the driver had to copy to send them: into one buffer, or out of another pool's.
    pub tx_copied_bytes: u64,
    /// System calls made to receive, send or wake the device.
    pub system_calls: u64,
    /// Level: buffers of the pool that the device has now, to fill or to send.
    pub held: u64,
}
