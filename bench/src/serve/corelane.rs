//! corelane: our own TCP/IP stack on a NIC queue, a task a connection. And the same on the kernel's sockets.

use std::io;
use std::thread;
use std::time::Duration;

use corelane::net::{TcpListener, TcpSocket, TcpStream};
use corelane::{Builder, Runtime, spawn_local};
use corelane_netstack::CongestionControl;

use super::session::{Next, Service, Session};
use super::{Server, no_address};
use crate::cli::Workload;
use crate::drive::{self, Rest};
use crate::error::bad_input;
use crate::meter::Meter;
use crate::stream::{Chunks, Sink};
use crate::sys::{self, Stop};

/// A worker that is told to spin does so for longer than any measurement takes.
const FOREVER: Duration = Duration::from_secs(24 * 3600);

/// How long connections that are open at the end may take to finish.
const GRACE: Duration = Duration::from_millis(500);

/// Serves until the stop.
///
/// # Errors
/// When the device can't be had: the error says what is missing.
pub fn run(server: &Server<'_>) -> anyhow::Result<()> {
    let runtime = server.device.start(server.spin)?;
    server.gauges.set_stack(runtime.handle());
    run_on(runtime, server, TcpSocket::new())
}

/// As [`run`], on the kernel's sockets.
///
/// # Errors
/// When the address is not this machine's, or the port or a flag's value can't be had.
pub fn run_on_kernel(server: &Server<'_>) -> anyhow::Result<()> {
    let mut builder = Builder::new().engine("kernel");
    if server.spin {
        builder = builder.spin(FOREVER);
    }
    let socket = TcpSocket::new();
    if let Some(name) = server.congestion {
        let kind = name.parse().map_err(|_| {
            let names = CongestionControl::ALL.map(CongestionControl::name).join(", ");
            bad_input(format!("--congestion {name}: corelane-kernel takes {names}"))
        })?;
        socket.set_tcp_congestion(Some(kind))?;
    }
    run_on(builder.build()?, server, socket)
}

fn run_on(mut runtime: Runtime, server: &Server<'_>, socket: TcpSocket) -> anyhow::Result<()> {
    let handle = runtime.handle();
    let mut meter = Meter::default();
    server.gauges.set_meter(meter.reader());
    let rest = if server.spin { Rest::Spin } else { Rest::Sleep };
    thread::scope(|scope| {
        scope.spawn(|| {
            // An error ends the server too: it could not be stopped any more.
            let _wake = sys::wait_readable(server.stop, server.stop, None);
            handle.shutdown(GRACE);
        });
        let (address, service) = (server.address, server.service);
        let serving = async {
            socket.bind(address)?;
            let listener = socket.listen(usize::MAX).map_err(|error| no_address(address, &error))?;
            server.announce(listener.local_addr()?)?;
            // A task, as in a program of its own: the future of `drive` is polled between turns, which would make each accept wait
            // for the turn after.
            anyhow::Ok(spawn_local(listen(listener, service)).await??)
        };
        let results = drive::block_on(&mut runtime, rest, &mut meter, || false, serving);
        Stop::request(); // lets the thread go when the listener failed
        results
    })?;
    Ok(())
}

async fn listen(mut listener: TcpListener, service: Service) -> io::Result<()> {
    #[cfg(feature = "axum")]
    if service.workload == Workload::Json {
        return super::json::on_corelane(listener).await;
    }
    // An accept fails when the shutdown closes the listener: that is the end, not a failure.
    while let Ok((stream, _)) = listener.accept().await {
        spawn_local(async move {
            // A client that goes away ends its own connection, not the server.
            let _gone = match service.workload {
                Workload::Echo => echo(stream).await,
                Workload::Http | Workload::HttpClose | Workload::Json | Workload::Crr => {
                    serve(stream, service).await
                }
                Workload::Bulk => send(stream).await,
                Workload::BulkUp => receive(stream).await,
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

async fn send(mut stream: TcpStream) -> io::Result<()> {
    for chunk in Chunks::new() {
        stream.send(chunk).await?;
    }
    Ok(())
}

/// Checks the buffers in place.
async fn receive(mut stream: TcpStream) -> io::Result<()> {
    let mut sink = Sink::new();
    while let Some(chunk) = stream.recv_chunk().await? {
        sink.check(&chunk);
    }
    stream.write_all(&sink.verdict().to_bytes()).await
}
