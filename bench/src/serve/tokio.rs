//! tokio's runtime, either kind: a task a connection.

use std::io;
use std::thread;

use anyhow::Context;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;
use tokio::sync::oneshot;

use super::session::{Next, Service, Session};
use super::{BUFFER, Server, accept_again, accept_error};
use crate::cli::Workload;
use crate::stream::{READ, Sink, Source};
use crate::sys::{self, Stop};

/// Serves until the stop; the tasks of open connections are dropped with the runtime.
pub fn run(server: &Server<'_>, builder: &mut Builder) -> anyhow::Result<()> {
    let runtime = builder.enable_io().build().context("starting the tokio runtime")?;
    // A thread that sleeps all the time: AsyncFd on a borrowed descriptor would need `unsafe`.
    let (stopped, stop) = oneshot::channel();
    thread::scope(|scope| {
        scope.spawn(|| {
            // An error ends the server too: it could not be stopped any more.
            let _wake = sys::wait_readable(server.stop, server.stop, None);
            stopped.send(())
        });
        let result = runtime.block_on(listen(server, stop));
        Stop::request(); // lets the thread go when the listener failed
        result
    })
}

async fn listen(server: &Server<'_>, mut stop: oneshot::Receiver<()>) -> anyhow::Result<()> {
    let listener = server.listen()?;
    listener.set_nonblocking(true)?;
    let listener = TcpListener::from_std(listener)?;
    server.announce(listener.local_addr()?)?;
    #[cfg(feature = "axum")]
    if server.service.workload == Workload::Json {
        return Ok(super::json::on_tokio(listener, stop).await?);
    }
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = &mut stop => return Ok(()),
        };
        match accepted {
            Ok((stream, _)) => {
                let service = server.service;
                tokio::spawn(async move {
                    // A client that goes away ends its own connection, not the server.
                    let _gone = match service.workload {
                        Workload::Bulk => send(stream).await,
                        Workload::BulkUp => receive(stream).await,
                        _ => serve(stream, service).await,
                    };
                });
            }
            Err(error) if accept_again(&error) => {}
            Err(error) => return Err(accept_error(&error)),
        }
    }
}

async fn serve(mut stream: TcpStream, service: Service) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut session = Session::new(service);
    let mut buffer = vec![0; BUFFER];
    let mut scratch = Vec::new();
    loop {
        let length = stream.read(&mut buffer).await?;
        if length == 0 {
            return Ok(());
        }
        let (answer, next) = session.answer(&buffer[..length], &mut scratch);
        stream.write_all(answer).await?;
        if next == Next::Close {
            return Ok(());
        }
    }
}

async fn send(mut stream: TcpStream) -> io::Result<()> {
    let mut source = Source::new();
    loop {
        let count = stream.write(source.next()).await?;
        source.advance(count);
    }
}

async fn receive(mut stream: TcpStream) -> io::Result<()> {
    let mut sink = Sink::new();
    let mut buffer = vec![0; READ];
    loop {
        match stream.read(&mut buffer).await? {
            0 => return stream.write_all(&sink.verdict().to_bytes()).await,
            count => sink.check(&buffer[..count]),
        };
    }
}
