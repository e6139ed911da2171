//! Devices whose queues are opened in different threads.

use std::io;
use std::sync::Arc;

use corelane_nic::{Nic, NicInfo, Queue, QueueId};

use crate::channel::Channel;
use crate::faults::invalid;
use crate::{ChannelQueue, LinkConfig, Side};

/// One end of [`cross_thread_pair`].
pub struct SimNic {
    info: NicInfo,
    config: LinkConfig,
    /// The incoming channel of each queue, until it is opened.
    incoming: Vec<Option<Arc<Channel>>>,
    /// Those of the other end's queues.
    outgoing: Vec<Arc<Channel>>,
}

/// Two devices joined in memory: what is sent on queue `i` of one arrives on queue `i` of the other, or where
/// [`LinkConfig::rss`] leads it, at once and in order. Each queue may be opened in a thread of its own; idle ones can sleep on their interrupt.
///
/// # Errors
/// `InvalidInput` when the configuration can't be, or asks for faults (they need the virtual time of a
/// [`Link`](crate::Link)). Those of socketpair(2), as when no file descriptor is left.
pub fn cross_thread_pair(config: &LinkConfig) -> io::Result<(SimNic, SimNic)> {
    config.check()?;
    if !config.a_to_b.is_none() || !config.b_to_a.is_none() {
        return Err(invalid(
            "a pair across threads has no virtual time, and so no faults: use Link".to_string(),
        ));
    }
    let channels =
        || (0..config.queues).map(|_| Ok(Arc::new(Channel::new(config)?))).collect::<io::Result<Vec<_>>>();
    let (a_to_b, b_to_a) = (channels()?, channels()?);
    let nic = |side, incoming: &Vec<Arc<Channel>>, outgoing: &Vec<Arc<Channel>>| SimNic {
        info: config.info(side),
        config: config.clone(),
        incoming: incoming.iter().cloned().map(Some).collect(),
        outgoing: outgoing.clone(),
    };
    Ok((nic(Side::A, &b_to_a, &a_to_b), nic(Side::B, &a_to_b, &b_to_a)))
}

impl Nic for SimNic {
    fn info(&self) -> &NicInfo {
        &self.info
    }

    fn open_queue(&mut self, id: QueueId, slots: usize) -> io::Result<Box<dyn Queue>> {
        let name = &self.info.name;
        let slots = u32::try_from(slots).ok().filter(|&n| n > 0);
        let Some(slots) = slots else {
            return Err(invalid(format!("{name}: a pool needs 1 to {} buffers", u32::MAX)));
        };
        let Some(place) = self.incoming.get_mut(id.0 as usize) else {
            return Err(invalid(format!(
                "{name} has {} queues: there is no queue {}",
                self.info.queues, id.0
            )));
        };
        let Some(incoming) = place.take() else {
            let message = format!("queue {} of {name} is open already", id.0);
            return Err(io::Error::new(io::ErrorKind::ResourceBusy, message));
        };
        Ok(Box::new(ChannelQueue::new(&self.config, id.0, incoming, self.outgoing.clone(), slots)))
    }
}

impl Drop for SimNic {
    fn drop(&mut self) {
        // What was never opened never will be.
        for incoming in self.incoming.iter().flatten() {
            incoming.close();
        }
    }
}

impl std::fmt::Debug for SimNic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SimNic").field("info", &self.info).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
