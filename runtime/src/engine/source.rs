//! Where the workers of a runtime get their engines from.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use corelane_netstack::{Link, Stack};
use corelane_nic::{Nic, QueueId};

use super::Engine;
use super::kernel::Kernel;
use super::kernel::ports::Ports;
use super::native::Native;
use crate::config::Settings;

/// Shared by the threads of the workers; it outlives their engines.
pub(crate) enum Source {
    /// A device, whose queues are opened one after the other.
    Nic(Mutex<Box<dyn Nic>>),
    /// The kernel.
    Kernel(Arc<Ports>),
}

impl Source {
    /// A device with a queue for each worker.
    ///
    /// # Errors
    /// `InvalidInput` when it has fewer.
    pub(crate) fn nic(nic: Box<dyn Nic>, workers: u16) -> io::Result<Source> {
        let has = nic.info().queues;
        if workers > has {
            let message = format!(
                "device.queues = {workers}: {} has {has}: give that many or fewer queues and cores",
                nic.info().name
            );
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        Ok(Source::Nic(Mutex::new(nic)))
    }

    /// The kernel's sockets, for so many workers.
    pub(crate) fn kernel(workers: u16) -> Source {
        Source::Kernel(Arc::new(Ports::new(workers.into())))
    }

    /// The engine of worker `index`, on the calling thread.
    ///
    /// # Errors
    /// When the device does not give the queue, or the process has no descriptor left.
    pub(crate) fn open(&self, index: usize, settings: &Settings) -> io::Result<Engine> {
        match self {
            Source::Nic(nic) => native(nic, index, settings),
            Source::Kernel(ports) => Ok(Engine::Kernel(Kernel::new(settings.slots, ports.clone())?)),
        }
    }
}

fn native(nic: &Mutex<Box<dyn Nic>>, index: usize, settings: &Settings) -> io::Result<Engine> {
    let mut secret = [0; 32];
    rustix::rand::getrandom(&mut secret, rustix::rand::GetRandomFlags::empty())?;
    let (queue, link) = {
        // A driver that panicked while it opened another queue: let it say itself what is left of it.
        let mut nic = nic.lock().unwrap_or_else(PoisonError::into_inner);
        let queue = nic.open_queue(QueueId(index as u16), settings.slots)?; // fewer workers than u16::MAX
        (queue, Link::from(nic.info()))
    };
    let stack = Stack::new(settings.stack.clone(), link, queue.pool().clone(), secret);
    Ok(Engine::Native(Native::new(queue, stack, settings.budget.burst)))
}
