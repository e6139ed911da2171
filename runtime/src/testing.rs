//! Two hosts in memory, for tests: what [`#[corelane::test]`](crate::test) runs on. Feature `test-util`.
//!
//! ```text
//!  10.0.0.1/24 --- link in memory, no loss, no delay --- 10.0.0.2/24
//!  the test                                              what it starts with Peer::spawn
//! ```
//!
//! Both hosts are on the test's thread, each a worker with a stack of its own. Time is virtual: it moves on to the next deadline when
//! neither has anything to do, so a test of an hour's timeout takes no time, and the same test does the same each time. What
//! is outside (threads, the kernel's sockets, tokio's timers) is not waited for.
//!
//! The attribute makes `run(|peer| async move { .. })` of the test:
//!
//! ```
//! use corelane::net::{TcpListener, TcpStream};
//! use corelane::testing::{Peer, run};
//!
//! // #[corelane::test] async fn an_echo_comes_back(peer: Peer) -> std::io::Result<()> { .. }
//! # fn main() -> std::io::Result<()> {
//! run(|peer: Peer| async move {
//!     peer.spawn(async {
//!         let mut listener = TcpListener::bind("10.0.0.2:7").await?;
//!         let (mut stream, _) = listener.accept().await?;
//!         while let Some(chunk) = stream.recv_chunk().await? {
//!             stream.send(chunk).await?;
//!         }
//!         std::io::Result::Ok(())
//!     });
//!     let mut stream = TcpStream::connect("10.0.0.2:7").await?;
//!     stream.write_all(b"hello").await?;
//!     let mut answer = [0; 5];
//!     stream.read_exact(&mut answer).await?;
//!     assert_eq!(&answer, b"hello");
//!     Ok(())
//! })
//! # }
//! ```

use std::future::Future;
use std::io;
use std::panic;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use corelane_netstack::{Config, Instant, Link as LinkInfo, Stack};
use corelane_nic::{Medium, Offloads, Queue};
use corelane_sim::{Link, LinkConfig, LinkQueue};

use crate::core::current;
use crate::core::inner::Inner;
use crate::{Clock, JoinHandle, ManualClock, Worker, spawn_local};

/// The address of the host that the test runs on, with its prefix length.
const HOST: &str = "10.0.0.1/24";

/// That of the other one.
const PEER: &str = "10.0.0.2/24";

/// The other host: 10.0.0.2.
#[derive(Clone)]
pub struct Peer {
    inner: Rc<Inner>,
}

impl Peer {
    /// Starts a task there: its sockets are those of 10.0.0.2. The handle may be awaited in the test.
    pub fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        self.enter(|| spawn_local(future))
    }

    /// Runs `f` as if in a task of that host: sockets made there are its own.
    pub fn enter<R>(&self, f: impl FnOnce() -> R) -> R {
        current::enter(&self.inner, f)
    }
}

impl std::fmt::Debug for Peer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Peer").field("address", &PEER).finish()
    }
}

struct Hosts {
    host: Worker,
    peer: Worker,
    clock: ManualClock,
    wire: Link,
}

impl Hosts {
    fn new() -> io::Result<Hosts> {
        let (clock, hand) = Clock::manual();
        let link = LinkConfig::default();
        let (wire, a, b) = Link::new(&link)?;
        let worker = |queue: LinkQueue, end: usize, address: &str| {
            let medium = link.macs.map_or(Medium::Ip, |macs| Medium::Ethernet(macs[end]));
            let address = address.parse().map_err(io::Error::other)?;
            let config = Config { addresses: vec![address], ..Config::default() };
            let info = LinkInfo { medium, mtu: link.mtu, offloads: Offloads::default() };
            let stack = Stack::new(config, info, queue.pool().clone(), [end as u8; 32]);
            Worker::new(Box::new(queue), stack, clock.clone())
        };
        Ok(Hosts { host: worker(a, 0, HOST)?, peer: worker(b, 1, PEER)?, clock: hand, wire })
    }

    /// A turn of each; when neither had anything to do, time moves on. `false` when nothing is left to happen.
    fn step(&mut self) -> bool {
        // A task of tokio's that gave way is not seen to be ready: it gets some turns more.
        let tokios = [&self.host.inner.tokio, &self.peer.inner.tokio];
        let rounds = if tokios.iter().all(|tokio| tokio.is_idle()) { 1 } else { 64 };
        for _ in 0..rounds {
            self.host.inner.tokio.hurry();
            self.peer.inner.tokio.hurry();
            if self.host.turn().is_busy() | self.peer.turn().is_busy() {
                return true;
            }
        }
        let arrival = self.wire.next_arrival().map(|at| Instant::ZERO + at);
        let deadlines = [self.host.next_deadline(), self.peer.next_deadline(), arrival];
        let Some(next) = deadlines.into_iter().flatten().min() else { return false };
        // A deadline may be given early: time must move all the same.
        self.clock.set(next.max(self.clock.now() + Duration::from_nanos(1)));
        self.wire.advance_to(self.clock.now() - Instant::ZERO);
        true
    }
}

/// Runs a test to its end. `#[corelane::test]` calls it; so may who needs more than that does.
///
/// # Panics
/// When the test panics, and when it waits for what can't happen any more.
pub fn run<F>(test: impl FnOnce(Peer) -> F) -> F::Output
where
    F: Future + 'static,
    F::Output: 'static,
{
    let mut hosts = match Hosts::new() {
        Ok(hosts) => hosts,
        Err(error) => panic!("the two hosts can't be made: {error}"),
    };
    let peer = Peer { inner: hosts.peer.inner.clone() };
    let mut task = hosts.host.spawn_local(test(peer));
    while !task.is_finished() {
        let goes_on = hosts.step();
        assert!(
            goes_on || task.is_finished(),
            "the test waits for what can't happen: no frame is under way, no timer runs\nhost {:#?}\npeer {:#?}",
            hosts.host.stats(),
            hosts.peer.stats()
        );
    }
    let ended = std::pin::Pin::new(&mut task).poll(&mut Context::from_waker(Waker::noop()));
    match ended {
        Poll::Ready(Ok(output)) => output,
        Poll::Ready(Err(error)) => match error.try_into_panic() {
            Ok(panic) => panic::resume_unwind(panic),
            Err(error) => panic!("the test has no result: {error}"),
        },
        Poll::Pending => panic!("the test has ended without a result"),
    }
}

#[cfg(test)]
mod tests;
