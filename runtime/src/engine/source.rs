//! Where the workers of a runtime get their engines from.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use corelane_netstack::{Link, Stack};
use corelane_nic::{Nic, Queue, QueueId};

use super::Engine;
use super::kernel::Kernel;
use super::kernel::ports::Ports;
use super::native::Native;
use crate::config::Settings;
use crate::core::mailbox::Shared;
use crate::core::mesh::{Mesh, Peers, Seat};
use crate::core::spread::{FedQueue, SpreadQueue};

/// Shared by the threads of the workers; it outlives their engines.
pub(crate) enum Source {
    /// A device, whose queues are opened one after the other, and what its workers share; `None`: there is one worker.
    Nic(Mutex<Box<dyn Nic>>, Option<Arc<Mesh>>),
    /// The kernel.
    Kernel(Arc<Ports>),
}

impl Source {
    /// A device with this many queues.
    ///
    /// # Errors
    /// `InvalidInput` when it has fewer.
    pub(crate) fn nic(nic: Box<dyn Nic>, queues: u16) -> io::Result<Source> {
        let has = nic.info().queues;
        if queues > has {
            let message = format!(
                "device.queues = {queues}: {} has {has}: give that many or fewer; further workers share them",
                nic.info().name
            );
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        Ok(Source::Nic(Mutex::new(nic), None))
    }

    /// Brings the workers of a device together, before the first of them is made.
    ///
    /// # Errors
    /// `InvalidInput` for weights that leave a queue to nobody.
    pub(crate) fn join(&mut self, workers: &[Arc<Shared>], settings: &Settings) -> io::Result<()> {
        if let Source::Nic(nic, mesh) = self
            && workers.len() > 1
        {
            let nic = nic.get_mut().unwrap_or_else(PoisonError::into_inner);
            let ports = settings.stack.tcp.ip_local_port_range;
            let (queues, spread) = (settings.queues, &settings.spread);
            *mesh = Some(Arc::new(Mesh::new(nic.info(), queues, workers.to_vec(), spread, ports)?));
        }
        Ok(())
    }

    /// The other workers, for worker `index`, when their frames may come by way of it.
    pub(crate) fn peers(&self, index: usize) -> Option<Peers> {
        match self {
            Source::Nic(_, Some(mesh)) => Some(Peers::new(mesh.clone(), index as u16)), // fewer workers than u16::MAX
            Source::Nic(_, None) | Source::Kernel(_) => None,
        }
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
            Source::Nic(nic, mesh) => native(nic, mesh.as_ref(), index as u16, settings), // fewer workers than u16::MAX
            Source::Kernel(ports) => Ok(Engine::Kernel(Kernel::new(settings.slots, ports.clone())?)),
        }
    }
}

fn native(
    nic: &Mutex<Box<dyn Nic>>,
    mesh: Option<&Arc<Mesh>>,
    index: u16,
    settings: &Settings,
) -> io::Result<Engine> {
    let mut secret = [0; 32];
    rustix::rand::getrandom(&mut secret, rustix::rand::GetRandomFlags::empty())?;
    let (queue, link) = open_queue(nic, mesh, index, settings)?;
    let mut stack = Stack::new(settings.stack.clone(), link, queue.pool().clone(), secret);
    let seat = mesh.map(|mesh| Seat::new(mesh.clone(), index, &mut stack));
    Ok(Engine::Native(Native::new(queue, stack, settings.budget.burst).with_seat(seat)))
}

/// The queue of worker `index`, or what it has in place of one.
fn open_queue(
    nic: &Mutex<Box<dyn Nic>>,
    mesh: Option<&Arc<Mesh>>,
    index: u16,
    settings: &Settings,
) -> io::Result<(Box<dyn Queue>, Link)> {
    /// Chunks of a frame that are gathered when it is handed to the worker that sends it.
    const GATHERED: u16 = 16;
    // A driver that panicked while it opened another queue: let it say itself what is left of it.
    let mut nic = nic.lock().unwrap_or_else(PoisonError::into_inner);
    let mut link = Link::from(nic.info());
    if index < settings.queues {
        let queue = nic.open_queue(QueueId(index), settings.slots)?;
        return Ok(match mesh.filter(|mesh| mesh.fed_by(index).next().is_some()) {
            Some(mesh) => {
                (Box::new(SpreadQueue::new(queue, mesh.clone(), index, settings.budget.burst)), link)
            }
            None => (queue, link),
        });
    }
    let Some(mesh) = mesh else { return Err(io::Error::other("a worker without a queue is alone")) };
    // Frames of the MTU at most go to the other worker, and are copied on the way in any case.
    link.offloads.tso_max = 0;
    link.offloads.tx_chunks = GATHERED;
    Ok((Box::new(FedQueue::new(mesh.clone(), index, settings.slots)?), link))
}
