//! What eight workers cost that have nothing to do. In a process of its own: the time of all its threads is measured.

use std::time::{Duration, Instant};

use corelane::Builder;
use corelane::time::sleep;
use corelane_sim::{LinkConfig, cross_thread_pair};
use rustix::time::{ClockId, clock_gettime};

/// Processor time of this process, in all its threads.
fn used() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32) // never negative
}

#[test]
fn eight_idle_workers_cost_next_to_nothing_and_wake_at_once() {
    const ROUNDS: usize = 101;
    let (nic, _peer) = cross_thread_pair(&LinkConfig::default()).unwrap();
    let builder = Builder::new().nic(nic).address("10.0.0.2/24").slots(256);
    let mut runtime = builder.queues(1).workers(8).build().unwrap();
    let handle = runtime.handle();
    let (share, mut wakes) = runtime.block_on(async move {
        sleep(Duration::from_millis(100)).await; // they spin at first
        let (began, before) = (Instant::now(), used());
        sleep(Duration::from_secs(2)).await;
        let share = (used() - before).as_secs_f64() / began.elapsed().as_secs_f64();
        let mut wakes = Vec::with_capacity(ROUNDS);
        for round in 0..ROUNDS {
            sleep(Duration::from_millis(2)).await; // it sleeps again by then
            let asked = Instant::now();
            let woken = handle.spawn_on(1 + round % 7, async { Instant::now() }).unwrap();
            wakes.push(woken.await.unwrap() - asked);
        }
        (share, wakes)
    });
    wakes.sort_unstable();
    let (median, worst) = (wakes[ROUNDS / 2], wakes[ROUNDS - 1]);
    println!(
        "8 idle workers: {:.2} % of a core; woken in {median:?} (median), {worst:?} (worst of {ROUNDS})",
        share * 100.0
    );
    // Bounds for machines with other work to do; an idle one shows a tenth of that.
    assert!(share < 0.10, "{:.2} % of a core", share * 100.0);
    assert!(median < Duration::from_millis(5), "{median:?}");
    assert!(runtime.shutdown(Duration::from_secs(10)));
}
