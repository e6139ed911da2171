//! Runs side by side: most of them wait for the network most of the time.

use std::sync::Mutex;
use std::thread;

use crate::sys::Stop;

/// Does `work` on each of `jobs`, `workers` at a time and in their order; the results in the same order.
///
/// # Errors
/// The first one; what has not begun by then is left. Or that a stop was asked for.
pub fn run<J: Sync, R: Send>(
    jobs: &[J],
    workers: u32,
    stop: &Stop,
    work: impl Fn(&J) -> anyhow::Result<R> + Sync,
) -> anyhow::Result<Vec<R>> {
    let next = Mutex::new(0..jobs.len());
    let take = || next.lock().ok().and_then(|mut next| next.next());
    let one_after_the_other = || {
        let mut done = Vec::new();
        while let Some(index) = take() {
            anyhow::ensure!(!stop.requested(), "stopped by a signal");
            match work(&jobs[index]) {
                Ok(result) => done.push((index, result)),
                Err(error) => {
                    // Nobody takes another one.
                    while take().is_some() {}
                    return Err(error);
                }
            }
        }
        Ok(done)
    };
    let mut done = thread::scope(|scope| {
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(one_after_the_other)).collect();
        let mut done = Vec::new();
        let mut failed = None;
        for worker in workers {
            match worker.join() {
                Ok(Ok(part)) => done.extend(part),
                Ok(Err(error)) => failed = failed.or(Some(error)),
                Err(_) => failed = failed.or(Some(anyhow::anyhow!("a worker has panicked"))),
            }
        }
        failed.map_or(Ok(done), Err)
    })?;
    done.sort_by_key(|(index, _)| *index);
    Ok(done.into_iter().map(|(_, result)| result).collect())
}
