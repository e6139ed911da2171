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

type Verb = fn(&mut Machine);

/// Every (state, event) pair, as RFC 9293 3.10 has it: two letters a state, `..` where it stays.
const ROWS: [(&str, Verb, &str); 6] = [
    //                                        LI SS SR ES F1 F2 CW CI LA TW CL
    ("syn_acked", Machine::syn_acked, "       .. ES ES .. .. .. .. .. .. .. .."),
    ("syn_crossed", Machine::syn_crossed, "   .. SR .. .. .. .. .. .. .. .. .."),
    ("close", Machine::close, "               .. CL F1 F1 .. .. LA .. .. .. .."),
    ("fin_received", Machine::fin_received, " .. .. CW CW CI TW .. .. .. .. .."),
    ("fin_acked", Machine::fin_acked, "       .. .. .. .. F2 .. .. TW CL .. .."),
    ("closed", Machine::closed, "             CL CL CL CL CL CL CL CL CL CL CL"),
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
            let mut machine = Machine(from);
            verb(&mut machine);
            assert_eq!(machine.get(), named(code, from), "{name} in {from:?}");
        }
    }
}
