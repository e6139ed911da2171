use super::*;

/// A run in virtual time: one request a millisecond.
struct Run {
    open_loop: OpenLoop,
    tally: Tally,
    start: Instant,
}

impl Run {
    fn new(connections: usize) -> Self {
        let start = Instant::now();
        let mut open_loop =
            OpenLoop::new(ArrivalProcess::Uniform, 1000.0, 1, connections, start).expect("a loop");
        open_loop.start(start, 0..connections);
        Self { open_loop, tally: Tally::new(connections).expect("a tally"), start }
    }

    fn at(&self, microseconds: u64) -> Instant {
        self.start + Duration::from_micros(microseconds)
    }

    fn open(&mut self, microseconds: u64) {
        self.tally.measuring = true;
        self.open_loop.open(self.at(microseconds), &mut self.tally);
    }

    fn due(&mut self, microseconds: u64) -> Option<(usize, Duration)> {
        let due = self.open_loop.due(self.at(microseconds), &mut self.tally);
        due.map(|(connection, due)| (connection, due - self.start))
    }

    /// When the request that the connection goes on with was due.
    fn answered(&mut self, connection: usize, microseconds: u64) -> Option<Duration> {
        let now = self.at(microseconds);
        let due = self.open_loop.under_way[connection].expect("asked");
        self.tally.answer_to(connection, due, now);
        self.open_loop.answered(connection, now, &mut self.tally).map(|due| due - self.start)
    }
}

const MILLISECOND: Duration = Duration::from_millis(1);

#[test]
fn requests_start_when_they_are_due_on_the_connection_that_has_been_free_for_longest() {
    let mut run = Run::new(3);
    assert_eq!(run.due(999), None);
    assert_eq!(run.due(1000), Some((0, MILLISECOND)));
    assert_eq!(run.due(1000), None, "one a millisecond");
    assert_eq!(run.answered(0, 1100), None, "free");
    // A client that looks late still sends all of it.
    assert_eq!([run.due(3050), run.due(3050)], [Some((1, 2 * MILLISECOND)), Some((2, 3 * MILLISECOND))]);
    assert_eq!(run.due(3050), None);
    assert_eq!(run.due(4000), Some((0, 4 * MILLISECOND)));
}

#[test]
fn a_request_that_finds_all_connections_busy_waits_and_its_wait_counts() {
    let mut run = Run::new(1);
    run.open(0);
    assert_eq!(run.due(1000), Some((0, MILLISECOND)));
    // The answer takes 5 ms, while those of 2 to 5 ms come due and find no connection.
    assert_eq!(run.due(5500), None);
    assert_eq!(run.answered(0, 6500), Some(2 * MILLISECOND), "the oldest");
    for (number, now) in [(3, 6600), (4, 6700), (5, 6800), (6, 6900)] {
        assert_eq!(run.answered(0, now), Some(number * MILLISECOND));
    }
    assert_eq!(run.answered(0, 6950), None, "none is due");
    let latency = run.tally.latency();
    // 5.5, 4.6, 3.7, 2.8, 1.9 and 0.95 ms: a closed loop would have said 5.5 once and 0.1 else.
    assert!((2790.0..2810.0).contains(&latency.p50), "{latency:?}");
    assert!((5490.0..5510.0).contains(&latency.max), "{latency:?}");
    let report = run.open_loop.report(run.tally.requests);
    assert_eq!((report.due, report.sent, report.waited, report.unanswered), (6, 6, 5, 0));
    assert!(report.rate_met);
}

#[test]
fn the_clients_own_lateness_is_told_apart() {
    let mut run = Run::new(2);
    run.open(0);
    assert!(run.due(1250).is_some());
    let report = run.open_loop.report(0);
    assert!((249.0..251.0).contains(&report.late_us.max), "{report:?}");
    assert_eq!(report.waited, 0);
}

#[test]
fn what_was_due_in_the_warm_up_is_not_measured() {
    let mut run = Run::new(2);
    assert!(run.due(1000).is_some());
    run.open(1500);
    assert!(run.due(2000).is_some());
    assert_eq!((run.answered(0, 2100), run.answered(1, 2200)), (None, None));
    let report = run.open_loop.report(run.tally.requests);
    assert_eq!((report.due, report.sent), (1, 1));
    assert!((199.0..201.0).contains(&run.tally.latency().max), "{:?}", run.tally.latency());
}

#[test]
fn a_server_that_is_too_slow_leaves_requests_unsent_and_they_count() {
    let mut run = Run::new(1);
    run.open(0);
    assert!(run.due(1000).is_some());
    // No answer for 3 s: of what came due, the last second's still waits.
    for milliseconds in 2..=3000 {
        assert_eq!(run.due(milliseconds * 1000), None);
    }
    assert_eq!(run.answered(0, 3_000_500), Some(2001 * MILLISECOND));
    run.open_loop.close(run.at(3_000_500));
    run.tally.measuring = false;
    assert_eq!(run.due(3_100_000), None, "nothing comes due after the end");
    // What waits is still sent.
    assert_eq!(run.answered(0, 3_500_500), Some(2501 * MILLISECOND));
    let later = run.at(4_000_500);
    run.open_loop.leave_all(later, &mut run.tally);
    assert!(!run.open_loop.is_under_way());
    let report = run.open_loop.report(run.tally.requests);
    // Answered are the first and the one of 2,001 ms.
    assert_eq!((report.due, report.sent, report.unanswered), (3000, 2, 2998));
    assert!(!report.rate_met);
    // All but the answered were given up after a second or more.
    let latency = run.tally.latency();
    assert!((990_000.0..1_510_000.0).contains(&latency.p50), "{latency:?}");
    assert!((2_995_000.0..3_005_000.0).contains(&latency.max), "{latency:?}");
}

#[test]
fn an_answer_after_the_end_is_a_latency_and_frees_nothing_to_send() {
    let mut run = Run::new(1);
    run.open(0);
    assert!(run.due(1000).is_some());
    run.open_loop.close(run.at(1500));
    run.tally.measuring = false;
    assert_eq!(run.answered(0, 2500), None);
    assert!(!run.open_loop.is_under_way());
    assert_eq!(run.tally.requests, 0);
    assert!((1495.0..1505.0).contains(&run.tally.latency().max));
    assert_eq!(run.open_loop.report(0).unanswered, 0);
}

#[test]
fn a_broken_connection_gets_no_more_requests() {
    let mut run = Run::new(3);
    run.open(0);
    let now = run.at(500);
    run.open_loop.broke(1, now, &mut run.tally);
    assert_eq!(run.due(1000), Some((0, MILLISECOND)));
    let now = run.at(1500);
    run.open_loop.broke(0, now, &mut run.tally);
    assert_eq!(run.due(2000), Some((2, 2 * MILLISECOND)));
    assert_eq!(run.due(3000), None, "none is left");
    assert_eq!(run.open_loop.report(0).unanswered, 1, "the request of the one that broke");
}
