//! FIN in all orders, RST in all states, TIME-WAIT (RFC 9293 3.6, 3.10.7; RFC 1337, 5961, 6191).

use std::time::Duration;

use corelane_netstack::{Config, Error, SocketId, State};
use corelane_testkit::{Script, Spoken};

const SECOND: Duration = Duration::from_secs(1);
const WINDOW: u16 = 10_000;

fn state(script: &mut Script, id: SocketId) -> State {
    script.stack().info(id).expect("the socket is held").state
}

fn ack(seq: u32, ack: u32) -> Spoken<'static> {
    Spoken { seq, ack: Some(ack), window: WINDOW, ..Spoken::default() }
}

fn fin(seq: u32, number: u32) -> Spoken<'static> {
    Spoken { flags: "F", ..ack(seq, number) }
}

/// A connection in `state`: (the script, its id, the peer's next number, what it acknowledges).
fn in_state(wanted: State) -> (Script, SocketId, u32, u32) {
    let mut script = Script::new(Config::default());
    let (id, mut theirs, mut ours) = script.accept(WINDOW);
    let peer_fin = |script: &mut Script, theirs: &mut u32, ours| {
        script.say(&fin(*theirs, ours));
        *theirs += 1;
    };
    match wanted {
        State::FinWait1 => script.shut(id),
        State::FinWait2 => {
            script.shut(id);
            ours = ours.wrapping_add(1);
            script.say(&ack(theirs, ours));
        }
        State::CloseWait => peer_fin(&mut script, &mut theirs, ours),
        State::Closing => {
            script.shut(id);
            peer_fin(&mut script, &mut theirs, ours);
        }
        State::LastAck => {
            peer_fin(&mut script, &mut theirs, ours);
            script.shut(id);
        }
        _ => {}
    }
    script.heard();
    assert_eq!(state(&mut script, id), wanted);
    (script, id, theirs, ours)
}

#[test]
fn we_close_first() {
    let (mut script, id, theirs, ours) = in_state(State::Established);
    script.shut(id);
    let ours_fin = script.hear();
    assert_eq!((ours_fin.flags.as_str(), ours_fin.seq), ("F", ours));
    assert_eq!(state(&mut script, id), State::FinWait1);
    let ours = ours.wrapping_add(1);
    script.say(&ack(theirs, ours));
    assert_eq!(state(&mut script, id), State::FinWait2);
    script.say(&Spoken { data: b"still", ..ack(theirs, ours) });
    assert_eq!(script.hear().ack, Some(theirs + 5), "data after our FIN");
    script.say(&fin(theirs + 5, ours));
    assert_eq!(script.hear().ack, Some(theirs + 6));
    assert_eq!((script.stack().time_wait(), script.stack().flows()), (1, 1));
    let mut buf = [0; 9];
    assert_eq!(script.stack().read(id, &mut buf), Ok(5));
    assert_eq!(script.stack().read(id, &mut buf), Ok(0));
    assert_eq!(script.stack().close(id), Ok(()));
    script.pass(SECOND * 59);
    assert_eq!(script.stack().time_wait(), 1);
    script.pass(SECOND * 2);
    assert_eq!((script.stack().time_wait(), script.stack().flows(), script.stack().connections()), (0, 0, 0));
}

#[test]
fn the_peer_closes_first() {
    let (mut script, id, theirs, ours) = in_state(State::CloseWait);
    assert_eq!(script.stack().read(id, &mut [0; 9]), Ok(0));
    script.write(id, b"late");
    assert_eq!(script.hear().data, b"late");
    script.shut(id);
    assert_eq!(script.hear().flags, "F");
    assert_eq!(state(&mut script, id), State::LastAck);
    script.say(&ack(theirs, ours.wrapping_add(5)));
    assert_eq!((script.stack().flows(), script.stack().time_wait()), (0, 0));
    assert_eq!(script.stack().close(id), Ok(()));
    assert_eq!(script.stack().connections(), 0);
    script.silence();
}

#[test]
fn both_close_at_once() {
    let (mut script, _, theirs, ours) = in_state(State::Closing);
    script.say(&ack(theirs, ours.wrapping_add(1)));
    assert_eq!(script.stack().time_wait(), 1);
    script.silence();
    // A FIN that acknowledges ours leads straight from FIN-WAIT-1 to TIME-WAIT.
    let (mut script, _, theirs, ours) = in_state(State::FinWait1);
    script.say(&fin(theirs, ours.wrapping_add(1)));
    assert_eq!(script.hear().ack, Some(theirs + 1));
    assert_eq!(script.stack().time_wait(), 1);
}

#[test]
fn a_fin_before_its_data_waits_for_them() {
    let (mut script, id, theirs, ours) = in_state(State::Established);
    script.say(&Spoken { data: b"end", ..fin(theirs + 5, ours) });
    assert_eq!(script.hear().ack, Some(theirs));
    assert_eq!(state(&mut script, id), State::Established);
    script.say(&Spoken { data: b"begin", ..ack(theirs, ours) });
    assert_eq!(script.hear().ack, Some(theirs + 9));
    assert_eq!(state(&mut script, id), State::CloseWait);
    let mut buf = [0; 20];
    assert_eq!(script.stack().read(id, &mut buf), Ok(8));
    assert_eq!(&buf[..8], b"beginend");
    assert_eq!(script.stack().read(id, &mut buf), Ok(0));
}

#[test]
fn a_fin_is_sent_again_until_it_is_acknowledged() {
    let (mut script, id, theirs, ours) = in_state(State::Established);
    script.shut(id);
    script.pass(Duration::from_millis(700)); // the SYN-ACK was answered at once: RTO 200 ms
    let fins = script.heard();
    assert_eq!(fins.len(), 3, "at 0, 200 and 600 ms: {fins:#?}");
    assert!(fins.iter().all(|heard| heard.flags == "F" && heard.seq == ours));
    script.say(&ack(theirs, ours.wrapping_add(1)));
    script.pass(SECOND * 300);
    script.silence();
    assert_eq!(state(&mut script, id), State::FinWait2, "the application holds it: no time limit");
}

#[test]
fn fin_wait_2_of_an_orphan_ends_after_tcp_fin_timeout() {
    let (mut script, id, theirs, ours) = in_state(State::Established);
    script.stack().close(id).unwrap();
    script.run();
    script.say(&ack(theirs, ours.wrapping_add(1)));
    script.pass(SECOND * 59);
    assert_eq!(script.stack().connections(), 1);
    script.pass(SECOND * 2);
    assert_eq!((script.stack().connections(), script.stack().flows(), script.stack().timers()), (0, 0, 0));
}

#[test]
fn data_for_an_orphan_are_answered_by_a_reset() {
    let (mut script, id, theirs, ours) = in_state(State::Established);
    script.stack().close(id).unwrap();
    script.run();
    script.heard();
    script.say(&Spoken { data: b"hello?", ..ack(theirs, ours.wrapping_add(1)) });
    assert_eq!(script.hear().flags, "R");
    assert_eq!(script.stack().connections(), 0);
}

#[test]
fn a_reset_at_the_expected_number_ends_every_state() {
    for wanted in [
        State::Established,
        State::FinWait1,
        State::FinWait2,
        State::CloseWait,
        State::Closing,
        State::LastAck,
    ] {
        let (mut script, id, theirs, _) = in_state(wanted);
        script.say(&Spoken { seq: theirs, flags: "R", ..Spoken::default() });
        script.silence();
        assert_eq!((script.stack().flows(), script.stack().time_wait()), (0, 0), "{wanted:?}");
        let error = match wanted {
            State::Closing | State::LastAck => None,
            State::CloseWait => Some(Error::BrokenPipe),
            _ => Some(Error::ConnectionReset),
        };
        assert_eq!(script.stack().take_error(id), Ok(error), "{wanted:?}");
        script.pass(SECOND * 100);
        assert_eq!(script.stack().timers(), 0, "{wanted:?}");
    }
}

#[test]
fn a_reset_elsewhere_in_the_window_is_challenged() {
    for wanted in [State::Established, State::FinWait1, State::CloseWait, State::LastAck] {
        let (mut script, id, theirs, ours) = in_state(wanted);
        script.say(&Spoken { seq: theirs + 1, flags: "R", ..Spoken::default() });
        let challenge = script.hear();
        // A FIN may stand in for it: what counts is the ACK that tells the true number.
        assert_eq!(challenge.ack, Some(theirs), "{wanted:?}");
        assert_eq!(state(&mut script, id), wanted);
        assert_eq!(script.stack().stats().challenge_ack, 1);
        // Outside of the window it is nothing at all. (With the number of the FIN it is the peer's: see `hostile`.)
        script.say(&Spoken { seq: theirs.wrapping_sub(2), flags: "R", ..Spoken::default() });
        script.say(&Spoken { seq: theirs + (1 << 24), flags: "R", ..Spoken::default() });
        script.silence();
        assert_eq!((state(&mut script, id), ours), (wanted, ours));
    }
}

/// In TIME-WAIT: the script, the peer's next number, what it acknowledges.
fn time_wait() -> (Script, u32, u32) {
    let (mut script, id, theirs, ours) = in_state(State::FinWait2);
    script.say(&fin(theirs, ours));
    script.heard();
    script.stack().close(id).unwrap();
    assert_eq!((script.stack().time_wait(), script.stack().connections()), (1, 0));
    (script, theirs + 1, ours)
}

#[test]
fn time_wait_ignores_a_reset_and_answers_a_fin() {
    let (mut script, theirs, ours) = time_wait();
    script.say(&Spoken { seq: theirs, flags: "R", ..Spoken::default() });
    script.silence();
    assert_eq!(script.stack().time_wait(), 1, "RFC 1337");
    script.pass(SECOND * 50);
    script.say(&fin(theirs - 1, ours));
    assert_eq!((script.hear().ack, script.stack().time_wait()), (Some(theirs), 1));
    script.pass(SECOND * 50);
    assert_eq!(script.stack().time_wait(), 1, "the FIN started the time anew");
    script.pass(SECOND * 11);
    assert_eq!(script.stack().time_wait(), 0);
}

#[test]
fn time_wait_gives_way_to_a_newer_syn_only() {
    let (mut script, theirs, ours) = time_wait();
    script.say(&Spoken { seq: theirs.wrapping_sub(500), flags: "S", window: WINDOW, ..Spoken::default() });
    assert_eq!(script.hear().ack, Some(theirs), "an old SYN gets an ACK");
    script.say(&Spoken { seq: theirs + 500, flags: "S", window: WINDOW, ..Spoken::default() });
    let syn_ack = script.hear();
    assert_eq!((syn_ack.flags.as_str(), syn_ack.ack), ("S", Some(theirs + 501)));
    assert!((syn_ack.seq.wrapping_sub(ours) as i32) > 0, "RFC 6191: numbers beyond the old ones");
    assert_eq!((script.stack().time_wait(), script.stack().stats().time_wait_recycled), (0, 1));
    script.say(&ack(theirs + 501, syn_ack.seq.wrapping_add(1)));
    assert_eq!(script.stack().connections(), 1);
}

#[test]
fn linger_zero_and_abort_send_a_reset() {
    let (mut script, id, theirs, ours) = in_state(State::Established);
    script.stack().set_linger(id, Some(Duration::ZERO)).unwrap();
    script.stack().close(id).unwrap();
    script.run();
    let reset = script.hear();
    assert_eq!((reset.flags.as_str(), reset.seq, reset.ack), ("R", ours, Some(theirs)));
    assert_eq!((script.stack().connections(), script.stack().flows()), (0, 0));
    assert_eq!(script.stack().timers(), 0, "at once, not when they fire");
}
