use super::*;
use crate::tcp::congestion::tests::{MSS, ack};
use crate::tcp::seq::SeqNumber as S;
use crate::time::Instant;

const CWND: u32 = 20 * MSS;

/// A flow whose shortest round trip is 100 ms.
struct Flow {
    hystart: Classic,
    una: u32,
    nxt: u32,
    micros: u64,
}

impl Flow {
    fn new() -> Flow {
        Flow { hystart: Classic::new(), una: 0, nxt: 1_000_000, micros: 1_000_000 }
    }

    /// An ACK `after` microseconds, with a measurement of `rtt` milliseconds; all of its round is out.
    fn ack(&mut self, after: u64, rtt: u64, cwnd: u32, paced: bool) -> Verdict {
        self.micros += after;
        self.una += MSS;
        let ack = Ack {
            now: Instant::from_nanos(self.micros * 1000),
            una: S(self.una),
            nxt: S(self.nxt),
            rtt: Some(rtt * 1_000_000),
            srtt: Some(100_000_000),
            min_rtt: Some(100_000_000),
            ..ack(MSS)
        };
        self.hystart.on_ack(&ack, MSS, cwnd, MSS, paced)
    }

    /// ACKs like this until slow start ends; how many there were.
    fn until_exit(&mut self, after: u64, rtt: u64, cwnd: u32, paced: bool) -> Option<usize> {
        (1..=100).find(|_| self.ack(after, rtt, cwnd, paced) == Verdict::Exit)
    }
}

#[test]
fn a_delay_that_has_risen_by_an_eighth_ends_it_after_eight_samples() {
    assert_eq!(Flow::new().until_exit(5_000, 113, CWND, false), Some(9));
    assert_eq!(Flow::new().until_exit(5_000, 112, CWND, false), None, "an eighth of 100 ms is 12.5");
    let mut flow = Flow::new();
    flow.ack(5_000, 100, CWND, false);
    assert_eq!(flow.until_exit(5_000, 113, CWND, false), None, "the shortest of the round counts");
}

#[test]
fn a_train_as_long_as_half_of_the_path_ends_it() {
    // 26 ACKs after the first are 52 ms; TSO may add a millisecond to the path.
    assert_eq!(Flow::new().until_exit(2_000, 100, CWND, false), Some(27));
    assert_eq!(Flow::new().until_exit(2_000, 100, CWND, true), Some(52), "paced: all of the path");
    assert_eq!(Flow::new().until_exit(2_001, 100, CWND, false), None, "too far apart for a train");
}

#[test]
fn a_small_window_grows_on() {
    assert_eq!(Flow::new().until_exit(2_000, 200, 15 * MSS, false), None);
}

#[test]
fn a_round_begins_anew_behind_its_last_number() {
    let mut flow = Flow::new();
    for _ in 0..8 {
        flow.ack(5_000, 120, CWND, false);
    }
    (flow.una, flow.nxt) = (1_000_000, 2_000_000);
    assert_eq!(flow.until_exit(5_000, 120, CWND, false), Some(9), "its samples count alone");
}
