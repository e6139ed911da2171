//! What only the kernel's sockets have: workers that share an address, errors of this machine, and its end.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream as StdStream};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use corelane::net::{TcpListener, TcpSocket, TcpStream};
use corelane::stats::Snapshot;
use corelane::time::{sleep, timeout};
use corelane::{Builder, Clock, Handle, Runtime, Worker, spawn_local};

const SECOND: Duration = Duration::from_secs(1);

fn kernel() -> Builder {
    Builder::new().engine("kernel")
}

/// An address of the loopback network that only this test uses, so that ports are free.
fn own(host: u8) -> SocketAddr {
    SocketAddr::from(([127, 5, 77, host], 7770))
}

/// Echoes until nothing is accepted any more.
async fn serve(address: SocketAddr, ready: mpsc::Sender<Handle>) -> io::Result<()> {
    let mut listener = TcpListener::bind(address).await?;
    let _ = ready.send(Handle::current().expect("a worker"));
    while let Ok((mut stream, _)) = listener.accept().await {
        spawn_local(async move {
            while let Some(chunk) = stream.recv_chunk().await? {
                stream.send(chunk).await?;
            }
            io::Result::Ok(())
        });
    }
    Ok(())
}

/// A server of so many workers in a thread of its own: what its workers' tasks gave, and whether it finished everything.
struct Server {
    handle: Handle,
    thread: thread::JoinHandle<(Vec<io::Result<()>>, bool)>,
}

fn server(address: SocketAddr, workers: u16) -> Server {
    let (ready, listening) = mpsc::channel();
    let thread = thread::spawn(move || {
        let mut runtime = kernel().queues(workers).build().unwrap();
        let ends = runtime.block_on_all(move || serve(address, ready.clone())).unwrap();
        (ends, runtime.shutdown(SECOND * 60))
    });
    let handles: Vec<Handle> = (0..workers).map(|_| listening.recv().unwrap()).collect();
    Server { handle: handles[0].clone(), thread }
}

impl Server {
    fn stop(self) -> bool {
        self.handle.shutdown(SECOND * 60);
        let (ends, finished) = self.thread.join().unwrap();
        ends.into_iter().all(|end| end.is_ok()) && finished
    }
}

fn ask(stream: &mut StdStream, text: &[u8]) {
    stream.write_all(text).unwrap();
    let mut answer = vec![0; text.len()];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(answer, text);
}

#[test]
fn connections_spread_over_the_workers_of_an_address() {
    const MANY: usize = 256;
    let server = server(own(1), 2);
    let mut streams: Vec<StdStream> = (0..MANY).map(|_| StdStream::connect(own(1)).unwrap()).collect();
    for (n, stream) in streams.iter_mut().enumerate() {
        ask(stream, &n.to_be_bytes());
    }
    let mut own = kernel().build().unwrap();
    let handle = server.handle.clone();
    let stats: Vec<Snapshot> = own.block_on(async move { handle.stats().await });
    let opens: Vec<u64> = stats.iter().map(|snapshot| snapshot.stack.tcp_passive_opens).collect();
    assert_eq!(opens.iter().sum::<u64>(), MANY as u64);
    assert!(opens.iter().all(|count| *count > MANY as u64 / 4), "{opens:?}");
    drop(streams);
    assert!(server.stop());
}

#[test]
fn what_was_accepted_is_answered_while_the_server_shuts_down() {
    let server = server(own(2), 2);
    let mut streams: Vec<StdStream> = (0..32).map(|_| StdStream::connect(own(2)).unwrap()).collect();
    streams.iter_mut().for_each(|stream| ask(stream, b"before"));
    let handle = server.handle.clone();
    handle.shutdown(SECOND * 60);
    // The listeners close at once, or nearly so.
    while StdStream::connect(own(2)).is_ok() {
        thread::yield_now();
    }
    streams.iter_mut().for_each(|stream| ask(stream, b"after"));
    drop(streams);
    assert!(server.stop(), "everything was finished");
}

#[test]
fn a_shutdown_does_not_wait_for_ever() {
    let server = server(own(3), 1);
    let mut stream = StdStream::connect(own(3)).unwrap();
    ask(&mut stream, b"before");
    server.handle.shutdown(Duration::from_millis(10));
    let (_, finished) = server.thread.join().unwrap();
    assert!(!finished, "a connection was cut off");
    assert_eq!(stream.read(&mut [0; 1]).unwrap(), 0, "its worker closed it");
}

fn listen_on_all(runtime: &mut Runtime, address: SocketAddr) -> Vec<io::Result<()>> {
    runtime.block_on_all(move || async move { TcpListener::bind(address).await.map(drop) }).unwrap()
}

#[test]
fn a_port_that_somebody_has_is_told_to_all_workers() {
    let somebody = std::net::TcpListener::bind(own(4)).unwrap();
    for workers in [1, 2] {
        let mut runtime = kernel().queues(workers).build().unwrap();
        for end in listen_on_all(&mut runtime, own(4)) {
            let error = end.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::AddrInUse);
            assert!(error.to_string().starts_with(&format!("can't listen on {}: ", own(4))), "{error}");
        }
    }
    drop(somebody);
    // Another runtime, whose listeners would let ours in.
    let other = server(own(4), 2);
    let mut runtime = kernel().queues(2).build().unwrap();
    for end in listen_on_all(&mut runtime, own(4)) {
        assert_eq!(end.unwrap_err().kind(), ErrorKind::AddrInUse);
    }
    assert!(other.stop());
    assert!(listen_on_all(&mut runtime, own(4)).into_iter().all(|end| end.is_ok()), "it is free again");
}

#[test]
fn a_worker_listens_once_on_an_address() {
    let worker = Worker::kernel(Clock::system()).unwrap();
    let _first = worker.enter(|| TcpListener::listen(own(5), 1)).unwrap();
    assert_eq!(worker.enter(|| TcpListener::listen(own(5), 1)).unwrap_err().kind(), ErrorKind::AddrInUse);
}

#[test]
fn a_device_is_refused_and_names_the_way_out() {
    let (nic, _peer) = corelane_sim::cross_thread_pair(&corelane_sim::LinkConfig::default()).unwrap();
    for (builder, told) in [
        (kernel().driver("xdp"), "device.driver = \"xdp\": the engine kernel has no device"),
        (kernel().interface("eth0"), "device.interface = \"eth0\": the engine kernel has no device"),
        (kernel().nic(nic), "nic = sim-a: the engine kernel has no device"),
        (Builder::new().engine("bsd"), "runtime.engine = \"bsd\": use native, kernel"),
    ] {
        let error = builder.build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().starts_with(told), "{error}");
    }
    // Addresses are the kernel's, and no mistake: the settings may serve both engines.
    drop(kernel().address("10.0.0.2/24").build().unwrap());
}

#[test]
fn what_can_not_be_set_is_named_and_nothing_is_set() {
    let mut worker = Worker::kernel(Clock::system()).unwrap();
    worker.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        for (set, named) in [
            (stream.set_tcp_notsent_lowat(Some(1)), "TCP_NOTSENT_LOWAT"),
            (stream.set_tcp_syncnt(Some(1)), "TCP_SYNCNT"),
            (stream.set_tcp_linger2(Some(SECOND)), "TCP_LINGER2"),
            (stream.set_tcp_mss(Some(1000)), "TCP_MAXSEG"),
            (stream.set_max_pacing_rate(Some(1 << 30)), "SO_MAX_PACING_RATE"),
            (stream.set_tcp_window_clamp(5000), "TCP_WINDOW_CLAMP"),
        ] {
            let error = set.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
            assert!(error.to_string().contains(named), "{error}");
        }
        assert_eq!(stream.options().unwrap(), Default::default());
        let socket = TcpSocket::new();
        socket.set_tcp_syncnt(Some(2)).unwrap();
        let error = socket.connect(listener.local_addr().unwrap()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    });
}

#[test]
fn a_reader_waits_while_the_application_holds_all_chunks() {
    const CHUNKS: usize = 64;
    let mut runtime = kernel().slots(CHUNKS).build().unwrap();
    runtime.block_on(async {
        let mut listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        client.set_nodelay(true).unwrap();
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut held = Vec::new();
        for n in 0..CHUNKS as u8 {
            client.write_all(&[n]).await.unwrap();
            held.push(stream.recv_chunk().await.unwrap().unwrap());
        }
        client.write_all(b"last").await.unwrap();
        let waits = timeout(Duration::from_millis(20), stream.recv_chunk()).await;
        assert!(waits.is_err(), "{waits:?}");
        let reading = spawn_local(async move { (stream.recv_chunk().await, stream) });
        sleep(Duration::from_millis(5)).await;
        assert!(!reading.is_finished());
        assert_eq!(held.swap_remove(7)[..], [7]);
        let (last, _stream) = reading.await.unwrap();
        assert_eq!(&last.unwrap().unwrap()[..], b"last");
    });
    assert!(runtime.shutdown(SECOND * 60));
}

/// The kernel takes a part of the last chunk, and the application goes before it takes the rest.
#[test]
fn a_chunk_that_was_taken_is_delivered_after_the_stream_is_gone() {
    const CHUNK: usize = 16 * 1024;
    for end_first in [false, true] {
        let mut worker = Worker::kernel(Clock::system()).unwrap();
        worker.block_on(async move {
            let mut listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
            let (mut stream, _) = listener.accept().await.unwrap();
            client.set_send_buffer_size(Some(20_000)).unwrap();
            let pool = corelane::net::pool().unwrap();
            let mut sent = 0;
            while client.try_send(corelane::Chunk::copy_from(&pool, &[3; CHUNK]).unwrap()).is_ok() {
                sent += CHUNK;
            }
            if end_first {
                client.shutdown(corelane::net::Shutdown::Write).unwrap();
                assert_eq!(client.write(b"more").await.unwrap_err().kind(), ErrorKind::BrokenPipe);
            }
            drop(client);
            let mut received = Vec::new();
            stream.read_to_end(&mut received).await.unwrap();
            assert_eq!(received.len(), sent);
        });
        worker.turn();
        assert_eq!(worker.stats().connections, 0);
        assert_eq!(worker.stats().pool_available, worker.stats().pool_slots);
    }
}

#[test]
fn an_idle_worker_takes_no_turns_and_wakes_up_at_once() {
    let mut runtime = kernel().queues(2).spin(Duration::ZERO).build().unwrap();
    let handle = runtime.handle();
    runtime.block_on(async move {
        let mut listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let before = corelane::stats::snapshot().unwrap();
        sleep(Duration::from_millis(200)).await;
        let after = corelane::stats::snapshot().unwrap();
        assert!(after.turns - before.turns < 20, "{} turns", after.turns - before.turns);
        assert!(after.sleeps > before.sleeps);
        // By a connection, by another worker, and by data.
        let client = handle.spawn_on(1, async move {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.set_nodelay(true).unwrap();
            for round in 0..500u32 {
                stream.write_all(&round.to_be_bytes()).await.unwrap();
                let mut answer = [0; 4];
                stream.read_exact(&mut answer).await.unwrap();
                assert_eq!(answer, round.to_be_bytes());
            }
        });
        let (mut stream, _) = listener.accept().await.unwrap();
        while let Some(chunk) = stream.recv_chunk().await.unwrap() {
            stream.send(chunk).await.unwrap();
        }
        client.unwrap().await.unwrap();
    });
    assert!(runtime.shutdown(SECOND * 60));
}

#[test]
fn timers_are_exact_to_less_than_a_millisecond() {
    let mut worker = Worker::kernel(Clock::system()).unwrap();
    worker.set_spin(Duration::ZERO);
    let late: Vec<Duration> = worker.block_on(async {
        let mut late = Vec::new();
        for micros in [300, 900, 1500, 2500, 7300] {
            let at = corelane::time::now() + Duration::from_micros(micros);
            corelane::time::sleep_until(at).await;
            late.push(corelane::time::now() - at);
        }
        late
    });
    // Never early. A busy machine makes some of them late, not all.
    assert!(late.iter().any(|late| *late < Duration::from_micros(900)), "{late:?}");
}
