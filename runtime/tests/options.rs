//! Options of sockets, closing with SO_LINGER, and the list of sockets.

mod support;

use std::io::{self, ErrorKind};
use std::time::Duration;

use corelane::net::{
    CongestionControl, Keepalive, Shutdown, SocketOptions, State, TcpListener, TcpSocket, TcpStream,
};
use corelane::stats::{self, SocketOwner};
use corelane::{spawn_local, time};
use corelane_sim::{Faults, LinkConfig, Side};
use support::{Hosts, SERVER};

const SECOND: Duration = Duration::from_secs(1);

/// Hosts whose frames take `delay` each way.
fn delayed(delay: Duration) -> Hosts {
    let faults = || Faults { delay, ..Faults::default() };
    Hosts::with(&LinkConfig { a_to_b: faults(), b_to_a: faults(), ..LinkConfig::default() }, |_| {})
}

#[test]
fn every_option_is_told_as_it_was_set() {
    let mut hosts = Hosts::new();
    let server = hosts.serve(async {
        let mut listener = TcpListener::bind(SERVER).await.unwrap();
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.read(&mut [0; 1]).await.unwrap()
    });
    hosts.connect(async {
        let stream = TcpStream::connect(SERVER).await.unwrap();
        assert_eq!(stream.options().unwrap(), SocketOptions::default());
        stream.set_nodelay(true).unwrap();
        stream.set_tcp_cork(true).unwrap();
        stream.set_keepalive(Some(Keepalive::WEB)).unwrap();
        stream.set_linger(Some(SECOND)).unwrap();
        stream.set_tcp_user_timeout(Some(SECOND * 30)).unwrap();
        stream.set_tcp_notsent_lowat(Some(16_384)).unwrap();
        stream.set_tcp_syncnt(Some(3)).unwrap();
        stream.set_tcp_linger2(Some(SECOND * 5)).unwrap();
        stream.set_tcp_mss(Some(1000)).unwrap();
        stream.set_send_buffer_size(Some(65_536)).unwrap();
        stream.set_tos(0x10).unwrap();
        stream.set_ttl(Some(5)).unwrap();
        stream.set_tcp_congestion(Some(CongestionControl::Bbr)).unwrap();
        stream.set_max_pacing_rate(Some(1 << 30)).unwrap();
        let all = SocketOptions {
            congestion_control: stream.tcp_congestion().unwrap(),
            max_pacing_rate: stream.max_pacing_rate().unwrap(),
            nodelay: stream.nodelay().unwrap(),
            cork: stream.tcp_cork().unwrap(),
            keepalive: stream.keepalive().unwrap(),
            user_timeout: stream.tcp_user_timeout().unwrap(),
            syncnt: stream.tcp_syncnt().unwrap(),
            linger: stream.linger().unwrap(),
            linger2: stream.tcp_linger2().unwrap(),
            notsent_lowat: stream.tcp_notsent_lowat().unwrap(),
            send_buffer: stream.send_buffer_size().unwrap(),
            maxseg: stream.tcp_mss().unwrap(),
            ttl: stream.ttl().unwrap(),
            tos: stream.tos().unwrap(),
        };
        assert_eq!(stream.options().unwrap(), all);
        assert!(all.cork && all.ttl == Some(5) && all.linger == Some(SECOND) && all.tos == 0x10);
        stream.set_recv_buffer_size(10_000).unwrap();
        assert_eq!(stream.recv_buffer_size().unwrap(), 10_000);
        stream.set_quickack(true).unwrap();
        assert!(stream.quickack().unwrap());
        stream.set_tcp_window_clamp(5000).unwrap();
        assert_eq!(stream.set_ttl(Some(0)).unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(stream.ttl().unwrap(), Some(5));
        assert_eq!(corelane::net::default_keepalive().unwrap(), Keepalive::LINUX);
    });
    assert_eq!(hosts.join(server), 0);
    hosts.assert_clean();
}

#[test]
fn a_sockets_options_count_for_its_opening_and_for_what_it_accepts() {
    let mut hosts = Hosts::new();
    let server = hosts.serve(async {
        let socket = TcpSocket::new();
        socket.bind(SERVER).unwrap();
        socket.set_tcp_mss(Some(600)).unwrap();
        socket.set_keepalive(Some(Keepalive::FINANCE)).unwrap();
        let mut listener = socket.listen(10).unwrap();
        let (mut stream, _) = listener.accept().await.unwrap();
        assert_eq!(stream.keepalive().unwrap(), Some(Keepalive::FINANCE));
        stream.read(&mut [0; 1]).await.unwrap()
    });
    let (mss, local) = hosts.connect(async {
        let socket = TcpSocket::new();
        assert_eq!(socket.set_tcp_mss(Some(1)).unwrap_err().kind(), ErrorKind::InvalidInput);
        socket.bind("10.0.0.1:4242").unwrap();
        socket.set_nodelay(true).unwrap();
        assert!(socket.nodelay().unwrap());
        let stream = socket.connect(SERVER).await.unwrap();
        assert!(stream.nodelay().unwrap());
        (stream.tcp_info().unwrap().snd_mss, stream.local_addr().unwrap())
    });
    assert_eq!((mss, local), (588, "10.0.0.1:4242".parse().unwrap()), "600 less timestamps");
    assert_eq!(hosts.join(server), 0);
    assert_eq!(TcpSocket::new().listen(1).unwrap_err().kind(), ErrorKind::InvalidInput);
    // A server that is not there: two SYNs more instead of six.
    hosts.link.set_faults(Side::A, Faults { loss: 1.0, ..Faults::default() }).unwrap();
    let before = hosts.clock.now();
    let error = hosts.connect(async {
        let socket = TcpSocket::new();
        socket.set_tcp_syncnt(Some(2)).unwrap();
        socket.connect(SERVER).await.unwrap_err()
    });
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert!(hosts.clock.now() - before < SECOND * 8, "1 + 2 + 4 s");
}

#[test]
fn close_waits_for_the_delivery_as_long_as_so_linger_says() {
    let mut hosts = delayed(Duration::from_millis(100));
    let server = hosts.serve(async {
        let mut listener = TcpListener::bind(SERVER).await.unwrap();
        let mut received = Vec::new();
        for _ in 0..3 {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut text = Vec::new();
            let end = stream.read_to_end(&mut text).await;
            received.push((text.len(), end.map_err(|error| error.kind())));
        }
        received
    });
    let results = hosts.connect(async {
        let mut results = Vec::new();
        for linger in [Some(SECOND), Some(Duration::from_millis(50)), Some(Duration::ZERO)] {
            let mut stream = TcpStream::connect(SERVER).await.unwrap();
            stream.set_linger(linger).unwrap();
            stream.write_all(b"last words").await.unwrap();
            corelane::yield_now().await; // they are sent
            results.push(stream.close().await.map_err(|error| error.kind()));
        }
        results
    });
    assert_eq!(results, [Ok(()), Err(ErrorKind::TimedOut), Ok(())]);
    let received = hosts.join(server);
    assert_eq!(received[..2], [(10, Ok(10)), (10, Ok(10))], "late is delivered all the same");
    assert_eq!(received[2].1, Err(ErrorKind::ConnectionReset));
    hosts.assert_clean();
}

#[test]
fn close_with_unread_data_says_that_they_are_lost() {
    let mut hosts = Hosts::new();
    let server = hosts.serve(async {
        let mut listener = TcpListener::bind(SERVER).await.unwrap();
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"unread").await.unwrap();
        stream.read(&mut [0; 1]).await.unwrap_err().kind()
    });
    let end = hosts.connect(async {
        let mut stream = TcpStream::connect(SERVER).await.unwrap();
        stream.peek(&mut [0; 1]).await.unwrap();
        stream.set_linger(Some(SECOND)).unwrap();
        stream.close().await.unwrap_err().kind()
    });
    assert_eq!(end, ErrorKind::ConnectionReset);
    assert_eq!(hosts.join(server), ErrorKind::ConnectionReset);
    hosts.assert_clean();
}

#[test]
fn a_writer_before_a_notsent_lowat_is_woken_by_what_is_sent() {
    let mut hosts = Hosts::new();
    let server = hosts.serve(async {
        let mut listener = TcpListener::bind(SERVER).await.unwrap();
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut all = Vec::new();
        stream.read_to_end(&mut all).await.unwrap()
    });
    hosts.connect(async {
        let mut stream = TcpStream::connect(SERVER).await.unwrap();
        stream.set_tcp_notsent_lowat(Some(1)).unwrap();
        stream.write_all(&[7; 1000]).await.unwrap();
        stream.set_tcp_notsent_lowat(Some(2000)).unwrap();
        stream.write_all(&[7; 300_000]).await.unwrap();
    });
    assert_eq!(hosts.join(server), 301_000);
    hosts.assert_clean();
}

#[test]
fn a_turn_that_makes_room_by_sending_wants_another() {
    // A small window: frames are of one segment.
    let mut hosts = Hosts::with(&LinkConfig::default(), |tcp| tcp.tcp_rmem = 2920.into());
    let server = hosts.serve(async {
        let mut listener = TcpListener::bind(SERVER).await.unwrap();
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut all = Vec::new();
        stream.read_to_end(&mut all).await.unwrap()
    });
    let mut stream = hosts.connect(async {
        let stream = TcpStream::connect(SERVER).await.unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_tcp_notsent_lowat(Some(1)).unwrap();
        stream
    });
    while hosts.client.turn().is_busy() {}
    let writing = hosts.client.spawn_local(async move {
        let frame = stream.write(&[b'x'; 5000]).await.unwrap();
        stream.write(&vec![b'y'; frame]).await.unwrap(); // waits until the first frame was sent
        frame
    });
    let turn = hosts.client.turn();
    assert!(turn.polled > 0 && turn.sent > 0 && !writing.is_finished());
    assert!(turn.more, "without it the worker could sleep, and nobody would wake the writer");
    hosts.client.turn();
    assert!(writing.is_finished());
    assert!(matches!(hosts.join(server), 2000..=3000));
    hosts.assert_clean();
}

#[test]
fn shutdown_read_ends_a_read_that_waits() {
    let mut hosts = Hosts::new();
    let server = hosts.serve(async {
        let mut listener = TcpListener::bind(SERVER).await.unwrap();
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.read(&mut [0; 1]).await.unwrap()
    });
    let read = hosts.connect(async {
        let (mut reader, _writer) = {
            let stream = TcpStream::connect(SERVER).await.unwrap();
            stream.shutdown(Shutdown::Read).unwrap();
            stream.into_split()
        };
        reader.read(&mut [0; 1]).await.unwrap()
    });
    assert_eq!(read, 0);
    assert_eq!(hosts.join(server), 0);
    hosts.assert_clean();
}

#[test]
fn sockets_are_listed_with_the_age_of_their_state() {
    let mut hosts = Hosts::new();
    let server = hosts.serve(async {
        let mut listener = TcpListener::bind(SERVER).await.unwrap();
        let (forgotten, _) = listener.accept().await.unwrap();
        let keep = spawn_local(async move {
            time::sleep(SECOND * 100).await;
            drop(forgotten);
        });
        time::sleep(SECOND * 50).await;
        let sockets = stats::sockets().unwrap();
        keep.await.unwrap();
        sockets
    });
    hosts.connect(async {
        TcpStream::connect(SERVER).await.unwrap(); // and closed at once
    });
    let sockets = hosts.join(server);
    assert_eq!(sockets.len(), 2, "{sockets:#?}");
    assert_eq!((sockets[0].state, sockets[0].local), (State::Listen, SERVER.parse().unwrap()));
    assert_eq!(sockets[1].state, State::CloseWait);
    assert!(sockets[1].age.is_some_and(|age| age >= SECOND * 49), "{:?}", sockets[1]);
    assert!(matches!(sockets[1].owner, SocketOwner::Socket(_)));
    assert!(stats::sockets().is_none(), "this thread runs no worker");
    hosts.assert_clean();
}

#[test]
fn a_worker_that_ends_resets_what_it_can_not_finish() {
    let mut hosts = delayed(SECOND);
    let server = hosts.serve(async {
        let mut listener = TcpListener::bind(SERVER).await.unwrap();
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"answer").await.unwrap();
        // Dropped: what was written is still to be delivered.
    });
    let stream = hosts.connect(async { TcpStream::connect(SERVER).await.unwrap() });
    hosts.run_until(|_| server.is_finished());
    let Hosts { server: worker, mut client, clock, link } = hosts;
    drop(worker);
    let end = client.spawn_local(async move {
        let mut stream = stream;
        let mut text = Vec::new();
        let read = stream.read_to_end(&mut text).await.map(|_| text);
        time::sleep(SECOND).await; // the RST comes after the FIN
        let write = stream.write(b"more").await.map_err(|error| error.kind());
        io::Result::Ok((read?, write))
    });
    while !end.is_finished() {
        if !client.turn().is_busy() {
            clock.set(clock.now() + Duration::from_millis(10));
            link.advance_to(clock.now() - corelane_netstack::Instant::ZERO);
        }
    }
    let (text, write) = support::result(end).unwrap();
    assert_eq!(text, b"answer");
    assert_eq!(write, Err(ErrorKind::BrokenPipe));
    assert_eq!(client.stats().stack.tcp_estab_resets, 1, "the peer was told");
}
