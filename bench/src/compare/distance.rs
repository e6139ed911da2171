//! How far apart two cores are: what a cache line takes from one to the other and back.
//!
//! A host may run the cores of a virtual machine side by side, and a second later behind two caches of their own. Whatever is
//! handed from core to core then takes several times as long, and no counter of the machine says so.

use std::hint::spin_loop;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Instant;

use super::row::spread;
use crate::process::{cores, pin};

/// Round trips that are timed together.
const BATCH: u32 = 500;

/// Batches; the middle one counts, since an interrupt lengthens one or two of them.
const BATCHES: u32 = 11;

/// The ball is at rest.
const OVER: u32 = u32::MAX;

/// Nanoseconds of a round trip between the cores `one` and `other`; `None` when they are the same, or this process may not run there.
pub fn round_trip(one: usize, other: usize) -> Option<f64> {
    // Threads that end up on one core would wait a time slice for each throw.
    let ours = cores();
    if one == other || !ours.contains(&one) || !ours.contains(&other) {
        return None;
    }
    // Odd: on its way to the other; even: back.
    let ball = AtomicU32::new(0);
    thread::scope(|scope| {
        let there = scope.spawn(|| {
            let pinned = pin(Some(other)).is_ok();
            loop {
                match ball.load(Ordering::Acquire) {
                    OVER => return pinned,
                    count if count % 2 == 1 => ball.store(count + 1, Ordering::Release),
                    _ => spin_loop(),
                }
            }
        });
        let here = scope.spawn(|| {
            let pinned = pin(Some(one)).is_ok();
            let times = (0..BATCHES).map(|batch| throw(&ball, batch * BATCH)).collect();
            ball.store(OVER, Ordering::Release);
            spread(times).filter(|_| pinned)
        });
        let nanos = here.join().ok()??.median;
        there.join().ok()?.then_some(nanos)
    })
}

/// Nanoseconds of a round trip, over a batch of them from `first` on.
fn throw(ball: &AtomicU32, first: u32) -> f64 {
    let start = Instant::now();
    for count in first..first + BATCH {
        ball.store(2 * count + 1, Ordering::Release);
        while ball.load(Ordering::Acquire) != 2 * count + 2 {
            spin_loop();
        }
    }
    start.elapsed().as_secs_f64() * 1e9 / f64::from(BATCH)
}

#[cfg(test)]
mod tests;
