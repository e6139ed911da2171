use std::time::Duration;

use crate::test_support::{worker, worker_with};
use crate::time::{interval, now, sleep, timeout};
use crate::{Clock, spawn_local};

#[test]
fn sleeps_end_in_order_and_not_early() {
    let (mut worker, clock) = worker();
    let task = worker.spawn_local(async {
        sleep(Duration::from_millis(10)).await;
        let first = now();
        sleep(Duration::from_millis(5)).await;
        (first, now())
    });
    worker.turn();
    let start = clock.now();
    while !task.is_finished() {
        let deadline = worker.next_deadline().unwrap();
        clock.set(deadline);
        worker.turn();
    }
    let (first, second) = worker.block_on(task).unwrap();
    assert_eq!(first - start, Duration::from_millis(10));
    assert_eq!(second - first, Duration::from_millis(5));
    assert_eq!(worker.next_deadline(), None);
}

/// Far from the begin of the turn a sleep doesn't look at the clock.
#[test]
fn a_sleep_that_was_over_before_it_was_polled_ends_with_the_next_turn() {
    for (late, turns) in [(Duration::from_millis(1), 1), (Duration::from_millis(30), 2)] {
        let (mut worker, clock) = worker();
        let start = clock.now();
        let hand = clock.clone();
        let task = worker.spawn_local(async move {
            let sleep = sleep(late);
            hand.advance(late); // what this task did meanwhile took as long
            sleep.await;
        });
        for turn in 1..=turns {
            assert!(!task.is_finished(), "{late:?}, turn {turn}");
            worker.turn();
        }
        assert!(task.is_finished(), "{late:?}");
        assert_eq!(clock.now() - start, late);
    }
}

#[cfg(feature = "hyper")]
#[test]
fn hyper_s_time_is_that_of_the_turn() {
    use crate::net::LocalTimer;
    use hyper::rt::Timer;

    let mut worker = worker_with(Clock::system());
    let outside = worker.enter(|| LocalTimer.now());
    let before = std::time::Instant::now();
    assert!(outside <= before && before - outside < Duration::from_secs(10), "no turn: the clock is read");
    let (first, again) = worker.block_on(async {
        let first = LocalTimer.now();
        let start = now();
        while now() == start {}
        (first, LocalTimer.now())
    });
    assert!(first >= before, "the turn began after it");
    assert_eq!(first, again);
}

#[test]
fn a_timeout_drops_what_takes_too_long() {
    let (mut worker, clock) = worker();
    let task = worker.spawn_local(async {
        let late = timeout(Duration::from_millis(10), sleep(Duration::from_secs(1))).await;
        let soon = timeout(Duration::from_millis(10), async { 5 }).await;
        (late.is_err(), soon)
    });
    worker.turn();
    clock.advance(Duration::from_millis(10));
    worker.turn();
    assert_eq!(worker.block_on(task).unwrap(), (true, Ok(5)));
    assert_eq!(worker.next_deadline(), None, "both timers are gone");
}

#[test]
fn missed_ticks_are_left_out() {
    let (mut worker, clock) = worker();
    let start = clock.now();
    let task = worker.spawn_local(async move {
        let mut interval = interval(Duration::from_millis(10));
        let mut ticks = Vec::new();
        for _ in 0..4 {
            ticks.push((interval.tick().await - start).as_millis());
        }
        ticks
    });
    for at in [0, 10, 35, 40] {
        clock.set(start + Duration::from_millis(at));
        worker.turn();
    }
    assert_eq!(worker.block_on(task).unwrap(), [0, 10, 20, 40]);
}

#[test]
#[cfg_attr(miri, ignore = "it sleeps in poll(2), which miri does not have")]
fn an_idle_worker_sleeps_and_a_timer_ends_it() {
    let mut worker = worker_with(Clock::system());
    worker.set_spin(Duration::ZERO);
    let before = std::time::Instant::now();
    worker.block_on(async { sleep(Duration::from_millis(20)).await });
    assert!(before.elapsed() >= Duration::from_millis(20));
    assert!(worker.inner.sleeps.get() > 0);
}

#[test]
fn two_workers_on_one_thread_keep_their_tasks_apart() {
    let ((mut left, _), (mut right, _)) = (worker(), worker());
    let task = left.spawn_local(async { spawn_local(async { 1 }).await.unwrap() });
    assert!(!right.turn().is_busy());
    assert_eq!(left.turn().polled, 3, "the outer task, the inner one, the outer one again");
    assert!(task.is_finished());
    // A worker inside another: what is current afterwards is the outer one.
    let tasks = left.enter(|| (right.enter(|| spawn_local(async { 2 })), spawn_local(async { 3 })));
    assert_eq!((left.turn().polled, right.turn().polled), (1, 1));
    let (two, three) = tasks;
    assert_eq!(left.block_on(async { (two.await.unwrap(), three.await.unwrap()) }), (2, 3));
}

#[test]
fn a_sleep_follows_its_task_to_another_worker() {
    let ((mut left, left_clock), (mut right, right_clock)) = (worker(), worker());
    let mut nap = Box::pin(left.enter(|| sleep(Duration::from_millis(10))));
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(left.enter(|| nap.as_mut().poll(&mut cx)).is_pending());
    assert!(left.next_deadline().is_some());
    assert!(right.enter(|| nap.as_mut().poll(&mut cx)).is_pending());
    assert!(right.next_deadline().is_some());
    left.turn();
    assert_eq!(left.next_deadline(), None, "the old timer is gone");
    right_clock.advance(Duration::from_millis(10));
    left_clock.advance(Duration::from_millis(10));
    right.turn();
    assert!(right.enter(|| nap.as_mut().poll(&mut cx)).is_ready());
}

#[test]
#[cfg_attr(miri, ignore = "it sleeps in poll(2), which miri does not have")]
fn a_shutdown_waits_for_the_tasks() {
    let mut worker = worker_with(Clock::system());
    worker.handle().shutdown(Duration::from_secs(60));
    let task = worker.spawn_local(async {
        sleep(Duration::from_millis(5)).await;
        6
    });
    worker.block_on(async {});
    assert!(task.is_finished(), "block_on returns only then");
    assert_eq!(worker.block_on(task).unwrap(), 6);
}

#[test]
#[cfg_attr(miri, ignore = "it sleeps in poll(2), which miri does not have")]
fn a_shutdown_ends_when_its_time_is_over() {
    let mut worker = worker_with(Clock::system());
    let before = std::time::Instant::now();
    worker.handle().shutdown(Duration::from_millis(20));
    let task = worker.spawn_local(std::future::pending::<()>());
    worker.block_on(async {});
    assert!(before.elapsed() >= Duration::from_millis(20));
    assert!(!task.is_finished());
    drop(worker);
    assert!(task.is_finished());
}
