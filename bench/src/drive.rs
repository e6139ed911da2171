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

/// How long it then leaves the turns to the runtime, which sleeps between them. Their work isn't in the account: so little
/// comes that it doesn't matter.
const NAP: Duration = Duration::from_millis(10);

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
    // The begin of the last turn, whether it found work, and since when none did.
    let (mut began, mut works, mut idle_since) = (None, false, None);
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
        if works {
            idle_since = None;
            continue;
        }
        let idle = now - *idle_since.get_or_insert(now);
        if rest == Rest::Sleep && idle >= SPIN {
            nap(runtime, &woken, NAP);
            began = None;
        } else {
            std::hint::spin_loop();
        }
    };
    runtime.block_on(async {}); // finishes what a shutdown has to
    output
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
