//! Addresses that several workers listen on.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How many workers of the runtime listen on an address. The kernel spreads the connections over the listeners of an address
/// that all have SO_REUSEPORT; but any other program of the user could join them in silence. So the first one here makes sure
/// that nobody else listens.
#[derive(Debug, Default)]
pub(crate) struct Ports {
    /// More than one worker.
    shared: bool,
    listeners: Mutex<HashMap<SocketAddr, usize>>,
}

impl Ports {
    /// For so many workers.
    pub(crate) fn new(workers: usize) -> Ports {
        Ports { shared: workers > 1, listeners: Mutex::default() }
    }

    /// Whether workers may share `addr`. With port 0 each gets its own.
    pub(super) fn shares(&self, addr: SocketAddr) -> bool {
        self.shared && addr.port() != 0
    }

    /// Holds off the others.
    pub(super) fn lock(&self) -> MutexGuard<'_, HashMap<SocketAddr, usize>> {
        // A count is never half-made.
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One listener less.
    pub(super) fn release(&self, addr: SocketAddr) {
        let mut listeners = self.lock();
        if let Some(count) = listeners.get_mut(&addr) {
            *count -= 1;
            if *count == 0 {
                listeners.remove(&addr);
            }
        }
    }
}
