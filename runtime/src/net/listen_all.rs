//! One address, a listener on every core.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::panic::Location;

use super::{TcpListener, ToAddr};
use crate::core::spawn::Handle;
use crate::task::future::Origin;
use crate::task::join_handle::JoinHandle;

impl Handle {
    /// Listens on `addr` on every worker, and runs there what `serve` makes of each listener: each connection is accepted by the
    /// core that its segments arrive at. The futures need not be `Send`: they are made where they run. Port 0 picks one port for all.
    ///
    /// Returns a join handle for each worker, once all of them listen; dropping these lets the tasks run on.
    ///
    /// # Errors
    /// As [`TcpListener::bind`]; then no worker listens.
    ///
    /// # Cancel safety
    /// Nothing listens when it is dropped before it is ready.
    #[track_caller]
    pub fn listen_all<M, F>(
        &self,
        addr: impl ToAddr,
        serve: M,
    ) -> impl Future<Output = io::Result<Vec<JoinHandle<Option<F::Output>>>>>
    where
        M: Fn(TcpListener) -> F + Clone + Send + 'static,
        F: Future + 'static,
        F::Output: Send + 'static,
    {
        let (handle, origin, addr) = (self.clone(), Location::caller(), addr.to_addr());
        async move {
            let listeners = handle.bind_all(origin, addr?).await?;
            let start = |(index, listener): (usize, TcpListener)| {
                let serve = serve.clone();
                handle.spawn_with_from(origin, index, move || serve(listener))
            };
            listeners.into_iter().enumerate().map(start).collect()
        }
    }

    async fn bind_all(&self, origin: Origin, mut addr: SocketAddr) -> io::Result<Vec<TcpListener>> {
        let mut listeners = Vec::with_capacity(self.workers());
        for index in 0..self.workers() {
            let bind = move || async move {
                let listener = TcpListener::bind(addr).await?;
                let addr = listener.local_addr()?;
                io::Result::Ok((listener, addr))
            };
            let bound = self.spawn_with_from(origin, index, bind)?.await?;
            let (listener, at) =
                bound.ok_or_else(|| io::Error::other("a worker ended before it listened"))??;
            addr.set_port(at.port());
            listeners.push(listener);
        }
        Ok(listeners)
    }
}
