//! corelane: our own TCP/IP stack on a NIC queue, a task a connection.

use std::io;
use std::thread;
use std::time::Duration;

use corelane::net::{TcpListener, TcpStream};
use corelane::{Builder, spawn_local};

use super::Server;
use super::session::{Next, Session};
use crate::cli::{Driver, Service};
use crate::error::bad_input;
use crate::sys::{self, Stop};

/// How long connections that are open at the end may take to finish.
const GRACE: Duration = Duration::from_millis(500);

/// A worker that is told to spin does so for longer than any measurement takes.
const FOREVER: Duration = Duration::from_secs(24 * 3600);

/// Serves until the stop.
///
/// # Errors
/// When the device can't be had: the error says what is missing.
pub fn run(server: &Server<'_>) -> anyhow::Result<()> {
    // A flag that names what is not there is a wrong flag, as for the other engines.
    let mut runtime = builder(server)?.build().map_err(|error| match error.kind() {
        io::ErrorKind::InvalidInput | io::ErrorKind::NotFound => bad_input(error.to_string()),
        _ => error.into(),
    })?;
    let handle = runtime.handle();
    thread::scope(|scope| {
        scope.spawn(|| {
            // An error ends the server too: it could not be stopped any more.
            let _wake = sys::wait_readable(server.stop, server.stop, None);
            handle.shutdown(GRACE);
        });
        let (address, service) = (server.address, server.service);
        let results = runtime.block_on(async {
            let listener = TcpListener::bind(address).await?;
            server.announce(listener.local_addr()?)?;
            listen(listener, service).await
        });
        Stop::request(); // lets the thread go when the listener failed
        results
    })?;
    Ok(())
}

fn builder(server: &Server<'_>) -> anyhow::Result<Builder> {
    let device = server.device;
    let Some(ip) = device.ip else {
        return Err(bad_input(
            "--ip: the corelane engine needs an address of its own: give one that the kernel does not have, such as --ip 10.0.0.3/24",
        ));
    };
    let Some(driver) = device.driver.filter(|driver| *driver != Driver::Sim) else {
        return Err(bad_input(
            "--driver: clients of another process need a device: give --driver xdp or --driver tap with --interface \
             (both ends in one process: corelane-bench compare --bed memory)",
        ));
    };
    let mut builder =
        Builder::new().driver(driver.to_string()).address(format!("{}/{}", ip.address, ip.prefix));
    let Some(interface) = &device.interface else {
        return Err(bad_input(
            "--interface: say which interface: one that `ip link` shows (xdp), or the TAP's name",
        ));
    };
    builder = builder.interface(interface.clone());
    if let Some(gateway) = device.gateway {
        builder = builder.gateway(gateway.to_string());
    }
    if let Some(queues) = device.queues {
        builder = builder.queues(queues);
    }
    builder = builder.busy_poll(device.busy_poll);
    if server.spin {
        builder = builder.spin(FOREVER);
    }
    Ok(builder)
}

async fn listen(mut listener: TcpListener, service: Service) -> io::Result<()> {
    // An accept fails when the shutdown closes the listener: that is the end, not a failure.
    while let Ok((stream, _)) = listener.accept().await {
        spawn_local(async move {
            // A client that goes away ends its own connection, not the server.
            let _gone = match service {
                Service::Echo => echo(stream).await,
                Service::Http => serve(stream, service).await,
            };
        });
    }
    Ok(())
}

/// Sends back the very buffers that arrive.
async fn echo(mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    while let Some(chunk) = stream.recv_chunk().await? {
        stream.send(chunk).await?;
    }
    Ok(())
}

async fn serve(mut stream: TcpStream, service: Service) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut session = Session::new(service);
    let mut scratch = Vec::new();
    while let Some(chunk) = stream.recv_chunk().await? {
        let (answer, next) = session.answer(&chunk, &mut scratch);
        stream.write_all(answer).await?;
        if next == Next::Close {
            break;
        }
    }
    Ok(())
}
