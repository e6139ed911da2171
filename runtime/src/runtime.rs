//! Workers that belong together.

use std::fmt;
use std::future::Future;
use std::io;
use std::panic::Location;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use crate::config::Settings;
use crate::core::clock::Clock;
use crate::core::inner::Inner;
use crate::core::mailbox::Shared;
use crate::core::spawn::{Cores, Handle};
use crate::core::worker::Worker;
use crate::engine::Source;
use crate::task::join_handle::JoinHandle;

/// The workers of a device, one a queue, and those that they share their queues with; or those on the kernel's sockets. The first one is on the thread that made the runtime, and runs during
/// [`Runtime::block_on`]; each other has a thread of its own.
///
/// Dropping it drops all tasks and closes their sockets; [`Runtime::shutdown`] finishes them first.
pub struct Runtime {
    /// `None` only while it is being dropped.
    worker: Option<Worker>,
    threads: Vec<thread::JoinHandle<bool>>,
    handle: Handle,
    /// Outlives the engines.
    _source: Arc<Source>,
}

impl Runtime {
    pub(crate) fn start(mut source: Source, settings: Settings) -> io::Result<Runtime> {
        let shared = (0..settings.workers).map(|_| Shared::new()).collect::<io::Result<Vec<_>>>()?;
        source.join(&shared, &settings)?;
        let handle = Handle::new(shared.clone());
        let source = Arc::new(source);
        let settings = Arc::new((settings, Cores::allowed()));
        let mut shared = shared.into_iter().enumerate();
        let Some((_, first)) = shared.next() else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "device.queues = 0: give at least 1"));
        };
        let worker = make_worker(0, first, &handle, &source, &settings)?;
        let mut runtime =
            Runtime { worker: Some(worker), threads: Vec::new(), handle, _source: source.clone() };
        for (index, shared) in shared {
            // On an error the runtime is dropped, and with it the workers that run already.
            let thread = start_thread(index, shared, &runtime.handle, &source, &settings)?;
            runtime.threads.push(thread);
        }
        Ok(runtime)
    }

    /// Runs `future` on the first worker, on this thread, with the tasks that it starts. The other workers run on their own.
    /// When a shutdown was asked for ([`Handle::shutdown`]), it returns after what this worker had accepted is finished, or the
    /// time for that is over.
    pub fn block_on<F: Future>(&mut self, future: F) -> F::Output {
        self.worker_mut().block_on(future)
    }

    /// Runs `f` on the first worker, on this thread, as if in a task of it: sockets and tasks made there are its own. Nothing is
    /// driven meanwhile but by a [`Poll`](crate::poll::Poll): this is for programs that have an event loop of their own.
    pub fn enter<R>(&self, f: impl FnOnce() -> R) -> R {
        match &self.worker {
            Some(worker) => worker.enter(f),
            None => unreachable!("the worker is taken only in drop"),
        }
    }

    /// Runs what `make` makes on every worker, and waits for all. The future need not be `Send`: it is made where it runs.
    ///
    /// # Errors
    /// When a task panicked or its worker ended.
    #[track_caller]
    pub fn block_on_all<M, F, T>(&mut self, make: M) -> io::Result<Vec<T>>
    where
        M: Fn() -> F + Clone + Send + 'static,
        F: Future<Output = T> + 'static,
        T: Send + 'static,
    {
        let (handle, origin) = (self.handle.clone(), Location::caller());
        self.block_on(async move {
            let tasks: Vec<JoinHandle<Option<T>>> = (0..handle.workers())
                .map(|index| handle.spawn_with_from(origin, index, make.clone()))
                .collect::<io::Result<_>>()?;
            let mut results = Vec::with_capacity(tasks.len());
            for task in tasks {
                let result = task.await?;
                results.push(result.ok_or_else(|| io::Error::other("a worker ended before its task"))?);
            }
            Ok(results)
        })
    }

    /// Reaches the workers from any thread: to start tasks on them, to ask for their counts, to shut them down.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// The first worker: to drive it turn by turn instead of [`Runtime::block_on`].
    pub fn worker_mut(&mut self) -> &mut Worker {
        match &mut self.worker {
            Some(worker) => worker,
            None => unreachable!("the worker is taken only in drop"),
        }
    }

    /// Stops accepting, lets the tasks run on until all have ended and all that was written is delivered, or until
    /// `timeout` is over, and ends the workers. Returns whether all was finished in time.
    #[must_use = "false = something was cut off"]
    pub fn shutdown(mut self, timeout: Duration) -> bool {
        self.handle.shutdown(timeout);
        let worker = self.worker_mut();
        worker.begin_shutdown(timeout);
        let mut finished = worker.drain();
        for thread in self.threads.drain(..) {
            finished &= thread.join().unwrap_or(false);
        }
        finished
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        self.handle.stop();
        // The last words of the own worker go out while the others end.
        drop(self.worker.take());
        for thread in self.threads.drain(..) {
            let _ = thread.join(); // a panic there was printed there
        }
    }
}

impl fmt::Debug for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runtime").field("workers", &self.handle.workers()).finish_non_exhaustive()
    }
}

/// Worker `index`, on the calling thread.
fn make_worker(
    index: usize,
    shared: Arc<Shared>,
    handle: &Handle,
    source: &Source,
    (settings, cores): &(Settings, Cores),
) -> io::Result<Worker> {
    if let Some(core) = settings.cores.get(index) {
        cores.pin_to(*core)?;
    }
    let engine = source.open(index, settings)?;
    let mut inner = Inner::new(shared, handle.clone(), settings.budget, engine, Clock::system())?;
    inner.peers = source.peers(index);
    let mut worker = Worker::of(inner);
    worker.set_spin(settings.spin);
    Ok(worker)
}

/// A thread with a worker. Returns when the worker stands.
fn start_thread(
    index: usize,
    shared: Arc<Shared>,
    handle: &Handle,
    source: &Arc<Source>,
    settings: &Arc<(Settings, Cores)>,
) -> io::Result<thread::JoinHandle<bool>> {
    let (ready, made) = mpsc::channel();
    let (handle, source, settings) = (handle.clone(), source.clone(), settings.clone());
    let thread = thread::Builder::new().name(format!("corelane-{index}")).spawn(move || {
        let worker = make_worker(index, shared, &handle, &source, &settings);
        let (worker, result) = match worker {
            Ok(worker) => (Some(worker), Ok(())),
            Err(error) => (None, Err(error)),
        };
        let _ = ready.send(result); // the other end waits for it
        worker.is_some_and(|mut worker| worker.run())
    })?;
    match made.recv() {
        Ok(Ok(())) => Ok(thread),
        Ok(Err(error)) => Err(error),
        Err(_) => Err(io::Error::other(format!("worker {index} panicked while it started"))),
    }
}
