//! A port, and what the queues of one have in common.
//!
//! Queues live on threads of their own, the port belongs to all of them: it starts when the last is open, and stops when the
//! first is closed, since a stopped port alone gives its buffers back. No thread may be within the port then.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::config::DpdkConfig;
use crate::ffi;
use crate::ffi::mempool::Mempool;
use crate::ffi::port;
use crate::{DpdkError, eal};

/// Held while devices are made, set up, started and closed: DPDK wants one thread at a time for that. (Two threads that make the
/// first vhost devices start two threads of vhost's, which take each other's messages away.)
static CONTROL: Mutex<()> = Mutex::new(());

/// Waits for the turn to change devices.
pub fn control() -> MutexGuard<'static, ()> {
    CONTROL.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A port that is ours; it is stopped, closed and, if EAL made it, removed on drop.
#[derive(Debug)]
pub struct Port {
    number: u16,
    name: String,
    is_virtual: bool,
}

impl Port {
    /// Makes or finds the device.
    pub fn open(config: &DpdkConfig) -> Result<Port, DpdkError> {
        let name = config.name().to_owned();
        if config.is_virtual() {
            ffi::vdev_add(&name, config.arguments())
                .map_err(|reason| DpdkError::Virtual { device: config.device.clone(), reason })?;
        }
        match port::by_name(&name) {
            Ok(number) => Ok(Port { number, name, is_virtual: config.is_virtual() }),
            Err(_) if config.is_virtual() => {
                let _ = ffi::vdev_remove(&name); // it carries no Ethernet, whatever it is
                Err(DpdkError::NoDevice(name))
            }
            // EAL looks only for the first device when it starts.
            Err(_) => match ffi::device_probe(&name).and_then(|()| port::by_name(&name)) {
                Ok(number) => Ok(Port { number, name, is_virtual: false }),
                Err(_) => Err(DpdkError::NoDevice(eal::describe(&name))),
            },
        }
    }

    /// Its number in all calls.
    pub fn number(&self) -> u16 {
        self.number
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        for (what, result) in [
            // What vhost-user answers wakes the thread of interrupts. A handler that runs keeps virtio from taking it out, and
            // goes on when the device is gone.
            ("handling its interrupts", ffi::interrupts_rest()),
            ("stopping", port::stop(self.number)),
            ("closing", port::close(self.number)),
            ("removing", if self.is_virtual { ffi::vdev_remove(&self.name) } else { Ok(()) }),
        ] {
            if let Err(reason) = result {
                tracing::debug!(port = self.name, what, reason, "while a port was closed");
            }
        }
    }
}

/// Not all queues are open.
const OPENING: u8 = 0;
/// Frames are received and sent.
const RUNNING: u8 = 1;
/// A queue was closed.
const CLOSED: u8 = 2;

/// A port with its queues.
#[derive(Debug)]
pub struct SharedPort {
    number: u16,
    state: AtomicU8,
    /// Whether a queue's thread is within the port; not looked at when there is one queue, whose thread closes it.
    within: Box<[AtomicBool]>,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    port: Option<Port>,
    /// Of each queue that is open: the memory must be there until the port is closed.
    pools: Vec<Option<Arc<Mempool>>>,
}

impl SharedPort {
    /// A configured port with so many queues.
    pub fn new(port: Port, queues: u16) -> SharedPort {
        SharedPort {
            number: port.number(),
            state: AtomicU8::new(OPENING),
            within: (0..queues).map(|_| AtomicBool::new(false)).collect(),
            inner: Mutex::new(Inner { port: Some(port), pools: vec![None; usize::from(queues)] }),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether this queue can still be opened.
    pub fn is_free(&self, queue: u16) -> bool {
        let inner = self.lock();
        inner.port.is_some() && inner.pools.get(usize::from(queue)).is_some_and(Option::is_none)
    }

    /// Gives a queue its memory. The last one sets the rings up and starts the port.
    pub fn open(&self, queue: u16, pool: Arc<Mempool>, config: &DpdkConfig) -> Result<(), DpdkError> {
        let mut inner = self.lock();
        let Some(place) = inner.pools.get_mut(usize::from(queue)).filter(|place| place.is_none()) else {
            return Err(DpdkError::Queue { queue, queues: self.queues() });
        };
        *place = Some(pool);
        let pools: Vec<Arc<Mempool>> = inner.pools.iter().flatten().cloned().collect();
        if pools.len() < self.within.len() {
            return Ok(());
        }
        let _turn = control();
        let result = self.start(&pools, config);
        match result {
            Ok(()) => self.state.store(RUNNING, Ordering::Release),
            Err(_) => drop(inner.port.take()), // its rings may have mbufs, whose pools go now
        }
        result
    }

    fn start(&self, pools: &[Arc<Mempool>], config: &DpdkConfig) -> Result<(), DpdkError> {
        let call = |call| move |reason| DpdkError::Call { call, device: config.name().to_owned(), reason };
        for (queue, pool) in (0..).zip(pools) {
            // A device that fills its ring takes half of the buffers at most.
            let half = u16::try_from(pool.len() / 2).unwrap_or(u16::MAX);
            port::rx_queue(self.number, queue, config.rx_descriptors.min(half), pool)
                .map_err(call("setting a receive queue up"))?;
            port::tx_queue(self.number, queue, config.tx_descriptors.min(half))
                .map_err(call("setting a transmit queue up"))?;
        }
        port::start(self.number).map_err(call("starting it"))?;
        pools.iter().for_each(|pool| pool.flush());
        Ok(())
    }

    /// How many queues there are.
    pub fn queues(&self) -> u16 {
        self.within.len() as u16 // as it was made
    }

    /// Does `f` with the port's number, while it runs.
    #[inline]
    pub fn with<R>(&self, queue: u16, f: impl FnOnce(u16) -> R) -> Option<R> {
        if self.within.len() == 1 {
            return (self.state.load(Ordering::Relaxed) == RUNNING).then(|| f(self.number));
        }
        let within = &self.within[usize::from(queue)];
        // In this order, and in the other one in `close`: one of the two sees the other.
        within.store(true, Ordering::SeqCst);
        let result = (self.state.load(Ordering::SeqCst) == RUNNING).then(|| f(self.number));
        within.store(false, Ordering::Release);
        result
    }

    /// Closes the port, if it is not closed yet: all its buffers go back to their pools.
    pub fn close(&self) {
        let mut inner = self.lock();
        self.state.store(CLOSED, Ordering::SeqCst);
        while self.within.iter().any(|within| within.load(Ordering::SeqCst)) {
            std::thread::yield_now(); // a burst is some microseconds
        }
        let _turn = control();
        drop(inner.port.take());
        inner.pools.clear();
    }

    /// Does `f` with the port's number, while it is open: for what is asked seldom.
    pub fn ask<R>(&self, f: impl FnOnce(u16) -> Result<R, String>) -> Option<R> {
        let inner = self.lock();
        inner.port.as_ref().and_then(|port| f(port.number()).ok())
    }
}
