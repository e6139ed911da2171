pub(super) mod pipe;

use super::*;
use crate::tcp::seq::SeqNumber as S;
use pipe::{Path, Pipe, SECOND};

pub(super) const MSS: u32 = 1000;
const NOW: Instant = Instant::from_nanos(1_000_000_000);

/// An ACK of `acked` bytes in the phase Open, the window being full.
pub(super) fn ack(acked: u32) -> Ack {
    Ack {
        now: NOW,
        acked,
        delivered: acked,
        lost: 0,
        prior_in_flight: acked,
        in_flight: 0,
        una: S(0),
        nxt: S(0),
        rtt: None,
        srtt: None,
        min_rtt: None,
        is_cwnd_limited: true,
        ece: false,
        phase: Phase::Open,
        rate: None,
    }
}

/// A round in which each segment of the window is acknowledged by itself.
fn round(cc: &mut Congestion) {
    for _ in 0..cc.cwnd() / MSS {
        cc.on_ack(&ack(MSS));
    }
}

fn reno() -> Congestion {
    Congestion::new(CongestionControl::Reno, MSS, 10)
}

/// Reno after a loss at 40 segments.
fn reno_after_loss() -> Congestion {
    let mut cc = reno();
    round(&mut cc);
    round(&mut cc);
    assert_eq!(cc.cwnd(), 40 * MSS);
    cc.on_congestion_event(NOW, 40 * MSS);
    cc.on_recovery_exit();
    assert_eq!((cc.cwnd(), cc.ssthresh()), (20 * MSS, 20 * MSS));
    cc
}

#[test]
fn reno_doubles_then_grows_by_a_segment_a_round() {
    let mut cc = reno_after_loss();
    for round_trips in 1..=5 {
        round(&mut cc);
        assert_eq!(cc.cwnd(), (20 + round_trips) * MSS);
    }
}

#[test]
fn slow_start_leaves_the_rest_of_an_ack_to_congestion_avoidance() {
    let mut cc = reno_after_loss();
    cc.set_cwnd(19 * MSS);
    // A segment to ssthresh, then a window's worth.
    cc.on_ack(&ack(21 * MSS));
    assert_eq!(cc.cwnd(), 21 * MSS);
}

#[test]
fn a_stretch_ack_grows_as_much_as_the_acks_that_it_stands_for() {
    let (mut one, mut many) = (reno_after_loss(), reno_after_loss());
    one.on_ack(&ack(10 * MSS));
    one.on_ack(&ack(10 * MSS));
    round(&mut many);
    assert_eq!(one.cwnd(), many.cwnd());
}

#[test]
fn a_window_that_is_not_used_does_not_grow() {
    for kind in [CongestionControl::Reno, CongestionControl::Cubic, CongestionControl::Dctcp] {
        let mut cc = Congestion::new(kind, MSS, 10);
        for _ in 0..100 {
            cc.on_ack(&Ack { is_cwnd_limited: false, ..ack(MSS) });
        }
        assert_eq!(cc.cwnd(), 10 * MSS, "{kind}");
        cc.on_congestion_event(NOW, 10 * MSS);
        cc.on_recovery_exit();
        let cwnd = cc.cwnd();
        for _ in 0..100 {
            cc.on_ack(&Ack { is_cwnd_limited: false, ..ack(MSS) });
        }
        assert_eq!(cc.cwnd(), cwnd, "{kind}");
    }
}

#[test]
fn prr_alone_moves_the_window_in_recovery() {
    for kind in [CongestionControl::Reno, CongestionControl::Cubic, CongestionControl::Dctcp] {
        let mut cc = Congestion::new(kind, MSS, 10);
        for phase in [Phase::Cwr, Phase::Recovery] {
            cc.on_ack(&Ack { phase, ..ack(MSS) });
            assert_eq!(cc.cwnd(), 10 * MSS, "{kind}");
        }
        cc.on_ack(&Ack { phase: Phase::Disorder, ..ack(MSS) });
        assert_eq!(cc.cwnd(), 11 * MSS, "{kind}");
        cc.set_cwnd(0);
        assert_eq!(cc.cwnd(), MSS);
        cc.set_cwnd(u32::MAX);
        assert_eq!(cc.cwnd(), MAX_CWND);
        assert!(!cc.controls_recovery());
    }
}

#[test]
fn a_time_out_starts_from_a_segment_up_to_half() {
    let mut cc = reno_after_loss();
    cc.on_rto(NOW, 0, true);
    assert_eq!((cc.cwnd(), cc.ssthresh()), (MSS, 10 * MSS));
    // The second for the same data leaves ssthresh, and what was SACKed still counts as in flight.
    cc.on_rto(NOW, 2 * MSS, false);
    assert_eq!((cc.cwnd(), cc.ssthresh()), (3 * MSS, 10 * MSS));
    let mut acked = 0;
    while cc.cwnd() < cc.ssthresh() {
        cc.on_ack(&Ack { phase: Phase::Loss, ..ack(MSS) });
        acked += 1;
    }
    assert_eq!((acked, cc.cwnd()), (7, 10 * MSS));
}

#[test]
fn ssthresh_is_two_segments_at_least() {
    for kind in CongestionControl::ALL {
        let mut cc = Congestion::new(kind, MSS, 1);
        cc.on_rto(NOW, 0, true);
        cc.on_rto(NOW, 0, true);
        assert!(cc.ssthresh() >= 2 * MSS, "{kind}");
        assert_eq!(cc.cwnd(), MSS, "{kind}");
    }
}

#[test]
fn undo_restores_what_was_there_before() {
    // BBR's window comes back with the phase.
    for kind in [CongestionControl::Reno, CongestionControl::Cubic, CongestionControl::Dctcp] {
        let mut cc = Congestion::new(kind, MSS, 10);
        let before = (cc.cwnd(), cc.ssthresh());
        cc.on_congestion_event(NOW, 10 * MSS);
        cc.set_cwnd(5 * MSS);
        cc.undo();
        assert_eq!((cc.cwnd(), cc.ssthresh()), before, "{kind}: loss");
        cc.on_rto(NOW, 0, true);
        cc.on_rto(NOW, 0, false);
        cc.undo();
        assert_eq!((cc.cwnd(), cc.ssthresh()), before, "{kind}: time-out");
        // Once only.
        cc.set_cwnd(5 * MSS);
        cc.undo();
        assert_eq!(cc.cwnd(), 5 * MSS, "{kind}: twice");
    }
}

#[test]
fn undo_in_congestion_avoidance_goes_back_to_it_by_slow_start() {
    let mut cc = reno_after_loss();
    cc.on_rto(NOW, 0, true);
    cc.undo();
    assert_eq!((cc.cwnd(), cc.ssthresh()), (20 * MSS, 20 * MSS));
    // What grew meanwhile is kept.
    cc.on_congestion_event(NOW, 20 * MSS);
    cc.set_cwnd(25 * MSS);
    cc.undo();
    assert_eq!(cc.cwnd(), 25 * MSS);
}

#[test]
fn ecn_reduces_as_a_loss_and_is_not_undone() {
    let mut cc = reno_after_loss();
    cc.on_ecn(NOW, 20 * MSS);
    cc.on_recovery_exit();
    assert_eq!((cc.cwnd(), cc.ssthresh()), (10 * MSS, 10 * MSS));
    cc.undo();
    assert_eq!((cc.cwnd(), cc.ssthresh()), (10 * MSS, 10 * MSS));
}

#[test]
fn leaving_a_recovery_that_reduced_nothing_keeps_the_window() {
    let mut cc = reno();
    cc.on_recovery_exit();
    assert_eq!(cc.cwnd(), 10 * MSS);
}

#[test]
fn idle_halves_for_each_rto_down_to_the_initial_window() {
    const RTO: u64 = 200_000_000;
    let grown = || {
        let mut cc = reno();
        for _ in 0..4 {
            round(&mut cc);
        }
        cc.on_congestion_event(NOW, 160 * MSS);
        cc.on_recovery_exit();
        assert_eq!(cc.cwnd(), 80 * MSS);
        cc
    };
    for (idle, segments) in
        [(RTO + 1, 40), (2 * RTO, 40), (2 * RTO + 1, 20), (3 * RTO + 1, 10), (60 * RTO, 10)]
    {
        let mut cc = grown();
        cc.on_idle(NOW, idle, RTO);
        assert_eq!((cc.cwnd(), cc.ssthresh()), (segments * MSS, 80 * MSS), "{idle}");
    }
    // A window below the initial one stays.
    let mut cc = grown();
    cc.set_cwnd(3 * MSS);
    cc.on_idle(NOW, u64::MAX, 0);
    assert_eq!((cc.cwnd(), cc.ssthresh()), (3 * MSS, 80 * MSS));
}

#[test]
fn a_window_that_goes_unused_shrinks_half_of_the_way() {
    let mut cc = reno_after_loss();
    cc.on_app_limited(NOW, 12 * MSS);
    assert_eq!((cc.cwnd(), cc.ssthresh()), (16 * MSS, 20 * MSS));
    cc.on_app_limited(NOW, 0);
    assert_eq!(cc.cwnd(), 13 * MSS, "the initial window counts as used");
    cc.on_app_limited(NOW, 20 * MSS);
    assert_eq!(cc.cwnd(), 13 * MSS);
}

#[test]
fn a_smaller_mss_keeps_the_number_of_segments_and_a_larger_the_bytes() {
    let mut cc = reno_after_loss();
    cc.set_mss(500);
    assert_eq!((cc.cwnd(), cc.ssthresh()), (20 * 500, 20 * 500));
    cc.set_mss(1400);
    assert_eq!((cc.cwnd(), cc.ssthresh()), (20 * 500, 20 * 500));
    let mut cc = reno();
    cc.set_mss(500);
    assert_eq!((cc.cwnd(), cc.ssthresh()), (10 * 500, INFINITE_SSTHRESH));
    cc.set_mss(65_000);
    assert_eq!(cc.cwnd(), 65_000);
    cc.set_mss(0);
    assert_eq!(cc.cwnd(), 1);
}

#[test]
fn nothing_overflows() {
    for kind in CongestionControl::ALL {
        for (mss, segments) in [(0, 0), (1, 1), (u32::from(u16::MAX), u32::MAX)] {
            let mut cc = Congestion::new(kind, mss, segments);
            let now = Instant::from_nanos(u64::MAX);
            for phase in [Phase::Open, Phase::Loss, Phase::Recovery, Phase::Cwr, Phase::Open] {
                let rtt = Some(u64::MAX);
                let extreme = Ack { now, phase, rtt, srtt: rtt, min_rtt: rtt, ece: true, ..ack(u32::MAX) };
                for _ in 0..20 {
                    cc.on_ack(&extreme);
                }
                cc.on_congestion_event(now, u32::MAX);
                cc.on_recovery_exit();
                cc.on_ack(&Ack { now: Instant::ZERO, ..extreme });
                cc.on_ecn(now, u32::MAX);
                cc.on_idle(now, u64::MAX, 1);
                cc.on_rto(now, u32::MAX, true);
                cc.undo();
                cc.on_app_limited(now, u32::MAX);
                cc.on_transmit_start(now);
                assert!((1..=MAX_CWND).contains(&cc.cwnd()), "{kind}: {}", cc.cwnd());
                cc.set_mss(1);
            }
        }
    }
}

#[test]
fn cubic_fills_a_pipe_and_hystart_spares_it() {
    // 100 Mbit/s, 40 ms, a buffer of three BDP.
    let path = Path::new(12_500_000, 40, 1_500_000);
    let mut pipe = Pipe::new(CongestionControl::Cubic, path);
    let first = pipe.run(SECOND);
    // Reno's first slow start runs on until the buffer overflows, with twice what it holds under way.
    let mut reno = Pipe::new(CongestionControl::Reno, path);
    let lost = reno.run(SECOND).dropped;
    assert!(first.dropped * 3 < lost, "{} segments lost, {lost} by Reno", first.dropped);
    assert!(first.timeouts == 0 && !pipe.cc.in_slow_start());
    assert!(pipe.share(&first, SECOND) > 0.6, "and not before the pipe was: {}", pipe.share(&first, SECOND));
    let seen = pipe.run(20 * SECOND);
    assert!(pipe.share(&seen, 20 * SECOND) >= 0.95, "{}", pipe.share(&seen, 20 * SECOND));
    assert!(seen.dropped > 0, "the buffer is found in the end");
}

#[test]
fn reno_keeps_a_pipe_with_a_buffer_of_a_bdp_full() {
    let mut pipe = Pipe::new(CongestionControl::Reno, Path::new(1_250_000, 20, 25_000));
    pipe.run(2 * SECOND);
    let seen = pipe.run(10 * SECOND);
    assert!(pipe.share(&seen, 10 * SECOND) >= 0.95, "{}", pipe.share(&seen, 10 * SECOND));
    assert!(seen.dropped > 2 && seen.timeouts == 0, "{} dropped", seen.dropped);
}

#[test]
fn dctcp_keeps_the_queue_at_the_mark() {
    // 1 Gbit/s, 1 ms; K is a sixth of a BDP (RFC 8257 refers to a seventh).
    let path = Path { mark_above: 20_000, ..Path::new(125_000_000, 1, 1_000_000) };
    let mut dctcp = Pipe::new(CongestionControl::Dctcp, path);
    dctcp.run(SECOND / 2);
    let seen = dctcp.run(SECOND);
    let share = dctcp.share(&seen, SECOND);
    assert!(share >= 0.95, "{share}");
    assert!(seen.marked > 0 && seen.dropped == 0);
    assert!(seen.largest_queue < 60_000, "{}", seen.largest_queue);
    // Reno halves for the same marks, and lets the pipe run empty.
    let mut reno = Pipe::new(CongestionControl::Reno, path);
    reno.run(SECOND / 2);
    let seen = reno.run(SECOND);
    assert!(reno.share(&seen, SECOND) < share - 0.02, "{} against {share}", reno.share(&seen, SECOND));
}

#[test]
fn the_state_stays_small() {
    assert!(size_of::<Cubic>() <= 120, "{}", size_of::<Cubic>());
    assert!(size_of::<Congestion>() <= 160, "{}", size_of::<Congestion>());
}
