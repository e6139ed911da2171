//! The end of a server.

mod support;

use std::io::{self, ErrorKind};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use corelane::net::{TcpListener, TcpStream};
use corelane::{Builder, Handle, spawn_local};
use corelane_sim::{LinkConfig, SimNic, cross_thread_pair};
use support::{Hosts, SERVER};

/// Echoes until nothing is accepted any more; tells why.
async fn serve() -> io::Error {
    let mut listener = TcpListener::bind(SERVER).await.unwrap();
    loop {
        let mut stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => return error,
        };
        spawn_local(async move {
            while let Some(chunk) = stream.recv_chunk().await? {
                stream.send(chunk).await?;
            }
            io::Result::Ok(())
        });
    }
}

#[test]
fn what_was_accepted_goes_on_and_nothing_new_is_taken() {
    let mut hosts = Hosts::new();
    let server = hosts.serve(serve());
    let mut stream = hosts.connect(async {
        let mut stream = TcpStream::connect(SERVER).await.unwrap();
        stream.write_all(b"a").await.unwrap();
        stream.read_exact(&mut [0; 1]).await.unwrap();
        stream
    });
    hosts.server.handle().shutdown(Duration::from_secs(60));
    let error = hosts.join(server);
    assert!(error.to_string().contains("shutting down"), "{error}");
    let refused = hosts.connect(async { TcpStream::connect(SERVER).await.unwrap_err() });
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    assert!(hosts.server.enter(|| TcpListener::listen("10.0.0.2:8", 1)).is_err());
    assert_eq!(hosts.server.stats().tasks, 1, "the connection's");
    let echoed = hosts.connect(async move {
        stream.write_all(b"still").await.unwrap();
        let mut buf = [0; 5];
        stream.read_exact(&mut buf).await.unwrap();
        buf
    });
    assert_eq!(&echoed, b"still");
    hosts.assert_clean();
}

/// A server on one end, in a thread of its own: its handle, and whether its shutdown finished everything.
fn host(nic: SimNic, queues: u16, end: impl FnOnce() -> Duration + Send + 'static) -> Host {
    let (tell, told) = mpsc::channel();
    let thread = thread::spawn(move || {
        let builder = Builder::new().nic(nic).address("10.0.0.2/24").queues(queues);
        let mut runtime = builder.build().unwrap();
        let handle = runtime.handle();
        let ends = runtime.block_on_all(move || {
            let (tell, handle) = (tell.clone(), handle.clone());
            async move {
                let serving = spawn_local(serve());
                tell.send(handle).unwrap();
                serving.await.unwrap().to_string()
            }
        });
        assert_eq!(ends.unwrap().len(), usize::from(queues));
        runtime.shutdown(end())
    });
    let handles: Vec<Handle> = (0..queues).map(|_| told.recv().unwrap()).collect();
    Host { thread, handle: handles[0].clone() }
}

struct Host {
    thread: thread::JoinHandle<bool>,
    handle: Handle,
}

#[test]
fn a_shutdown_waits_for_the_last_answer() {
    let (ours, theirs) = cross_thread_pair(&LinkConfig::default()).unwrap();
    let host = host(ours, 1, || Duration::from_secs(60));
    let mut runtime = Builder::new().nic(theirs).address("10.0.0.1/24").build().unwrap();
    runtime.block_on(async {
        let mut stream = TcpStream::connect(SERVER).await.unwrap();
        stream.write_all(b"one").await.unwrap();
        stream.read_exact(&mut [0; 3]).await.unwrap();
        host.handle.shutdown(Duration::from_secs(60));
        stream.write_all(b"two").await.unwrap();
        let mut answer = [0; 3];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"two");
    });
    assert!(runtime.shutdown(Duration::from_secs(60)), "the client's FIN was acknowledged");
    assert!(host.thread.join().unwrap(), "the server finished");
}

#[test]
fn a_shutdown_does_not_wait_for_ever() {
    let (ours, theirs) = cross_thread_pair(&LinkConfig::default()).unwrap();
    let host = host(ours, 1, || Duration::from_millis(10));
    let mut runtime = Builder::new().nic(theirs).address("10.0.0.1/24").build().unwrap();
    let open = runtime.block_on(async {
        let mut stream = TcpStream::connect(SERVER).await.unwrap();
        stream.write_all(b"one").await.unwrap();
        stream.read_exact(&mut [0; 3]).await.unwrap();
        stream
    });
    host.handle.shutdown(Duration::from_millis(10));
    assert!(!host.thread.join().unwrap(), "a connection was cut off");
    // The server's worker closed the stream on its way out.
    let end = runtime.block_on(async {
        let mut open = open;
        open.read(&mut [0; 1]).await
    });
    assert!(matches!(end, Ok(0)), "{end:?}");
}

#[test]
fn every_worker_serves_its_own_queue() {
    let (ours, theirs) = cross_thread_pair(&LinkConfig { queues: 2, ..LinkConfig::default() }).unwrap();
    let host = host(ours, 2, || Duration::from_secs(60));
    let mut runtime = Builder::new().nic(theirs).address("10.0.0.1/24").queues(2).build().unwrap();
    let echoed = runtime.block_on_all(|| async {
        let mut stream = TcpStream::connect(SERVER).await?;
        stream.write_all(b"each").await?;
        let mut answer = [0; 4];
        stream.read_exact(&mut answer).await?;
        io::Result::Ok(answer)
    });
    for answer in echoed.unwrap() {
        assert_eq!(&answer.unwrap(), b"each");
    }
    let handle = host.handle.clone();
    let opens: Vec<u64> = runtime.block_on(async move {
        let stats = handle.stats().await;
        stats.iter().map(|snapshot| snapshot.stack.tcp_passive_opens).collect()
    });
    assert_eq!(opens, [1, 1]);
    host.handle.shutdown(Duration::from_secs(60));
    assert!(runtime.shutdown(Duration::from_secs(60)));
    assert!(host.thread.join().unwrap());
}
