//! What a stream does when things go otherwise than well.

mod support;

use std::io::{self, ErrorKind};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use corelane::net::{Shutdown, State, TcpListener, TcpStream, pool};
use corelane::time::{now, sleep, timeout};
use corelane::{Chunk, spawn_local, yield_now};
use support::{Hosts, SERVER};

async fn accept_one() -> io::Result<TcpStream> {
    let mut listener = TcpListener::bind(SERVER).await?;
    Ok(listener.accept().await?.0)
}

#[test]
fn handles_may_go_anywhere() {
    fn is_send_and_sync<T: Send + Sync + 'static>() {}
    is_send_and_sync::<TcpStream>();
    is_send_and_sync::<TcpListener>();
    is_send_and_sync::<corelane::net::OwnedReadHalf>();
    is_send_and_sync::<corelane::time::Sleep>();
    is_send_and_sync::<corelane::Handle>();
}

#[test]
fn one_direction_ends_and_the_other_goes_on() {
    let mut hosts = Hosts::new();
    let server = hosts.serve(async {
        let mut stream = accept_one().await?;
        let mut question = String::new();
        stream.read_to_string(&mut question).await?;
        sleep(Duration::from_secs(1)).await;
        stream.write_all(format!("you said {question}").as_bytes()).await?;
        io::Result::Ok(question)
    });
    let answer = hosts.connect(async {
        let mut stream = TcpStream::connect(SERVER).await.unwrap();
        stream.write_all(b"ping").await.unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        assert_eq!(stream.write(b"more").await.unwrap_err().kind(), ErrorKind::BrokenPipe);
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    });
    assert_eq!(answer, "you said ping");
    assert_eq!(hosts.join(server).unwrap(), "ping");
    hosts.assert_clean();
}

#[test]
fn an_end_in_the_middle_is_told() {
    let mut hosts = Hosts::new();
    let server = hosts.serve(async {
        let mut stream = accept_one().await.unwrap();
        stream.read_exact(&mut [0; 100]).await.unwrap_err()
    });
    hosts.connect(async {
        let mut stream = TcpStream::connect(SERVER).await.unwrap();
        stream.write_all(&[1; 40]).await.unwrap();
    });
    let error = hosts.join(server);
    assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
    assert_eq!(error.to_string(), "the peer ended after 40 of 100 bytes");
    hosts.assert_clean();
}

#[test]
fn dropping_a_stream_with_unread_data_resets_it() {
    let mut hosts = Hosts::new();
    let server = hosts.serve(async {
        let mut stream = accept_one().await.unwrap();
        assert_eq!(stream.peek(&mut [0; 1]).await.unwrap(), 1, "the data are here, and stay unread");
        drop(stream);
    });
    let error = hosts.connect(async {
        let mut stream = TcpStream::connect(SERVER).await.unwrap();
        stream.write_all(b"nobody reads this").await.unwrap();
        stream.read(&mut [0; 10]).await.unwrap_err()
    });
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    hosts.join(server);
    hosts.assert_clean();
}

#[test]
fn an_abort_resets_the_peer() {
    let mut hosts = Hosts::new();
    let server = hosts.serve(async { accept_one().await.unwrap().abort() });
    let error = hosts.connect(async {
        let mut stream = TcpStream::connect(SERVER).await.unwrap();
        stream.read(&mut [0; 10]).await.unwrap_err()
    });
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    hosts.join(server);
    hosts.assert_clean();
}

#[test]
fn a_port_that_nobody_listens_on_refuses() {
    let mut hosts = Hosts::new();
    let error = hosts.connect(async { TcpStream::connect("10.0.0.2:9").await.unwrap_err() });
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    assert!(error.to_string().contains("10.0.0.2:9"), "{error}");
    hosts.assert_clean();
}

#[test]
fn a_host_that_is_not_there_is_unreachable() {
    let mut hosts = Hosts::new();
    let (error, took) = hosts.connect(async {
        let start = now();
        (TcpStream::connect("10.0.0.99:9").await.unwrap_err(), now() - start)
    });
    assert_eq!(error.kind(), ErrorKind::HostUnreachable, "{error}");
    assert_eq!(took.as_secs(), 3, "three ARP requests, a second apart");
    hosts.assert_clean();
}

#[test]
fn a_network_without_a_route_is_unreachable() {
    let mut hosts = Hosts::new();
    let error = hosts.connect(async { TcpStream::connect("192.0.2.1:9").await.unwrap_err() });
    assert_eq!(error.kind(), ErrorKind::NetworkUnreachable, "{error}");
    hosts.assert_clean();
}

#[test]
fn a_timeout_gives_up_the_opening() {
    let mut hosts = Hosts::new();
    let elapsed = hosts.connect(async {
        let start = now();
        let result = timeout(Duration::from_millis(100), TcpStream::connect("10.0.0.99:9")).await;
        assert!(result.is_err());
        now() - start
    });
    assert_eq!(elapsed, Duration::from_millis(100));
    assert_eq!(hosts.client.stats().connections, 0);
    hosts.assert_clean();
}

#[test]
fn a_cancelled_read_loses_nothing() {
    let mut hosts = Hosts::new();
    let server = hosts.serve(async {
        let mut stream = accept_one().await.unwrap();
        let mut buf = [0; 10];
        let late = timeout(Duration::from_millis(5), stream.read(&mut buf)).await;
        assert!(late.is_err());
        let peeked = stream.peek(&mut buf).await.unwrap();
        assert_eq!(&buf[..peeked], b"late");
        buf = [0; 10];
        let read = stream.read(&mut buf).await.unwrap();
        buf[..read].to_vec()
    });
    hosts.connect(async {
        let mut stream = TcpStream::connect(SERVER).await.unwrap();
        sleep(Duration::from_millis(20)).await;
        stream.write_all(b"late").await.unwrap();
    });
    assert_eq!(hosts.join(server), b"late");
    hosts.assert_clean();
}

#[test]
fn a_full_window_holds_the_writer_until_the_reader_reads() {
    let mut hosts = Hosts::new();
    let server = hosts.serve(async {
        let mut stream = accept_one().await.unwrap();
        sleep(Duration::from_secs(60)).await;
        let mut received = Vec::new();
        stream.read_to_end(&mut received).await.unwrap();
        received.len()
    });
    const TOTAL: usize = 8 << 20; // more than both buffers together
    let took = hosts.connect(async {
        let mut stream = TcpStream::connect(SERVER).await.unwrap();
        let start = now();
        stream.write_all(&vec![7; TOTAL]).await.unwrap();
        now() - start
    });
    assert!(took >= Duration::from_secs(59), "{took:?}");
    assert_eq!(hosts.join(server), TOTAL);
    hosts.assert_clean();
}

#[test]
fn a_chunk_is_sent_whole_or_given_back() {
    let mut hosts = Hosts::with(&Default::default(), |tcp| tcp.tcp_wmem = 4096.into());
    let server = hosts.serve(async {
        let mut stream = accept_one().await.unwrap();
        let mut total = 0;
        while let Some(chunk) = stream.recv_chunk().await.unwrap() {
            assert!(chunk.iter().all(|byte| *byte == 9));
            total += chunk.len();
        }
        total
    });
    let sent = hosts.connect(async {
        let mut stream = TcpStream::connect(SERVER).await.unwrap();
        let pool = pool().unwrap();
        let mut sent = 0;
        let refused = loop {
            let chunk = Chunk::copy_from(&pool, &[9; 1000]).unwrap();
            match stream.try_send(chunk) {
                Ok(()) => sent += 1000,
                Err(refused) => break refused,
            }
        };
        assert_eq!(refused.error.kind(), ErrorKind::WouldBlock);
        assert_eq!(refused.chunk.len(), 1000, "all of it");
        stream.send(refused.chunk).await.unwrap();
        sent + 1000
    });
    assert!(sent > 1000);
    assert_eq!(hosts.join(server), sent);
    hosts.assert_clean();
}

#[test]
fn a_panic_in_a_task_leaves_the_others_their_connections() {
    let mut hosts = Hosts::new();
    let server = hosts.serve(async {
        let mut listener = TcpListener::bind(SERVER).await.unwrap();
        let (bad, _) = listener.accept().await.unwrap();
        let bad = spawn_local(async move {
            let mut stream = bad;
            stream.read_exact(&mut [0; 1]).await.unwrap();
            panic!("a bug");
        });
        let (mut good, _) = listener.accept().await.unwrap();
        let result: Result<(), _> = bad.await;
        good.write_all(b"still here").await.unwrap();
        result.unwrap_err().to_string()
    });
    let (first, second) = hosts.connect(async {
        let mut first = TcpStream::connect(SERVER).await.unwrap();
        let mut second = TcpStream::connect(SERVER).await.unwrap();
        first.write_all(b"x").await.unwrap();
        let mut text = String::new();
        second.read_to_string(&mut text).await.unwrap();
        (first.read(&mut [0; 1]).await.unwrap(), text)
    });
    assert_eq!((first, second.as_str()), (0, "still here"));
    assert_eq!(hosts.join(server), "the task panicked: a bug");
    hosts.assert_clean();
}

#[test]
fn a_stream_works_only_at_home() {
    let mut hosts = Hosts::new();
    let server = hosts.serve(accept_one());
    let stream = hosts.connect(async { TcpStream::connect(SERVER).await.unwrap() });
    let accepted = hosts.join(server).unwrap();
    let errors = thread::spawn(move || {
        let mut stream = stream;
        let mut cx = Context::from_waker(Waker::noop());
        let mut buf = [0; 4];
        let Poll::Ready(Err(read)) = stream.poll_read(&mut cx, &mut buf) else { panic!("it must fail") };
        (read, stream.local_addr().unwrap_err())
        // and the stream is dropped here
    });
    let (read, address) = errors.join().unwrap();
    assert_eq!((read.kind(), address.kind()), (ErrorKind::Unsupported, ErrorKind::Unsupported));
    assert!(read.to_string().contains("was used on a thread without a worker"), "{read}");
    // Another worker of the same thread is not its home either.
    let error = hosts.client.enter(|| accepted.peer_addr().unwrap_err());
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    // The drop over there closes it here: the other end sees the FIN.
    let end = hosts.serve(async move {
        let mut accepted = accepted;
        accepted.read(&mut [0; 1]).await.unwrap()
    });
    assert_eq!(hosts.join(end), 0);
    hosts.assert_clean();
}

#[test]
fn halves_go_to_two_tasks_and_come_together_again() {
    let mut hosts = Hosts::new();
    let server = hosts.serve(async {
        let mut stream = accept_one().await.unwrap();
        let (mut read, mut write) = stream.split();
        let mut buf = [0; 4];
        read.read_exact(&mut buf).await.unwrap();
        write.write_all(&buf).await.unwrap();
        drop(stream.recv_chunk().await);
    });
    hosts.connect(async {
        let (mut read, mut write) = TcpStream::connect(SERVER).await.unwrap().into_split();
        let reader = spawn_local(async move {
            let mut buf = [0; 4];
            read.read_exact(&mut buf).await.unwrap();
            (read, buf)
        });
        yield_now().await;
        write.write_all(b"both").await.unwrap();
        let (read, buf) = reader.await.unwrap();
        assert_eq!(&buf, b"both");
        let stream = read.reunite(write).unwrap();
        assert_eq!(stream.tcp_info().unwrap().state, State::Established, "no FIN was sent");
    });
    hosts.join(server);
    hosts.assert_clean();
}

#[test]
fn options_and_addresses_are_told() {
    let mut hosts = Hosts::new();
    let server = hosts.serve(async {
        let mut listener = TcpListener::bind("0.0.0.0:7").await.unwrap();
        assert_eq!(listener.local_addr().unwrap().port(), 7);
        let (stream, peer) = listener.accept().await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), peer);
        assert_eq!(stream.local_addr().unwrap(), SERVER.parse().unwrap());
        peer
    });
    let local = hosts.connect(async {
        let stream = TcpStream::connect_from("10.0.0.1:4242", SERVER).await.unwrap();
        stream.set_nodelay(true).unwrap();
        assert!(stream.nodelay().unwrap());
        stream.set_keepalive(None).unwrap();
        stream.set_linger(None).unwrap();
        assert!(stream.take_error().unwrap().is_none());
        stream.local_addr().unwrap()
    });
    assert_eq!(local, "10.0.0.1:4242".parse().unwrap());
    assert_eq!(hosts.join(server), local);
    hosts.assert_clean();
}

#[test]
fn listening_is_refused_where_it_can_not_be() {
    let hosts = Hosts::new();
    hosts.server.enter(|| {
        let first = TcpListener::listen(SERVER, 10).unwrap();
        let error = TcpListener::listen(SERVER, 10).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
        assert!(error.to_string().contains(SERVER), "{error}");
        assert_eq!(TcpListener::listen("10.0.0.77:7", 1).unwrap_err().kind(), ErrorKind::AddrNotAvailable);
        assert_eq!(TcpListener::listen("nowhere:7", 1).unwrap_err().kind(), ErrorKind::InvalidInput);
        drop(first);
        drop(TcpListener::listen(SERVER, 10).unwrap());
    });
    let outside = TcpListener::listen(SERVER, 10).unwrap_err();
    assert!(outside.to_string().contains("no corelane worker"), "{outside}");
}
