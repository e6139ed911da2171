//! The readiness API: what mio and epoll promise, and what is refused.

mod support;

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use corelane::poll::net::{TcpListener, TcpStream};
use corelane::poll::{Events, Interest, Poll, Registry, Token, Trigger, Waker, event, unix::SourceFd};
use corelane::{Builder, Clock, Runtime, Worker};
use corelane_sim::{LinkConfig, cross_thread_pair};
use support::{Hosts, SERVER};

const BOTH: Interest = Interest::READABLE.add(Interest::WRITABLE);
const AT_ONCE: Option<Duration> = Some(Duration::ZERO);

fn server() -> SocketAddr {
    SERVER.parse().unwrap()
}

/// Steps until all is quiet; no timer of use to anybody here is due within a second.
fn settle(hosts: &mut Hosts) {
    hosts.run_for(Duration::from_secs(1));
}

/// A connection: the server's end, and the client's.
fn connection(hosts: &mut Hosts) -> (TcpListener, TcpStream, TcpStream) {
    let listener = hosts.server.enter(|| TcpListener::bind(server())).unwrap();
    let theirs = hosts.client.enter(|| TcpStream::connect(server())).unwrap();
    settle(hosts);
    let (ours, _) = hosts.server.enter(|| listener.accept()).unwrap();
    (listener, ours, theirs)
}

/// What a poll that does not wait gives on the server: token and epoll's bits.
fn told(hosts: &Hosts, poll: &mut Poll) -> Vec<(usize, u32)> {
    let mut events = Events::with_capacity(8);
    hosts.server.enter(|| poll.poll(&mut events, AT_ONCE)).unwrap();
    events.iter().map(|event| (event.token().0, event.bits())).collect()
}

fn kind<T: std::fmt::Debug>(result: std::io::Result<T>) -> ErrorKind {
    result.unwrap_err().kind()
}

#[test]
fn registering_twice_and_deregistering_what_is_not_registered_is_refused() {
    let mut hosts = Hosts::new();
    let (mut listener, mut ours, _theirs) = connection(&mut hosts);
    hosts.server.enter(|| {
        let (poll, other) = (Poll::new().unwrap(), Poll::new().unwrap());
        for source in [&mut listener as &mut dyn event::Source, &mut ours] {
            let registry = poll.registry();
            assert_eq!(kind(registry.deregister(source)), ErrorKind::NotFound);
            assert_eq!(kind(registry.reregister(source, Token(1), BOTH)), ErrorKind::NotFound);
            registry.register(source, Token(1), BOTH).unwrap();
            assert_eq!(kind(registry.register(source, Token(2), BOTH)), ErrorKind::AlreadyExists);
            assert_eq!(kind(other.registry().register(source, Token(2), BOTH)), ErrorKind::AlreadyExists);
            assert_eq!(kind(other.registry().deregister(source)), ErrorKind::NotFound);
            registry.deregister(source).unwrap();
            assert_eq!(kind(registry.deregister(source)), ErrorKind::NotFound);
            other.registry().register(source, Token(2), BOTH).unwrap();
        }
        let registry = other.registry().try_clone().unwrap();
        drop(other);
        assert_eq!(kind(registry.register(&mut ours, Token(1), BOTH)), ErrorKind::NotConnected);
        poll.registry().register(&mut ours, Token(1), BOTH).unwrap();
    });
}

/// As the kernel's list: what had no room comes first next time, and what is still ready goes to the end.
#[test]
fn what_has_no_room_comes_first_next_time() {
    let mut hosts = Hosts::new();
    let listener = hosts.server.enter(|| TcpListener::bind(server())).unwrap();
    let theirs: Vec<_> =
        hosts.client.enter(|| (0..5).map(|_| TcpStream::connect(server()).unwrap()).collect());
    settle(&mut hosts);
    let mut poll = hosts.server.enter(Poll::new).unwrap();
    let mut ours: Vec<_> = hosts.server.enter(|| (0..5).map(|_| listener.accept().unwrap().0).collect());
    let mut events = Events::with_capacity(2);
    hosts.server.enter(|| {
        for (index, stream) in ours.iter_mut().enumerate() {
            let registry = poll.registry();
            registry.register_with(stream, Token(index), Interest::WRITABLE, Trigger::Level).unwrap();
        }
        let mut told = || {
            poll.poll(&mut events, AT_ONCE).unwrap();
            events.iter().map(|event| event.token().0).collect::<Vec<_>>()
        };
        assert_eq!([told(), told(), told()], [[0, 1], [2, 3], [4, 0]]);
    });
    // The next one, one in the middle and the last one go.
    for gone in [1, 3, 0] {
        hosts.server.enter(|| poll.registry().deregister(&mut ours[gone])).unwrap();
    }
    assert_eq!(told(&hosts, &mut poll), [(2, 4), (4, 4)]);
    drop(theirs);
}

#[test]
fn what_is_closed_is_not_told_and_can_not_be_registered() {
    let mut hosts = Hosts::new();
    let (_listener, mut ours, theirs) = connection(&mut hosts);
    let mut poll = hosts.server.enter(Poll::new).unwrap();
    hosts.server.enter(|| poll.registry().register(&mut ours, Token(1), BOTH)).unwrap();
    // Ready, and closed before it was told.
    hosts.server.enter(|| drop(ours));
    assert_eq!(told(&hosts, &mut poll), []);
    // The slot is used anew, by a socket that nobody has registered.
    drop(theirs);
    settle(&mut hosts);
    let again = hosts.client.enter(|| TcpStream::connect(server())).unwrap();
    settle(&mut hosts);
    assert_eq!(told(&hosts, &mut poll), []);
    drop(again);
}

#[test]
fn sockets_and_polls_of_another_core_are_refused() {
    let mut hosts = Hosts::new();
    let (mut listener, mut ours, theirs) = connection(&mut hosts);
    let mut here = hosts.server.enter(Poll::new).unwrap();
    let elsewhere = hosts.client.enter(Poll::new).unwrap();
    let mut events = Events::with_capacity(1);
    let refused = |result: std::io::Result<()>| {
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.to_string().contains("core"), "{error}");
    };
    hosts.client.enter(|| {
        let registry: &Registry = elsewhere.registry();
        refused(registry.register(&mut ours, Token(1), BOTH));
        refused(registry.register(&mut listener, Token(1), BOTH));
        refused(here.registry().register(&mut ours, Token(1), BOTH));
        refused(here.poll(&mut events, AT_ONCE));
        refused(Waker::new(here.registry(), Token(0)).map(drop));
        refused((&ours).read(&mut [0; 8]).map(drop));
        refused(listener.accept().map(drop));
    });
    hosts.server.enter(|| refused(elsewhere.registry().register(&mut ours, Token(1), BOTH)));
    assert_eq!(kind(here.poll(&mut events, AT_ONCE)), ErrorKind::NotConnected, "no worker at all");
    assert_eq!(kind(Poll::new()), ErrorKind::NotConnected);
    hosts.server.enter(|| {
        assert_eq!(kind(here.poll(&mut Events::with_capacity(0), AT_ONCE)), ErrorKind::InvalidInput);
    });
    // A Poll and sockets that are dropped away from home are closed there.
    hosts.server.enter(|| here.registry().register(&mut ours, Token(1), BOTH)).unwrap();
    drop((here, ours, theirs, listener));
    hosts.client.enter(|| drop(elsewhere));
    hosts.assert_clean();
}

#[test]
fn a_poll_inside_a_turn_is_refused() {
    let mut hosts = Hosts::new();
    let task = hosts.serve(async {
        let mut poll = Poll::new().unwrap();
        poll.poll(&mut Events::with_capacity(1), AT_ONCE).map_err(|error| error.kind())
    });
    assert_eq!(hosts.join(task), Err(ErrorKind::Deadlock));
    // The turn is over: now it may.
    let mut poll = hosts.server.enter(Poll::new).unwrap();
    assert_eq!(told(&hosts, &mut poll), []);
}

#[test]
fn tasks_run_while_a_poll_turns() {
    let hosts = Hosts::new();
    let task = hosts.server.spawn_local(async { 7 });
    let mut poll = hosts.server.enter(Poll::new).unwrap();
    assert_eq!(told(&hosts, &mut poll), []);
    assert_eq!(support::result(task), 7);
}

#[test]
fn each_poll_of_a_core_hears_of_its_own_sources() {
    let mut hosts = Hosts::new();
    let (_listener, mut first, mut to_first) = connection(&mut hosts);
    let mut polls = [hosts.server.enter(Poll::new).unwrap(), hosts.server.enter(Poll::new).unwrap()];
    let mut second = hosts.server.enter(|| TcpStream::connect("10.0.0.1:9".parse().unwrap())).unwrap();
    hosts.server.enter(|| {
        polls[0].registry().register(&mut first, Token(1), Interest::READABLE).unwrap();
        polls[1].registry().register(&mut second, Token(2), BOTH).unwrap();
    });
    hosts.client.enter(|| to_first.write(b"x")).unwrap();
    settle(&mut hosts);
    let [one, two] = &mut polls;
    assert_eq!(told(&hosts, two), [(2, 0x201d)], "refused: IN, OUT, ERR, HUP, RDHUP");
    assert_eq!(told(&hosts, one), [(1, 1)]);
    assert_eq!((told(&hosts, one), told(&hosts, two)), (vec![], vec![]));
    let error = hosts.server.enter(|| second.take_error()).unwrap().unwrap();
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    assert_eq!(kind(hosts.server.enter(|| second.peer_addr())), ErrorKind::NotConnected);
}

#[test]
fn edge_level_and_one_shot_are_told_as_they_say() {
    let mut hosts = Hosts::new();
    let (_listener, mut ours, mut theirs) = connection(&mut hosts);
    let mut poll = hosts.server.enter(Poll::new).unwrap();
    let mut again = |hosts: &mut Hosts| {
        hosts.client.enter(|| theirs.write(b"x")).unwrap();
        settle(hosts);
    };
    let mut register = |hosts: &Hosts, poll: &Poll, trigger| {
        let registry = poll.registry();
        hosts.server.enter(|| {
            let _ = registry.deregister(&mut ours);
            registry.register_with(&mut ours, Token(3), Interest::READABLE, trigger).unwrap();
        });
    };
    register(&hosts, &poll, Trigger::Edge);
    for _ in 0..2 {
        again(&mut hosts);
        assert_eq!(told(&hosts, &mut poll), [(3, 1)], "new data are news");
        assert_eq!(told(&hosts, &mut poll), []);
    }
    register(&hosts, &poll, Trigger::Level);
    for _ in 0..3 {
        assert_eq!(told(&hosts, &mut poll), [(3, 1)], "for as long as there are data");
    }
    register(&hosts, &poll, Trigger::OneShot);
    assert_eq!(told(&hosts, &mut poll), [(3, 1)]);
    again(&mut hosts);
    assert_eq!(told(&hosts, &mut poll), [], "not before it is registered anew");
    let registry = poll.registry();
    hosts
        .server
        .enter(|| registry.reregister_with(&mut ours, Token(4), Interest::READABLE, Trigger::OneShot))
        .unwrap();
    assert_eq!(told(&hosts, &mut poll), [(4, 1)]);
    assert_eq!(hosts.server.enter(|| (&ours).read(&mut [0; 9])).unwrap(), 3);
    assert_eq!(kind(hosts.server.enter(|| (&ours).read(&mut [0; 9]))), ErrorKind::WouldBlock);
}

#[test]
fn a_shutdown_of_the_runtime_tells_its_listeners() {
    let hosts = Hosts::new();
    let mut poll = hosts.server.enter(Poll::new).unwrap();
    let mut listener = hosts.server.enter(|| TcpListener::bind(server())).unwrap();
    hosts.server.enter(|| poll.registry().register(&mut listener, Token(0), Interest::READABLE)).unwrap();
    assert_eq!(told(&hosts, &mut poll), []);
    hosts.server.handle().shutdown(Duration::from_secs(1));
    assert_eq!(told(&hosts, &mut poll), [(0, 0x11)]);
    let error = hosts.server.enter(|| listener.accept()).unwrap_err();
    assert!(error.to_string().contains("shutting down"), "{error}");
}

#[test]
fn a_connection_is_writable_when_it_is_open_and_shutdowns_are_told() {
    let mut hosts = Hosts::new();
    let listener = hosts.client.enter(|| TcpListener::bind("10.0.0.1:7".parse().unwrap())).unwrap();
    let mut poll = hosts.server.enter(Poll::new).unwrap();
    let mut ours = hosts.server.enter(|| TcpStream::connect("10.0.0.1:7".parse().unwrap())).unwrap();
    hosts.server.enter(|| poll.registry().register(&mut ours, Token(1), BOTH)).unwrap();
    assert_eq!(kind(hosts.server.enter(|| ours.peer_addr())), ErrorKind::NotConnected);
    assert_eq!(told(&hosts, &mut poll), [], "the SYN has just gone out");
    settle(&mut hosts);
    assert_eq!(told(&hosts, &mut poll), [(1, 4)]);
    assert_eq!(hosts.server.enter(|| ours.peer_addr()).unwrap(), "10.0.0.1:7".parse().unwrap());
    let (theirs, _) = hosts.client.enter(|| listener.accept()).unwrap();
    hosts.server.enter(|| ours.shutdown(Shutdown::Write)).unwrap();
    settle(&mut hosts);
    assert_eq!(told(&hosts, &mut poll), [(1, 4)], "the peer has acknowledged the FIN");
    hosts.client.enter(|| drop(theirs));
    settle(&mut hosts);
    assert_eq!(told(&hosts, &mut poll), [(1, 0x2015)], "over: IN, OUT, HUP, RDHUP");
    hosts.server.enter(|| drop(ours));
}

fn runtime() -> (Runtime, impl Sized) {
    let (nic, other) = cross_thread_pair(&LinkConfig::default()).unwrap();
    let runtime = Builder::new().nic(nic).address("10.0.0.2/24").spin(Duration::ZERO).build().unwrap();
    (runtime, other)
}

#[test]
fn a_waker_wakes_a_sleeper_from_another_thread_and_coalesces() {
    let (runtime, _other) = runtime();
    runtime.enter(|| {
        let mut poll = Poll::new().unwrap();
        let mut events = Events::with_capacity(8);
        let waker = Arc::new(Waker::new(poll.registry(), Token(9)).unwrap());
        assert_eq!(kind(Waker::new(poll.registry(), Token(1))), ErrorKind::AlreadyExists);
        for _ in 0..100 {
            let waker = waker.clone();
            let thread = thread::spawn(move || waker.wake().unwrap());
            poll.poll(&mut events, Some(Duration::from_secs(60))).unwrap();
            let tokens: Vec<_> =
                events.iter().map(|e| (e.token(), e.is_readable(), e.is_writable())).collect();
            assert_eq!(tokens, [(Token(9), true, false)]);
            thread.join().unwrap();
        }
        for _ in 0..3 {
            waker.wake().unwrap();
        }
        poll.poll(&mut events, None).unwrap();
        assert_eq!(events.iter().count(), 1, "three together");
        poll.poll(&mut events, AT_ONCE).unwrap();
        assert!(events.is_empty());
        drop(waker);
        Waker::new(poll.registry(), Token(1)).unwrap();
    });
}

#[test]
fn a_timeout_ends_the_sleep() {
    let (runtime, _other) = runtime();
    runtime.enter(|| {
        let mut poll = Poll::new().unwrap();
        let mut events = Events::with_capacity(8);
        let begin = Instant::now();
        poll.poll(&mut events, Some(Duration::from_millis(20))).unwrap();
        assert!(events.is_empty());
        assert!(begin.elapsed() >= Duration::from_millis(20), "{:?}", begin.elapsed());
    });
}

#[test]
fn file_descriptors_are_told_as_epoll_tells_them_and_wake_a_sleeper() {
    let (runtime, _other) = runtime();
    runtime.enter(|| {
        let mut poll = Poll::new().unwrap();
        let mut events = Events::with_capacity(8);
        let (mut reader, mut writer) = std::io::pipe().unwrap();
        let registry = poll.registry();
        assert_eq!(kind(registry.deregister(&mut SourceFd(&reader))), ErrorKind::NotFound);
        registry.register(&mut SourceFd(&reader), Token(usize::MAX), Interest::READABLE).unwrap();
        let twice = registry.register(&mut SourceFd(&reader), Token(5), Interest::READABLE);
        assert_eq!(kind(twice), ErrorKind::AlreadyExists);
        let thread = thread::spawn(move || {
            writer.write_all(b"x").unwrap();
            writer
        });
        poll.poll(&mut events, Some(Duration::from_secs(60))).unwrap();
        let told: Vec<_> = events.iter().map(|event| (event.token(), event.bits())).collect();
        assert_eq!(told, [(Token(usize::MAX), 1)]);
        poll.poll(&mut events, AT_ONCE).unwrap();
        assert!(events.is_empty(), "an edge is told once");
        let registry = poll.registry();
        let (token, level) = (Token(6), Trigger::Level);
        registry.reregister_with(&mut SourceFd(&reader), token, Interest::READABLE, level).unwrap();
        drop(thread.join().unwrap());
        for _ in 0..2 {
            poll.poll(&mut events, None).unwrap();
            let told: Vec<_> = events.iter().map(|event| (event.token(), event.bits())).collect();
            assert_eq!(told, [(token, 0x11)], "data, and the writer is gone");
        }
        reader.read_exact(&mut [0]).unwrap();
        poll.registry().deregister(&mut SourceFd(&reader)).unwrap();
        poll.poll(&mut events, AT_ONCE).unwrap();
        assert!(events.is_empty());
    });
}

#[test]
fn the_kernels_sockets_have_the_same_api() {
    let worker = Worker::kernel(Clock::system()).unwrap();
    worker.enter(|| {
        let mut poll = Poll::new().unwrap();
        let mut events = Events::with_capacity(8);
        let mut listener = TcpListener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        poll.registry().register(&mut listener, Token(0), Interest::READABLE).unwrap();
        let mut asker = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        poll.registry().register(&mut asker, Token(1), BOTH).unwrap();
        let twice = poll.registry().register(&mut asker, Token(1), BOTH);
        assert_eq!(kind(twice), ErrorKind::AlreadyExists);
        let (mut accepted, mut asked, mut answer) = (None, false, Vec::new());
        while answer != b"hello" {
            poll.poll(&mut events, Some(Duration::from_secs(10))).unwrap();
            assert!(!events.is_empty(), "nothing happens any more");
            for event in &events {
                match event.token() {
                    Token(0) => {
                        while let Ok((mut stream, _)) = listener.accept() {
                            poll.registry().register(&mut stream, Token(2), BOTH).unwrap();
                            accepted = Some(stream);
                        }
                    }
                    Token(1) => {
                        if event.is_writable() && !asked {
                            asked = true;
                            asker.write_all(b"hello").unwrap();
                        }
                        let mut buf = [0; 8];
                        while let Ok(n @ 1..) = asker.read(&mut buf) {
                            answer.extend_from_slice(&buf[..n]);
                        }
                    }
                    _ => {
                        let stream = accepted.as_mut().unwrap();
                        let mut buf = [0; 8];
                        while let Ok(n @ 1..) = stream.read(&mut buf) {
                            stream.write_all(&buf[..n]).unwrap();
                        }
                    }
                }
            }
        }
        drop(accepted);
        poll.poll(&mut events, Some(Duration::from_secs(10))).unwrap();
        assert!(events.iter().any(|event| event.token() == Token(1) && event.is_read_closed()), "{events:?}");
    });
}
