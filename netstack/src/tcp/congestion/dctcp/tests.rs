use super::*;
use crate::tcp::congestion::tests::{MSS, ack};
use crate::tcp::congestion::{Congestion, CongestionControl, Phase};
use crate::tcp::seq::SeqNumber as S;
use crate::time::Instant;

/// A window of `segments`, the first `marked` with ECN-Echo; numbers go on from `una`.
fn window(dctcp: &mut Dctcp, una: &mut u32, segments: u32, marked: u32) {
    let end = *una + segments * MSS;
    for i in 1..=segments {
        *una += MSS;
        let nxt = S(end + i * MSS);
        dctcp.on_ack(&Ack { una: S(*una), nxt, ece: i <= marked, ..ack(MSS) });
    }
}

#[test]
fn alpha_follows_the_share_of_marks() {
    let mut dctcp = Dctcp::new();
    let mut una = 0;
    dctcp.on_ack(&Ack { una: S(0), nxt: S(10 * MSS), ..ack(0) });
    let mut marks = |marked| {
        window(&mut dctcp, &mut una, 10, marked);
        dctcp.alpha
    };
    // alpha - alpha / 16 + 64 * share, by hand, rounded down at each step.
    assert_eq!(marks(0), 960); // 1024 - 64
    assert_eq!(marks(0), 900); // 960 - 60
    assert_eq!(marks(5), 876); // 900 - 56 + 32
    assert_eq!(marks(10), 886); // 876 - 54 + 64
    assert_eq!(marks(1), 837); // 886 - 55 + 6
    for _ in 0..200 {
        marks(10);
    }
    assert!(marks(10) >= 1009, "all marked goes to 1, up to the rounding of the decay");
    for _ in 0..200 {
        marks(0);
    }
    assert_eq!(marks(0), 0, "nothing marked goes to 0");
}

#[test]
fn the_window_is_counted_once() {
    let mut dctcp = Dctcp::new();
    dctcp.on_ack(&Ack { una: S(0), nxt: S(4 * MSS), ..ack(0) });
    for i in 1..4 {
        dctcp.on_ack(&Ack { una: S(i * MSS), nxt: S(8 * MSS), ..ack(MSS) });
        assert_eq!(dctcp.alpha, 1024, "before the window's end");
    }
    dctcp.on_ack(&Ack { una: S(4 * MSS), nxt: S(8 * MSS), ..ack(MSS) });
    assert_eq!((dctcp.alpha, dctcp.acked, dctcp.window_end), (960, 0, Some(S(8 * MSS))));
}

#[test]
fn marks_cut_by_alpha_and_a_loss_by_half() {
    let now = Instant::from_nanos(1);
    let mut cc = Congestion::new(CongestionControl::Dctcp, MSS, 100);
    assert!(cc.wants_ecn());
    // Sixteen windows with a mark in ten: alpha goes from 1 towards 0.1.
    let mut una = 0;
    for _ in 0..16 {
        una += 100 * MSS;
        let (una, nxt) = (S(una), S(una + 100 * MSS));
        cc.on_ack(&Ack { una, nxt, phase: Phase::Cwr, ..ack(90 * MSS) });
        cc.on_ack(&Ack { una: una - 1, nxt, phase: Phase::Cwr, ece: true, ..ack(10 * MSS) });
    }
    let alpha = 0.1 + 0.9 * (15.0_f64 / 16.0).powi(15);
    cc.set_cwnd(100 * MSS);
    cc.on_ecn(now, 100 * MSS);
    let expected = 100_000.0 * (1.0 - alpha / 2.0);
    let off = (f64::from(cc.ssthresh()) - expected).abs() / expected;
    assert!(off < 0.02, "{} instead of {expected}", cc.ssthresh());
    cc.on_congestion_event(now, 100 * MSS);
    assert_eq!(cc.ssthresh(), 50 * MSS);
    // As Linux: so does a time-out.
    cc.on_rto(now, 0, true);
    assert_eq!((cc.cwnd(), cc.ssthresh()), (MSS, 50 * MSS));
}
