//! Drives a corelane runtime turn by turn, as its block_on does, and keeps account of the turns that found work: from outside,
//! a core that polls is always busy.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use corelane::{Runtime, time};

use crate::meter::Meter;

/// How long a loop without work spins before it sleeps; as corelane's own.
const SPIN: Duration = Duration::from_micros(200);

/// How long it then leaves the turns to the runtime, which sleeps between them: their work isn't in the account. A client that
/// paused for a moment is back soon, so the first nap is short; each one that follows without work is twice as long, so that
/// an idle server hardly costs anything.
const NAP: Duration = Duration::from_millis(1);

/// The longest.
const LONGEST_NAP: Duration = Duration::from_millis(16);

/// What a loop does when it has had nothing to do for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rest {
    /// It polls on.
    Spin,
    /// It sleeps until something comes.
    Sleep,
}

/// Runs `future` on the first worker, on this thread, with the tasks that it starts. Before each turn `each` runs as if in a
/// task, and says whether it had something to do. When a shutdown was asked for, it returns when that is over.
pub fn block_on<F: Future>(
    runtime: &mut Runtime,
    rest: Rest,
    meter: &mut Meter,
    mut each: impl FnMut() -> bool,
    future: F,
) -> F::Output {
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(woken.clone());
    woken.wake_by_ref();
    let mut future = pin!(future);
    let (mut began, mut works, mut idle) = (None, false, Idle::new(rest));
    let output = loop {
        let mut output = None;
        let worker = runtime.worker_mut();
        works |= worker.enter(|| {
            let works = each();
            if !woken.take() {
                return works;
            }
            if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
                output = Some(value);
            }
            true
        });
        if let Some(output) = output {
            break output;
        }
        let progress = worker.turn();
        let now = progress.now;
        if let (true, Some(began)) = (works, began) {
            meter.add(now - began);
        }
        (began, works) = (Some(now), progress.is_busy());
        match idle.after(now.as_nanos(), works) {
            Some(time) => {
                nap(runtime, &woken, time);
                began = None;
            }
            None if works => {}
            None => std::hint::spin_loop(),
        }
    };
    runtime.block_on(async {}); // finishes what a shutdown has to
    output
}

/// When a loop without work leaves its turns to the runtime.
struct Idle {
    rest: Rest,
    since: Option<u64>,
    nap: Duration,
}

impl Idle {
    fn new(rest: Rest) -> Self {
        Self { rest, since: None, nap: NAP }
    }

    /// After a turn that began at `now`, in nanoseconds: for how long; `None`: not at all.
    fn after(&mut self, now: u64, works: bool) -> Option<Duration> {
        if works {
            (self.since, self.nap) = (None, NAP);
            return None;
        }
        let idle = Duration::from_nanos(now - *self.since.get_or_insert(now));
        if self.rest == Rest::Spin || idle < SPIN {
            return None;
        }
        // What came during the nap goes on after it: it spins again before the next one.
        self.since = None;
        let nap = self.nap;
        self.nap = (nap * 2).min(LONGEST_NAP);
        Some(nap)
    }
}

/// Leaves the turns to the runtime, until the future is woken, or for so long.
fn nap(runtime: &mut Runtime, woken: &Woken, most: Duration) {
    runtime.block_on(async {
        let _over = time::timeout(most, poll_fn(|cx| woken.poll(cx))).await;
    });
}

/// Whether the future is to be polled.
#[derive(Default)]
struct Woken {
    flag: AtomicBool,
    /// Of the nap that ends with it.
    nap: Mutex<Option<Waker>>,
}

impl Woken {
    fn take(&self) -> bool {
        // Most turns: no read-modify-write where there is nothing to take.
        self.flag.load(Ordering::Relaxed) && self.flag.swap(false, Ordering::Acquire)
    }

    fn poll(&self, cx: &mut Context<'_>) -> Poll<()> {
        *self.nap.lock().unwrap_or_else(PoisonError::into_inner) = Some(cx.waker().clone());
        // After the waker is there: who sets the flag later finds it.
        if self.flag.load(Ordering::Acquire) { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.flag.swap(true, Ordering::AcqRel) {
            return; // whoever set it has woken the nap
        }
        let nap = self.nap.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(nap) = nap {
            nap.wake();
        }
    }
}

#[cfg(test)]
mod tests;
