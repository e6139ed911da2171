//! Blocking I/O: a kernel thread a connection.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use anyhow::Context;

use super::session::{Next, Service, Session};
use super::{BUFFER, Server, accept_again, accept_error};
use crate::cli::Workload;
use crate::stream::{READ, Sink, Source};
use crate::sys::{self, Stop};

/// Bytes of a thread's stack: small, so that 10,000 of them fit.
pub const STACK: usize = 128 * 1024;

/// Serves until the stop. The threads end with the process.
pub fn run(server: &Server<'_>) -> anyhow::Result<()> {
    let listener = server.listen()?;
    let address = listener.local_addr()?;
    let service = server.service;
    // accept() blocks too, so this thread waits for the stop and that one for clients.
    let acceptor = thread::spawn(move || {
        let result = accept(&listener, service);
        Stop::request();
        result
    });
    server.announce(address)?;
    sys::wait_readable(server.stop, server.stop, None)?;
    if acceptor.is_finished() {
        return acceptor.join().unwrap_or_else(|_| Err(anyhow::anyhow!("the acceptor panicked")));
    }
    Ok(())
}

/// Starts a thread for each connection; returns when that fails.
fn accept(listener: &TcpListener, service: Service) -> anyhow::Result<()> {
    loop {
        let stream = match listener.accept() {
            Ok((stream, _)) => stream,
            Err(error) if accept_again(&error) => continue,
            Err(error) => return Err(accept_error(&error)),
        };
        thread::Builder::new()
            .stack_size(STACK)
            .spawn(move || {
                // A client that goes away ends its own connection, not the server.
                let _gone = match service.workload {
                    Workload::Bulk => send(&stream),
                    Workload::BulkUp => receive(&stream),
                    _ => serve(&stream, service),
                };
            })
            .context("starting a thread for a connection: see `ulimit -u` and kernel.threads-max")?;
    }
}

fn serve(mut stream: &TcpStream, service: Service) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut session = Session::new(service);
    let mut buffer = vec![0; BUFFER];
    let mut scratch = Vec::new();
    loop {
        let length = stream.read(&mut buffer)?;
        if length == 0 {
            return Ok(());
        }
        let (answer, next) = session.answer(&buffer[..length], &mut scratch);
        stream.write_all(answer)?;
        if next == Next::Close {
            return Ok(());
        }
    }
}

fn send(mut stream: &TcpStream) -> io::Result<()> {
    let mut source = Source::new();
    loop {
        let count = stream.write(source.next())?;
        source.advance(count);
    }
}

fn receive(mut stream: &TcpStream) -> io::Result<()> {
    let mut sink = Sink::new();
    let mut buffer = vec![0; READ];
    loop {
        match stream.read(&mut buffer)? {
            0 => return stream.write_all(&sink.verdict().to_bytes()),
            count => sink.check(&buffer[..count]),
        };
    }
}
