//! A process without free descriptors. It limits its own, so nothing else may run in this process.

use std::fs::File;
use std::net::TcpStream as StdStream;
use std::os::fd::AsRawFd;
use std::time::Duration;

use corelane::net::TcpListener;
use corelane::time::timeout;
use corelane::{Clock, Worker};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

const PATIENCE: Duration = Duration::from_secs(60);

/// Leaves no number for another descriptor: the lowest free one is always taken.
fn allow_no_more() -> Rlimit {
    let before = getrlimit(Resource::Nofile);
    let lowest = File::open("/dev/null").unwrap().as_raw_fd() as u64;
    setrlimit(Resource::Nofile, Rlimit { current: Some(lowest), ..before }).unwrap();
    assert!(File::open("/dev/null").is_err());
    before
}

#[test]
fn connections_wait_for_a_descriptor() {
    let mut worker = Worker::kernel(Clock::system()).unwrap();
    worker.block_on(async {
        let mut listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        // What opens descriptors of its own the first time.
        assert!(timeout(Duration::from_millis(1), listener.accept()).await.is_err());
        let clients: Vec<StdStream> = (0..3).map(|_| StdStream::connect(address).unwrap()).collect();
        let (first, _) = listener.accept().await.unwrap();
        let before = allow_no_more();
        assert!(timeout(Duration::from_millis(300), listener.accept()).await.is_err(), "none is free");
        let waiting = corelane::spawn_local(async move { (listener.accept().await, listener) });
        corelane::yield_now().await;
        drop(first); // one is
        let (second, mut listener) = timeout(PATIENCE, waiting).await.unwrap().unwrap();
        let second = second.unwrap();
        let waiting = corelane::spawn_local(async move { listener.accept().await.map(|_| ()) });
        corelane::yield_now().await;
        setrlimit(Resource::Nofile, before).unwrap(); // nobody tells that there are some
        timeout(PATIENCE, waiting).await.unwrap().unwrap().unwrap();
        drop((second, clients));
    });
}
