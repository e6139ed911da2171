//! A stack on a queue, and its turn.

use std::time::Duration;

use corelane_netstack::{Config, Instant, Link, Stack};
use corelane_nic::{Checksum, Queue, RxBurst, RxFrame, TxBurst, TxOffload};
use corelane_sim::LinkQueue;

/// Virtual time as the stack has it.
pub(crate) fn instant(now: Duration) -> Instant {
    Instant::from_nanos(u64::try_from(now.as_nanos()).unwrap_or(u64::MAX))
}

/// One end of a [`World`](crate::World): the turn of a worker in two halves, with the application between them.
pub struct Host {
    /// The stack.
    pub stack: Stack,
    /// Its end of the link.
    pub queue: LinkQueue,
    /// As the link gives them: in the sender's buffers.
    arriving: RxBurst,
    /// In our own.
    rx: RxBurst,
    /// As the stack gave them.
    fresh: TxBurst,
    /// Looked at, and waiting for the queue.
    staged: TxBurst,
}

impl Host {
    /// A stack on `queue`, with bursts of `burst` frames.
    pub fn new(queue: LinkQueue, config: Config, secret: [u8; 32], burst: usize) -> Host {
        let link = Link::from(queue.info());
        Host::with_link(queue, link, config, secret, burst)
    }

    /// As `new`, with another device than the queue's for all that the stack knows.
    pub(crate) fn with_link(
        queue: LinkQueue,
        link: Link,
        config: Config,
        secret: [u8; 32],
        burst: usize,
    ) -> Host {
        let stack = Stack::new(config, link, queue.pool().clone(), secret);
        Host {
            stack,
            queue,
            arriving: RxBurst::with_capacity(burst),
            rx: RxBurst::with_capacity(burst),
            fresh: TxBurst::with_capacity(burst),
            staged: TxBurst::with_capacity(burst),
        }
    }

    /// What arrived and the timers that are due; `tap` sees each frame before the stack does.
    ///
    /// As on a card, a frame lands in a buffer of the receiver; without one it is lost. (The link by itself hands the sender's
    /// buffer over.)
    pub fn receive(&mut self, now: Duration, mut tap: impl FnMut(&[u8], Checksum)) {
        self.queue.receive(&mut self.arriving);
        while self.rx.room() > 0
            && let Some(RxFrame { packet, checksum, hash }) = self.arriving.pop()
        {
            let Some(mut landed) = self.queue.pool().take() else { continue };
            if landed.extend_from_slice(&packet) < packet.len() {
                continue;
            }
            tap(&landed, checksum);
            self.rx.push(RxFrame { packet: landed, checksum, hash });
        }
        self.stack.receive(instant(now), &mut self.rx);
        self.stack.expire(instant(now));
    }

    /// What is to be sent; `tap` sees each frame as it leaves the stack.
    pub fn transmit(&mut self, now: Duration, mut tap: impl FnMut(&[u8], TxOffload)) {
        if self.staged.is_empty() {
            self.stack.transmit(instant(now), &mut self.fresh);
            while let Some(frame) = self.fresh.pop_linear() {
                // The link's buffers hold any frame that its MTU allows: one that does not fit is not sent.
                if let Ok((packet, offload, _)) = frame {
                    tap(&packet, offload);
                    self.staged.push(packet, offload);
                }
            }
        }
        self.queue.transmit(&mut self.staged);
    }

    /// Whether frames wait at this end, in either direction.
    pub fn is_busy(&self) -> bool {
        !self.arriving.is_empty()
            || !self.rx.is_empty()
            || !self.staged.is_empty()
            || self.stack.wants_transmit()
    }
}
