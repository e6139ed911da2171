use super::*;
use crate::tcp::congestion::tests::pipe::{MS, Path, Pipe, SECOND};
use crate::tcp::congestion::tests::{MSS, ack};
use crate::tcp::congestion::{Algorithm, Congestion, CongestionControl};

/// The paths that are tried: 10 Mbit/s to 1 Gbit/s.
const PATHS: [(u64, u64); 4] = [(1_250_000, 20), (12_500_000, 40), (12_500_000, 1), (125_000_000, 10)];

fn bbr(cc: &Congestion) -> &Bbr {
    match &cc.algorithm {
        Algorithm::Bbr(bbr) => bbr,
        other => panic!("not BBR: {other:?}"),
    }
}

fn pipe(path: Path) -> Pipe {
    Pipe::new(CongestionControl::Bbr, path)
}

#[test]
fn fills_the_pipe_with_a_queue_below_a_bdp() {
    for (rate, rtt_ms) in PATHS {
        let bdp = Path::new(rate, rtt_ms, 0).bdp();
        let mut pipe = pipe(Path::new(rate, rtt_ms, 10 * bdp + 100 * u64::from(MSS)));
        let first = pipe.run(SECOND);
        assert_eq!(bbr(&pipe.cc).mode, Mode::ProbeBw, "{rate} B/s, {rtt_ms} ms: after a second");
        assert_eq!(first.dropped, 0);
        let seen = pipe.run(4 * SECOND);
        let share = pipe.share(&seen, 4 * SECOND);
        assert!(share >= 0.9, "{rate} B/s, {rtt_ms} ms: {share}");
        // cwnd allows two BDP and some bursts; a BDP is in the pipe.
        let bursts = 4 * u64::from(burst(rate, MSS));
        assert!(
            seen.largest_queue <= bdp + bursts,
            "{rate} B/s, {rtt_ms} ms: {} of {bdp}",
            seen.largest_queue
        );
        let most = 2 * bdp + 5 * u64::from(burst(rate, MSS));
        assert!(u64::from(pipe.cc.cwnd()) <= most, "{rate} B/s, {rtt_ms} ms: {}", pipe.cc.cwnd());
        let model = bbr(&pipe.cc);
        assert!(model.bw.max().abs_diff(rate) * 20 <= rate, "{} instead of {rate}", model.bw.max());
    }
}

#[test]
fn startup_doubles_each_round_until_the_pipe_is_full() {
    let mut pipe = pipe(Path::new(12_500_000, 40, 10_000_000));
    // 10 segments in 40 ms are 250 kB/s: 50 times less, so six rounds, and three to see that there is no more.
    pipe.run(6 * 40 * MS);
    assert_eq!(bbr(&pipe.cc).mode, Mode::Startup);
    assert!(bbr(&pipe.cc).bw.max() > 12_500_000 / 4, "{}", bbr(&pipe.cc).bw.max());
    pipe.run(14 * 40 * MS);
    assert_eq!(bbr(&pipe.cc).mode, Mode::ProbeBw);
    assert!(pipe.queue() < pipe.path.bdp() / 2, "drained: {}", pipe.queue());
}

#[test]
fn a_loss_in_a_hundred_does_not_slow_it() {
    let path = Path { drop_each: 100, ..Path::new(12_500_000, 40, 2_000_000) };
    let mut pipe = pipe(path);
    pipe.run(2 * SECOND);
    let seen = pipe.run(5 * SECOND);
    let share = pipe.share(&seen, 5 * SECOND);
    assert!(share >= 0.85, "{share}");
    assert!(seen.dropped > 500);
    // Where CUBIC takes each for a sign of a full queue.
    let mut cubic = Pipe::new(CongestionControl::Cubic, path);
    cubic.run(2 * SECOND);
    let seen = cubic.run(5 * SECOND);
    let share = cubic.share(&seen, 5 * SECOND);
    assert!(share < 0.3, "{share}");
}

#[test]
fn a_small_buffer_is_enough() {
    let path = Path::new(12_500_000, 40, 12_500_000 / 25 / 4);
    let mut pipe = pipe(path);
    pipe.run(2 * SECOND);
    let seen = pipe.run(5 * SECOND);
    let share = pipe.share(&seen, 5 * SECOND);
    assert!(share >= 0.85, "{share}");
    assert_eq!(seen.timeouts, 0);
}

#[test]
fn probe_rtt_sees_that_the_path_has_become_longer() {
    let mut pipe = pipe(Path::new(2_500_000, 20, 1_000_000));
    pipe.run(2 * SECOND);
    let near = |rtt: Option<u64>, ms: u64| rtt.is_some_and(|rtt| rtt >= ms * MS && rtt < (ms + 3) * MS);
    assert!(near(bbr(&pipe.cc).min_rtt, 20), "{:?}", bbr(&pipe.cc).min_rtt);
    pipe.path.rtt = 50 * MS;
    pipe.run(2 * SECOND);
    assert!(near(bbr(&pipe.cc).min_rtt, 20), "believed for ten seconds");
    let mut smallest = u32::MAX;
    for _ in 0..1_200 {
        pipe.run(10 * MS);
        smallest = smallest.min(pipe.cc.cwnd());
    }
    assert_eq!(smallest, 4 * MSS, "in PROBE_RTT");
    assert!(near(bbr(&pipe.cc).min_rtt, 50), "{:?}", bbr(&pipe.cc).min_rtt);
    assert_eq!(bbr(&pipe.cc).mode, Mode::ProbeBw);
    let seen = pipe.run(4 * SECOND);
    let share = pipe.share(&seen, 4 * SECOND);
    assert!(share >= 0.9, "{share}");
}

#[test]
fn follows_the_bandwidth_down_and_up() {
    let mut pipe = pipe(Path::new(12_500_000, 20, 2_000_000));
    pipe.run(2 * SECOND);
    for rate in [5_000_000, 10_000_000] {
        pipe.path.rate = rate;
        pipe.run(2 * SECOND); // all of this before the first PROBE_RTT
        let seen = pipe.run(SECOND);
        let share = pipe.share(&seen, SECOND);
        assert!(share >= 0.9, "{rate}: {share}");
        let bw = bbr(&pipe.cc).bw.max();
        assert!(bw.abs_diff(rate) * 20 <= rate, "{bw} instead of {rate}");
    }
}

#[test]
fn what_the_application_holds_back_does_not_lower_the_bandwidth() {
    let mut pipe = pipe(Path::new(12_500_000, 20, 2_000_000));
    pipe.run(2 * SECOND);
    let before = bbr(&pipe.cc).bw.max();
    pipe.backlog = 0;
    pipe.run(SECOND / 10);
    // Twenty segments each 50 ms: a thirtieth of what the path can.
    for _ in 0..60 {
        pipe.backlog = 20;
        pipe.run(50 * MS);
    }
    let after = bbr(&pipe.cc).bw.max();
    assert!(after * 100 >= before * 95, "{after} instead of {before}");
    // After the pause it goes on at once, without a burst.
    pipe.backlog = u64::MAX;
    let seen = pipe.run(SECOND);
    let share = pipe.share(&seen, SECOND);
    assert!(share >= 0.85, "{share}");
    assert!(seen.largest_queue < pipe.path.bdp() / 2, "{}", seen.largest_queue);
}

#[test]
fn a_time_out_does_not_forget_the_path() {
    let mut pipe = pipe(Path::new(12_500_000, 20, 2_000_000));
    pipe.run(2 * SECOND);
    let (before, bw) = (pipe.cc.cwnd(), bbr(&pipe.cc).bw.max());
    pipe.path.drop_each = 1; // an outage
    pipe.run(SECOND / 2);
    assert!(pipe.cc.cwnd() <= 4 * MSS, "{}", pipe.cc.cwnd());
    pipe.path.drop_each = u64::MAX;
    let seen = pipe.run(2 * SECOND);
    assert!(pipe.cc.cwnd() >= before / 4 * 3, "{} instead of {before}", pipe.cc.cwnd());
    let now = bbr(&pipe.cc).bw.max();
    assert!(now.abs_diff(bw) * 10 <= bw, "{now} instead of {bw}");
    assert!(pipe.share(&seen, 2 * SECOND) >= 0.7, "{}", pipe.share(&seen, 2 * SECOND));
}

#[test]
fn recovery_is_its_own_and_idle_keeps_the_window() {
    let mut pipe = pipe(Path::new(12_500_000, 20, 2_000_000));
    pipe.run(2 * SECOND);
    let cc = &mut pipe.cc;
    assert!(cc.controls_recovery() && !cc.wants_ecn());
    let (before, ssthresh) = (cc.cwnd(), cc.ssthresh());
    let now = Instant::from_nanos(pipe.now);
    cc.on_congestion_event(now, before);
    assert_eq!((cc.cwnd(), cc.ssthresh()), (before, ssthresh), "a loss alone changes nothing");
    cc.on_recovery_exit();
    cc.on_idle(now, 60 * SECOND, SECOND);
    cc.on_app_limited(now, 0);
    assert_eq!(cc.cwnd(), before);
    cc.undo();
    assert_eq!(bbr(cc).full_bw, 0);
}

#[test]
fn a_recovery_begins_with_what_is_in_flight_and_then_the_window_is_what_it_was() {
    let mut pipe = pipe(Path::new(12_500_000, 20, 2_000_000));
    pipe.run(2 * SECOND);
    let cc = &mut pipe.cc;
    let (now, before) = (Instant::from_nanos(pipe.now), cc.cwnd());
    let in_phase = |phase, lost, in_flight| Ack { now, phase, lost, in_flight, ..ack(MSS) };
    cc.on_congestion_event(now, before);
    cc.on_ack(&in_phase(Phase::Recovery, 10 * MSS, 100 * MSS));
    assert_eq!(cc.cwnd(), 101 * MSS);
    // Until the round is over a segment goes for each that arrives.
    cc.on_ack(&in_phase(Phase::Recovery, 5 * MSS, 99 * MSS));
    assert_eq!(cc.cwnd(), 100 * MSS);
    cc.on_ack(&in_phase(Phase::Open, 0, 90 * MSS));
    // As far as the model still wants that much: a phase of the cycle may have ended.
    assert!(cc.cwnd() >= before / 20 * 19, "{} of {before}", cc.cwnd());
}

#[test]
fn after_a_pause_it_neither_probes_nor_drains() {
    let mut pipe = pipe(Path::new(12_500_000, 20, 2_000_000));
    pipe.run(2 * SECOND);
    let mut tries = 0;
    while bbr(&pipe.cc).pacing_gain() <= UNIT && tries < 100 {
        pipe.run(5 * MS);
        tries += 1;
    }
    let (rate, bw) = (pipe.cc.pacing_rate(), bbr(&pipe.cc).bw.max());
    assert!(rate > Some(bw), "it probes");
    pipe.cc.on_transmit_start(Instant::from_nanos(pipe.now));
    assert_eq!(pipe.cc.pacing_rate(), Some(bw * MARGIN_PERCENT / 100));
}

#[test]
fn before_the_first_measurement_it_paces_by_the_initial_window() {
    let cc = Congestion::new(CongestionControl::Bbr, MSS, 10);
    // Ten segments in a millisecond, times 2.885.
    let rate = cc.pacing_rate().unwrap_or(0);
    assert!((28_800_000..28_900_000).contains(&rate), "{rate}");
    assert!(size_of::<Bbr>() <= 320, "{}", size_of::<Bbr>());
}
