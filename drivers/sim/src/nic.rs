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
    /// The incoming and the outgoing channel of each queue, until it is opened.
    channels: Vec<Option<(Arc<Channel>, Arc<Channel>)>>,
}

/// Two devices joined in memory: what is sent on queue `i` of one arrives on queue `i` of the other, at once and
/// in order. Each queue may be opened in a thread of its own; idle ones can sleep on their interrupt.
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
    let (mut a, mut b) = (Vec::new(), Vec::new());
    for _ in 0..config.queues {
        let (a_to_b, b_to_a) = (Arc::new(Channel::new(config)?), Arc::new(Channel::new(config)?));
        a.push(Some((b_to_a.clone(), a_to_b.clone())));
        b.push(Some((a_to_b, b_to_a)));
    }
    let nic = |side, channels| SimNic { info: config.info(side), config: config.clone(), channels };
    Ok((nic(Side::A, a), nic(Side::B, b)))
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
        let Some(place) = self.channels.get_mut(id.0 as usize) else {
            return Err(invalid(format!(
                "{name} has {} queues: there is no queue {}",
                self.info.queues, id.0
            )));
        };
        let Some(ends) = place.take() else {
            let message = format!("queue {} of {name} is open already", id.0);
            return Err(io::Error::new(io::ErrorKind::ResourceBusy, message));
        };
        Ok(Box::new(ChannelQueue::new(&self.config, ends, slots)))
    }
}

impl Drop for SimNic {
    fn drop(&mut self) {
        // What was never opened never will be.
        for (incoming, _) in self.channels.iter().flatten() {
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
