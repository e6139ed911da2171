use super::*;
use crate::tcp::congestion::tests::{MSS, ack};
use crate::tcp::congestion::{Congestion, CongestionControl, Phase};
use crate::tcp::seq::SeqNumber as S;

/// A sender whose window is always full, on a path with a steady RTT.
struct Flow {
    cc: Congestion,
    now: u64,
    rtt: u64,
    una: u32,
}

impl Flow {
    fn new(segments: u32, rtt_ms: u64) -> Flow {
        let cc = Congestion::new(CongestionControl::Cubic, MSS, segments);
        Flow { cc, now: 1_000_000_000, rtt: rtt_ms * 1_000_000, una: 0 }
    }

    /// A flow that has just left the recovery of a loss at `segments`.
    fn after_loss(segments: u32, rtt_ms: u64) -> Flow {
        let mut flow = Flow::new(segments, rtt_ms);
        flow.lose();
        flow
    }

    fn lose(&mut self) {
        self.cc.on_congestion_event(Instant::from_nanos(self.now), self.cc.cwnd());
        self.cc.on_recovery_exit();
    }

    /// A round in which each segment is acknowledged by itself, the ACKs spread over the RTT.
    fn round(&mut self) {
        let segments = self.cc.cwnd() / MSS;
        for _ in 0..segments {
            self.now += self.rtt / u64::from(segments);
            self.una = self.una.wrapping_add(MSS);
            self.ack(true);
        }
    }

    fn ack(&mut self, is_cwnd_limited: bool) {
        self.cc.on_ack(&Ack {
            now: Instant::from_nanos(self.now),
            una: S(self.una),
            nxt: S(self.una.wrapping_add(self.cc.cwnd() - MSS)),
            rtt: Some(self.rtt),
            srtt: Some(self.rtt),
            min_rtt: Some(self.rtt),
            is_cwnd_limited,
            ..ack(MSS)
        });
    }

    fn segments(&self) -> f64 {
        f64::from(self.cc.cwnd()) / f64::from(MSS)
    }
}

/// W_cubic of RFC 9438 4.2 in segments, `t` in seconds after a loss at `w_max` segments.
fn w_cubic(w_max: f64, t: f64) -> f64 {
    let k = (w_max * (1.0 - 0.7) / 0.4).cbrt();
    0.4 * (t - k).powi(3) + w_max
}

#[test]
fn the_cube_root_is_exact() {
    for root in (0..100).chain([999, 1_000, 1_390_000, 2_642_244]) {
        let cube = root * root * root;
        assert_eq!(u64::from(cube_root(cube)), root);
        assert_eq!(u64::from(cube_root(cube + 3 * root * (root + 1))), root, "one below the next");
        if root > 0 {
            assert_eq!(u64::from(cube_root(cube - 1)), root - 1);
        }
    }
    assert_eq!(cube_root(u64::MAX), 2_642_245);
}

#[test]
fn slow_start_doubles() {
    let mut flow = Flow::new(10, 100);
    for doubled in [20, 40, 80, 160] {
        flow.round();
        assert_eq!(flow.cc.cwnd(), doubled * MSS);
    }
}

#[test]
fn a_loss_takes_three_tenths() {
    let flow = Flow::after_loss(1_000, 100);
    assert_eq!((flow.cc.cwnd(), flow.cc.ssthresh()), (700 * MSS, 700 * MSS));
}

#[test]
fn the_window_follows_the_curve_of_the_rfc() {
    // Long enough paths that Reno would be slower throughout.
    for (w_max, rtt_ms) in [(1_000, 100), (5_000, 100), (10_000, 50), (1_000, 500)] {
        let mut flow = Flow::after_loss(w_max, rtt_ms);
        let start = flow.now;
        let k = (f64::from(w_max) * 0.3 / 0.4).cbrt();
        let mut seconds = 0.0;
        // Concave to W_max, flat there, convex beyond.
        while seconds < 1.4 * k {
            flow.round();
            seconds = (flow.now - start) as f64 / 1e9;
            let expected = w_cubic(f64::from(w_max), seconds);
            let off = (flow.segments() - expected).abs() / expected;
            assert!(off < 0.02, "W_max {w_max}, {seconds} s: {} instead of {expected}", flow.segments());
        }
        assert!(flow.segments() > f64::from(w_max));
    }
}

#[test]
fn a_round_grows_by_half_at_most() {
    let mut flow = Flow::after_loss(1_000, 100);
    flow.now += 600_000_000_000;
    flow.round(); // begins the stage
    flow.now += 600_000_000_000;
    let before = flow.cc.cwnd();
    // A round of as many segments as the window had at its start.
    for _ in 0..before / MSS {
        flow.ack(true);
    }
    // And a segment, for the credit of the round before.
    let most = before / 2 * 3;
    assert!((most..=most + MSS).contains(&flow.cc.cwnd()), "{}", flow.cc.cwnd());
}

#[test]
fn on_a_short_path_it_is_as_fast_as_reno() {
    // RFC 9438 4.3: alpha segments a round until cwnd_prior, then one. The curve alone would take 4 s.
    let mut flow = Flow::after_loss(100, 1);
    let mut rounds = 0;
    while flow.cc.cwnd() < 100 * MSS {
        flow.round();
        rounds += 1;
    }
    let expected = 30.0 * 17.0 / 9.0;
    assert!((f64::from(rounds) - expected).abs() < 4.0, "{rounds} rounds instead of {expected}");
    let before = flow.cc.cwnd();
    for _ in 0..20 {
        flow.round();
    }
    let grown = (flow.cc.cwnd() - before) / MSS;
    assert!((18..=22).contains(&grown), "{grown} segments in 20 rounds");
}

#[test]
fn fast_convergence_leaves_room_for_another_flow() {
    let mut flow = Flow::after_loss(1_000, 100);
    flow.lose();
    // The second loss came below W_max: the curve flattens at 0.85 of where it was.
    let Some(curve) = curve(&flow.cc) else { panic!("not cubic") };
    assert_eq!((curve.w_max, curve.prior), (700 * MSS * 85 / 100, 700 * MSS));
    assert_eq!(flow.cc.cwnd(), 490 * MSS);
}

fn curve(cc: &Congestion) -> Option<Curve> {
    match &cc.algorithm {
        super::super::Algorithm::Cubic(cubic) => Some(cubic.curve),
        _ => None,
    }
}

#[test]
fn without_a_w_max_it_grows_by_a_twentieth() {
    let mut flow = Flow::new(100, 10);
    flow.cc.on_rto(Instant::from_nanos(flow.now), 0, true);
    assert_eq!((flow.cc.cwnd(), flow.cc.ssthresh()), (MSS, 70 * MSS));
    while flow.cc.in_slow_start() {
        flow.ack(true);
    }
    for _ in 0..20 {
        flow.ack(true);
    }
    assert_eq!(flow.cc.cwnd(), 71 * MSS);
}

#[test]
fn undo_goes_on_along_the_same_curve() {
    let mut flow = Flow::after_loss(1_000, 100);
    for _ in 0..30 {
        flow.round();
    }
    let (start, before) = (1_000_000_000, flow.cc.cwnd());
    let now = Instant::from_nanos(flow.now);
    flow.cc.on_congestion_event(now, before);
    flow.cc.set_cwnd(before / 2);
    flow.cc.undo();
    assert_eq!(flow.cc.cwnd(), before);
    flow.cc.on_rto(now, 0, true);
    flow.cc.undo();
    assert_eq!(flow.cc.cwnd(), before);
    for _ in 0..90 {
        flow.round();
    }
    let expected = w_cubic(1_000.0, (flow.now - start) as f64 / 1e9);
    let off = (flow.segments() - expected).abs() / expected;
    assert!(off < 0.02, "{} instead of {expected}", flow.segments());
}

#[test]
fn time_without_a_full_window_does_not_count() {
    let mut idle = Flow::after_loss(1_000, 100);
    let mut busy = Flow::after_loss(1_000, 100);
    for _ in 0..30 {
        idle.round();
        busy.round();
    }
    // A minute of small answers, then a minute of nothing.
    for _ in 0..600 {
        idle.now += 100_000_000;
        idle.ack(false);
    }
    assert_eq!(idle.cc.cwnd(), busy.cc.cwnd());
    idle.now += 60_000_000_000;
    idle.cc.on_transmit_start(Instant::from_nanos(idle.now));
    for _ in 0..30 {
        idle.round();
        busy.round();
    }
    assert_eq!(idle.cc.cwnd(), busy.cc.cwnd());
}

#[test]
fn a_smaller_mss_keeps_the_curve() {
    let mut flow = Flow::after_loss(1_000, 100);
    flow.round();
    flow.cc.set_mss(MSS / 2);
    let Some(curve) = curve(&flow.cc) else { panic!("not cubic") };
    assert_eq!((curve.w_max, curve.start), (500 * MSS, None));
}

#[test]
fn hystart_sets_ssthresh_when_the_queue_grows() {
    let mut flow = Flow::new(10, 50);
    for _ in 0..3 {
        flow.round();
    }
    assert!(flow.cc.win.is_first_slow_start());
    flow.rtt = 70_000_000;
    let mut rounds = 0;
    while flow.cc.win.is_first_slow_start() && rounds < 20 {
        flow.round();
        rounds += 1;
    }
    assert!((5..=7).contains(&rounds), "{rounds}");
    // 80 segments, and five conservative rounds of a quarter at most.
    assert!(flow.cc.cwnd() < 80 * MSS * 7 / 2, "{}", flow.cc.cwnd());
    assert!(!flow.cc.in_slow_start());
    // A later slow start has its ssthresh and needs no HyStart++.
    flow.cc.on_rto(Instant::from_nanos(flow.now), 0, true);
    let before = flow.cc.cwnd();
    flow.rtt = 500_000_000;
    flow.round();
    assert_eq!(flow.cc.cwnd(), 2 * before);
    assert_eq!(flow.cc.kind(), CongestionControl::Cubic);
    flow.cc.on_ack(&Ack { phase: Phase::Loss, ..ack(MSS) });
    assert_eq!(flow.cc.cwnd(), 3 * before);
}
