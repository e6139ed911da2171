//! corelane: our own TCP/IP stack on a NIC queue. This build doesn't have the engine yet.

use super::Server;

/// Whether this build has the engine; if not, why.
pub fn available() -> Result<(), &'static str> {
    Err("this build has no corelane engine yet")
}

/// Serves until the stop, as the other engines do: [`Server::announce`] with the address that
/// clients connect to when they may come, [`super::session::Session`] for the answers.
///
/// # Errors
/// In this build always: the engine isn't there.
pub fn run(server: &Server<'_>) -> anyhow::Result<()> {
    available().map_err(|reason| {
        let device = server.device;
        anyhow::anyhow!(
            "--engine corelane (driver {:?}, interface {:?}, ip {:?}, gateway {:?}, queues {:?}): \
             {reason}: use --engine bio, epoll or tokio",
            device.driver,
            device.interface,
            device.ip,
            device.gateway,
            device.queues
        )
    })
}
