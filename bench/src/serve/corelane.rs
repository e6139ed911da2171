//! corelane: our own TCP/IP stack on a NIC queue, a task a connection.

use std::io;
use std::thread;
use std::time::Duration;

use corelane::net::{TcpListener, TcpStream};
use corelane::spawn_local;

use super::Server;
use super::session::{Next, Service, Session};
use crate::cli::Workload;
use crate::stream::{Sink, Source};
use crate::sys::{self, Stop};

/// How long connections that are open at the end may take to finish.
const GRACE: Duration = Duration::from_millis(500);

/// Serves until the stop.
///
/// # Errors
/// When the device can't be had: the error says what is missing.
pub fn run(server: &Server<'_>) -> anyhow::Result<()> {
    let mut runtime = server.device.start(server.spin)?;
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

async fn listen(mut listener: TcpListener, service: Service) -> io::Result<()> {
    // An accept fails when the shutdown closes the listener: that is the end, not a failure.
    while let Ok((stream, _)) = listener.accept().await {
        spawn_local(async move {
            // A client that goes away ends its own connection, not the server.
            let _gone = match service.workload {
                Workload::Echo => echo(stream).await,
                Workload::Http | Workload::Crr => serve(stream, service).await,
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
    let mut source = Source::new();
    loop {
        let count = stream.write(source.next()).await?;
        source.advance(count);
    }
}

/// Checks the buffers in place.
async fn receive(mut stream: TcpStream) -> io::Result<()> {
    let mut sink = Sink::new();
    while let Some(chunk) = stream.recv_chunk().await? {
        sink.check(&chunk);
    }
    stream.write_all(&sink.verdict().to_bytes()).await
}
