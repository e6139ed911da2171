use super::*;
use crate::tcp::congestion::tests::{MSS, ack};
use crate::tcp::seq::SeqNumber as S;

/// HyStart++ with numbers that go on.
struct Flow {
    hystart: HyStart,
    una: u32,
    nxt: u32,
}

impl Flow {
    fn new() -> Flow {
        Flow { hystart: HyStart::new(), una: 0, nxt: 10 * MSS }
    }

    /// A round of ten segments, with these round-trip times in milliseconds, the last of them repeated. Returns what the
    /// last ACK of the round does.
    fn round(&mut self, rtts: &[u64]) -> Verdict {
        let mut verdict = Verdict::Grow(0);
        for i in 0..10 {
            let rtt = rtts.get(i).or(rtts.last()).map(|ms| ms * 1_000_000);
            self.una += MSS;
            let ack = Ack { una: S(self.una), nxt: S(self.nxt), rtt, ..ack(MSS) };
            self.nxt += MSS; // what it lets go is sent after it
            verdict = self.hystart.on_ack(&ack, MSS, MSS, false);
            if verdict == Verdict::Exit {
                break;
            }
        }
        verdict
    }
}

#[test]
fn a_steady_rtt_keeps_slow_start() {
    let mut flow = Flow::new();
    for _ in 0..30 {
        assert_eq!(flow.round(&[50]), Verdict::Grow(MSS));
    }
    // An eighth of 50 ms is 6.25 ms.
    assert_eq!(flow.round(&[56]), Verdict::Grow(MSS));
    // One slow segment is not a queue: the smallest of the round counts.
    assert_eq!(flow.round(&[90, 90, 90, 56]), Verdict::Grow(MSS));
}

#[test]
fn a_rising_rtt_ends_slow_start_after_five_conservative_rounds() {
    let mut flow = Flow::new();
    flow.round(&[50]);
    flow.round(&[50]);
    flow.round(&[60]);
    assert_eq!(flow.hystart.state, State::Conservative(0));
    // RFC 9406 4.2: the round in which it began counts.
    for round in 1..5 {
        assert_eq!(flow.round(&[60]), Verdict::Grow(MSS / 4), "round {round}");
    }
    assert_eq!(flow.round(&[60]), Verdict::Exit);
}

#[test]
fn a_spurious_rise_goes_back_to_slow_start() {
    let mut flow = Flow::new();
    flow.round(&[50]);
    flow.round(&[50]);
    flow.round(&[60]);
    assert_eq!(flow.round(&[60]), Verdict::Grow(MSS / 4));
    assert_eq!(flow.round(&[51]), Verdict::Grow(MSS));
    assert_eq!(flow.hystart.state, State::SlowStart);
    // And it can end again.
    flow.round(&[51]);
    flow.round(&[70]);
    assert_eq!(flow.hystart.state, State::Conservative(0));
}

#[test]
fn the_threshold_is_an_eighth_between_4_and_16_ms() {
    for (base, calm, rise) in [(1, 4, 5), (80, 89, 90), (400, 415, 416)] {
        for (rtt, state) in [(calm, State::SlowStart), (rise, State::Conservative(0))] {
            let mut flow = Flow::new();
            flow.round(&[base]);
            flow.round(&[base]);
            flow.round(&[rtt]);
            assert_eq!(flow.hystart.state, state, "{base} ms to {rtt} ms");
        }
    }
}

#[test]
fn fewer_than_eight_samples_say_nothing() {
    let mut hystart = HyStart::new();
    let (mut una, mut nxt) = (0, 4 * MSS);
    for round in 0..10 {
        for _ in 0..4 {
            una += MSS;
            let rtt = Some((50 + 40 * round) * 1_000_000);
            hystart.on_ack(&Ack { una: S(una), nxt: S(nxt), rtt, ..ack(MSS) }, MSS, MSS, false);
            nxt += MSS;
        }
    }
    assert_eq!(hystart.state, State::SlowStart);
}

#[test]
fn one_ack_adds_what_tso_sends_at_once_at_most_unless_paced() {
    let ack = Ack { nxt: S(1 << 20), ..ack(40 * MSS) };
    assert_eq!(HyStart::new().on_ack(&ack, 90 * MSS, MSS, false), Verdict::Grow(45 * MSS));
    assert_eq!(HyStart::new().on_ack(&ack, 40 * MSS, MSS, true), Verdict::Grow(40 * MSS));
}
