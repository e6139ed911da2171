use super::State::{self, *};
use super::*;

/// The states in the order of the columns below.
const STATES: [State; 11] = [
    Listen,
    SynSent,
    SynReceived,
    Established,
    FinWait1,
    FinWait2,
    CloseWait,
    Closing,
    LastAck,
    TimeWait,
    Closed,
];

type Verb = fn(&mut Machine, Instant);

/// Every (state, event) pair, as RFC 9293 3.10 has it: two letters a state, `..` where it stays.
const ROWS: [(&str, Verb, &str); 6] = [
    //                                        LI SS SR ES F1 F2 CW CI LA TW CL
    ("syn_acked", Machine::syn_acked, "       .. ES ES .. .. .. .. .. .. .. .."),
    ("syn_crossed", Machine::syn_crossed, "   .. SR .. .. .. .. .. .. .. .. .."),
    ("close", Machine::close, "               .. CL F1 F1 .. .. LA .. .. .. .."),
    ("fin_received", Machine::fin_received, " .. .. CW CW CI TW .. .. .. .. .."),
    ("fin_acked", Machine::fin_acked, "       .. .. .. .. F2 .. .. TW CL .. .."),
    ("closed", |machine, _| machine.closed(), "CL CL CL CL CL CL CL CL CL CL CL"),
];

fn named(code: &str, from: State) -> State {
    match code {
        ".." => from,
        "ES" => Established,
        "SR" => SynReceived,
        "F1" => FinWait1,
        "F2" => FinWait2,
        "CW" => CloseWait,
        "CI" => Closing,
        "LA" => LastAck,
        "TW" => TimeWait,
        "CL" => Closed,
        other => panic!("no state {other}"),
    }
}

#[test]
fn every_pair() {
    for (name, verb, row) in ROWS {
        let codes = row.split_whitespace();
        assert_eq!(codes.clone().count(), STATES.len(), "{name}");
        for (from, code) in STATES.into_iter().zip(codes) {
            let mut machine = Machine { state: from, since: 0 };
            verb(&mut machine, Instant::from_nanos(5_000_000_000));
            assert_eq!(machine.get(), named(code, from), "{name} in {from:?}");
        }
    }
}

#[test]
fn the_age_counts_from_the_last_change() {
    let second = |n: u64| Instant::from_nanos(n * 1_000_000_000);
    let mut machine = Machine::passive_open(second(10));
    assert_eq!(machine.age(second(15)), Duration::from_secs(5));
    machine.fin_received(second(20));
    machine.fin_received(second(30)); // nothing changes
    assert_eq!((machine.get(), machine.age(second(100))), (CloseWait, Duration::from_secs(80)));
    machine.closed();
    machine.closed_at(second(110));
    assert_eq!(machine.age(second(111)), Duration::from_secs(1));
}
