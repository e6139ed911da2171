//! The same server and client on each engine.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use corelane::net::TcpListener;
use corelane::{Clock, Worker, spawn_local, time};

use super::{Hosts, SERVER};

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs a server and a client: on our stack, as two hosts joined in memory in virtual time; and on the kernel's sockets, as
/// tasks of one worker. Nothing may be left afterwards.
pub fn on_both<S, SF, C, CF>(server: S, client: C)
where
    S: Fn(TcpListener) -> SF,
    SF: Future<Output = ()> + 'static,
    C: Fn(SocketAddr) -> CF,
    CF: Future<Output = ()> + 'static,
{
    let mut hosts = Hosts::new();
    let listener = hosts.server.enter(|| TcpListener::listen(SERVER, 128)).unwrap();
    let serving = hosts.serve(server(listener));
    hosts.connect(client(SERVER.parse().unwrap()));
    hosts.join(serving);
    hosts.assert_clean();
    on_the_kernel(server, client);
}

/// The second half of [`on_both`].
pub fn on_the_kernel<S, SF, C, CF>(server: S, client: C)
where
    S: Fn(TcpListener) -> SF,
    SF: Future<Output = ()> + 'static,
    C: Fn(SocketAddr) -> CF,
    CF: Future<Output = ()> + 'static,
{
    let mut worker = Worker::kernel(Clock::system()).unwrap();
    let listener = worker.enter(|| TcpListener::listen("127.0.0.1:0", 128)).unwrap();
    let address = worker.enter(|| listener.local_addr()).unwrap();
    let (serving, client) = (server(listener), client(address));
    worker.block_on(async move {
        let serving = spawn_local(serving);
        time::timeout(PATIENCE, client).await.expect("the client never ends");
        time::timeout(PATIENCE, serving).await.expect("the server never ends").unwrap();
    });
    let stats = worker.stats();
    assert_eq!(stats.pool_available, stats.pool_slots, "chunks");
    assert_eq!((stats.connections, stats.tasks, stats.timers), (0, 0, 0), "connections, tasks, timers");
}
