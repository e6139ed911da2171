//! The list of sockets: who holds what, in which state, and for how long.

use std::net::SocketAddr;
use std::time::Duration;

use corelane_netstack::{Config, SocketInfo, SocketOwner, State};
use corelane_testkit::{Script, Spoken, US};

const SECOND: Duration = Duration::from_secs(1);
const WINDOW: u16 = 10_000;

fn list(script: &mut Script) -> Vec<SocketInfo> {
    script.stack().sockets().collect()
}

#[test]
fn a_close_wait_that_was_forgotten_shows_its_age() {
    let mut script = Script::new(Config::default());
    script.pass(SECOND * 100);
    let (id, theirs, ours) = script.accept(WINDOW);
    script.pass(SECOND * 50);
    let established = list(&mut script)[1];
    assert_eq!((established.state, established.age), (State::Established, Some(SECOND * 50)));
    script.say(&Spoken {
        seq: theirs,
        ack: Some(ours),
        flags: "F",
        window: WINDOW,
        data: b"bye",
        ..Spoken::default()
    });
    script.write(id, b"half a word");
    script.pass(SECOND * 10);
    let sockets = list(&mut script);
    let local = SocketAddr::from((US, 80));
    assert_eq!(sockets.len(), 2, "{sockets:#?}");
    let forgotten = sockets[1];
    assert_eq!(forgotten.owner, SocketOwner::Socket(id));
    assert_eq!((forgotten.local, forgotten.peer), (local, Some(script.peer_addr())));
    assert_eq!((forgotten.state, forgotten.age), (State::CloseWait, Some(SECOND * 10)));
    assert_eq!((forgotten.recv_queue, forgotten.send_queue), (3, 11));
    assert!(!forgotten.orphan && !forgotten.unaccepted && forgotten.retransmits > 0);
}

#[test]
fn listeners_half_open_unaccepted_orphans_and_time_wait_are_in_it() {
    let mut script = Script::new(Config::default());
    let listener = script.listen(7);
    let mut open = |script: &mut Script, port: u16, finish: bool| {
        script.peer_port = port;
        script.say(&Spoken { seq: 9000, flags: "S", window: WINDOW, mss: Some(1000), ..Spoken::default() });
        let ours = script.hear().seq.wrapping_add(1);
        if finish {
            script.say(&Spoken { seq: 9001, ack: Some(ours), window: WINDOW, ..Spoken::default() });
        }
        ours
    };
    open(&mut script, 5001, false);
    let ours = open(&mut script, 5002, true);
    let (closed, _) = script.stack().accept(listener).unwrap();
    script.stack().close(closed).unwrap();
    script.run();
    let gone = open_and_leave(&mut script, &mut open, listener);
    open(&mut script, 5003, true);
    script.heard();
    let sockets = list(&mut script);
    let of = |port: u16| {
        let found = sockets.iter().find(|socket| socket.peer.is_some_and(|peer| peer.port() == port));
        *found.unwrap_or_else(|| panic!("no {port} in {sockets:#?}"))
    };
    let first = sockets[0];
    assert_eq!((first.owner, first.state), (SocketOwner::Listener(listener), State::Listen));
    assert_eq!((first.recv_queue, first.send_queue, first.peer), (1, 7, None));
    assert_eq!((of(5001).state, of(5001).owner), (State::SynReceived, SocketOwner::Nobody));
    assert_eq!(
        (of(5002).state, of(5002).orphan, of(5002).owner),
        (State::FinWait1, true, SocketOwner::Nobody)
    );
    assert!(of(5003).unaccepted && !of(5003).orphan);
    assert_eq!((of(gone).state, of(gone).age), (State::TimeWait, Some(Duration::ZERO)));
    assert_eq!(sockets.len(), 5);
    assert_ne!(ours, 0);
}

/// A connection that was closed by both: its peer's port.
fn open_and_leave(
    script: &mut Script,
    open: &mut impl FnMut(&mut Script, u16, bool) -> u32,
    listener: corelane_netstack::ListenerId,
) -> u16 {
    let port = 5004;
    script.heard();
    let ours = open(script, port, true);
    let (id, _) = script.stack().accept(listener).unwrap();
    script.stack().close(id).unwrap();
    script.run();
    script.say(&Spoken {
        seq: 9001,
        ack: Some(ours.wrapping_add(1)),
        flags: "F",
        window: WINDOW,
        ..Spoken::default()
    });
    script.heard();
    port
}
