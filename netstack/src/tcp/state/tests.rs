use super::State::{self, *};
use super::*;

type Verb = fn(&mut Machine);

/// Every (state, event) pair, as RFC 9293 3.10 has it.
#[test]
fn every_pair() {
    let states = [
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
    let rows: [(&str, Verb, [State; 11]); 6] = [
        (
            "syn_acked",
            Machine::syn_acked,
            [
                Listen,
                Established,
                Established,
                Established,
                FinWait1,
                FinWait2,
                CloseWait,
                Closing,
                LastAck,
                TimeWait,
                Closed,
            ],
        ),
        (
            "syn_crossed",
            Machine::syn_crossed,
            [
                Listen,
                SynReceived,
                SynReceived,
                Established,
                FinWait1,
                FinWait2,
                CloseWait,
                Closing,
                LastAck,
                TimeWait,
                Closed,
            ],
        ),
        (
            "close",
            Machine::close,
            [
                Listen, Closed, FinWait1, FinWait1, FinWait1, FinWait2, LastAck, Closing, LastAck, TimeWait,
                Closed,
            ],
        ),
        (
            "fin_received",
            Machine::fin_received,
            [
                Listen, SynSent, CloseWait, CloseWait, Closing, TimeWait, CloseWait, Closing, LastAck,
                TimeWait, Closed,
            ],
        ),
        (
            "fin_acked",
            Machine::fin_acked,
            [
                Listen,
                SynSent,
                SynReceived,
                Established,
                FinWait2,
                FinWait2,
                CloseWait,
                TimeWait,
                Closed,
                TimeWait,
                Closed,
            ],
        ),
        ("closed", Machine::closed, [Closed; 11]),
    ];
    for (name, verb, after) in rows {
        for (from, to) in states.into_iter().zip(after) {
            let mut machine = Machine(from);
            verb(&mut machine);
            assert_eq!(machine.get(), to, "{name} in {from:?}");
        }
    }
}
