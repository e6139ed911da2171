//! 3.5.3, 3.6: how connections end.

use corelane_netstack::{Config, Error, State};
use corelane_testkit::{Script, Spoken};

#[test]
fn a_rst_may_carry_data() {
    let mut script = Script::new(Config::default());
    let (id, theirs, _) = script.accept(9000);
    let rst = Spoken { seq: theirs, flags: "R", data: b"no such service", ..Spoken::default() };
    script.say(&rst);
    assert_eq!(
        script.stack().read(id, &mut [0; 20]),
        Err(Error::ConnectionReset),
        "not as data of the stream"
    );
}

#[test]
fn the_application_learns_how_it_ended() {
    for (flags, told) in [("F", Ok(0)), ("R", Err(Error::ConnectionReset))] {
        let mut script = Script::new(Config::default());
        let (id, theirs, ours) = script.accept(9000);
        script.say(&Spoken { seq: theirs, ack: Some(ours), flags, window: 9000, ..Spoken::default() });
        assert_eq!(script.stack().read(id, &mut [0; 9]), told);
    }
}

#[test]
fn closing_closes_both_directions_and_unread_data_are_told_of() {
    let mut script = Script::new(Config::default());
    let (id, theirs, ours) = script.accept(9000);
    script.say(&Spoken { seq: theirs, ack: Some(ours), data: b"unread", window: 9000, ..Spoken::default() });
    script.heard();
    script.stack().close(id).unwrap();
    script.run();
    assert_eq!(script.hear().flags, "R", "SHLD-3");
    // Without unread data: a FIN, and what arrives later is refused (MAY-1).
    script.port = 81;
    let (id, theirs, ours) = script.accept(9000);
    script.stack().close(id).unwrap();
    script.run();
    assert_eq!(script.hear().flags, "F");
    let late = Spoken { seq: theirs, ack: Some(ours), data: b"late", window: 9000, ..Spoken::default() };
    script.say(&late);
    assert_eq!(script.hear().flags, "R", "SHLD-3");
}

#[test]
fn syn_received_remembers_where_it_came_from() {
    let mut script = Script::new(Config::default());
    // From LISTEN: a RST leads back there.
    script.listen(1);
    script.say(&Spoken { seq: 9000, flags: "S", window: 9000, ..Spoken::default() });
    script.heard();
    script.say(&Spoken { seq: 9001, flags: "R", ..Spoken::default() });
    assert_eq!(script.stack().half_open(), 0);
    script.say(&Spoken { seq: 700, flags: "S", window: 9000, ..Spoken::default() });
    assert_eq!(script.hear().flags, "S", "it still listens");
    // From SYN-SENT: the opening is refused.
    script.port = 81;
    script.peer_port = 5001;
    let remote = script.peer_addr();
    let id = script.stack().connect(None, remote).unwrap();
    script.run();
    script.port = script.hear().ports.0;
    script.say(&Spoken { seq: 9000, flags: "S", window: 9000, ..Spoken::default() });
    assert_eq!(script.stack().info(id).unwrap().state, State::SynReceived);
    script.say(&Spoken { seq: 9001, flags: "R", ..Spoken::default() });
    assert_eq!(script.stack().take_error(id), Ok(Some(Error::ConnectionRefused)));
}
