//! Two corelane workers on one thread: futures at both ends, as an application has them.
//!
//! Dropping a join handle lets its task run on.

use std::cell::Cell;
use std::future::poll_fn;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::ops::Range;
use std::rc::Rc;
use std::task::{Poll, ready};
use std::time::Duration;

use corelane::net::{TcpListener, TcpStream};
use corelane::{Clock, Worker};
use corelane_drivers::sim::LinkQueue;

use super::{Pair, SharedClient, corelane_stack, link};
use crate::cli::MemoryArgs;

/// The engine.
pub struct Corelane {
    server: Worker,
    host: Worker,
    client: SharedClient,
    streams: Rc<Cell<Vec<TcpStream>>>,
    connected: Rc<Cell<usize>>,
}

/// A worker on its end of the link.
pub fn worker(queue: LinkQueue, address: Ipv4Addr) -> io::Result<Worker> {
    let stack = corelane_stack::stack(&queue, address);
    Worker::new(Box::new(queue), stack, Clock::system())
}

impl Corelane {
    /// Starts a server and a task that connects.
    pub fn new(
        args: &MemoryArgs,
        (client_queue, server_queue): (LinkQueue, LinkQueue),
        client: SharedClient,
    ) -> anyhow::Result<Self> {
        let server = worker(server_queue, link::SERVER)?;
        let host = worker(client_queue, link::CLIENT)?;
        let (streams, connected) = (Rc::<Cell<Vec<TcpStream>>>::default(), Rc::<Cell<usize>>::default());
        drop(server.spawn_local(tell(client.clone(), serve(client.clone()))));
        let opening = connect(args.all_connections(), streams.clone(), connected.clone());
        drop(host.spawn_local(tell(client.clone(), opening)));
        Ok(Self { server, host, client, streams, connected })
    }
}

/// Tells the loop why a task failed.
async fn tell(client: SharedClient, task: impl Future<Output = io::Result<()>>) {
    if let Err(error) = task.await {
        client.borrow_mut().fail(&error);
    }
}

async fn serve(client: SharedClient) -> io::Result<()> {
    let mut listener = TcpListener::bind(SocketAddr::from((link::SERVER, link::PORT))).await?;
    loop {
        let (stream, _peer) = listener.accept().await?;
        stream.set_nodelay(true)?;
        drop(corelane::spawn_local(tell(client.clone(), echo(stream))));
    }
}

/// Sends back what comes, the received buffers themselves.
async fn echo(mut stream: TcpStream) -> io::Result<()> {
    while let Some(chunk) = stream.recv_chunk().await? {
        stream.send(chunk).await?;
    }
    Ok(())
}

async fn connect(
    wanted: usize,
    streams: Rc<Cell<Vec<TcpStream>>>,
    connected: Rc<Cell<usize>>,
) -> io::Result<()> {
    let mut open = Vec::with_capacity(wanted);
    while open.len() < wanted {
        let stream = TcpStream::connect(SocketAddr::from((link::SERVER, link::PORT))).await?;
        stream.set_nodelay(true)?;
        open.push(stream);
        connected.set(open.len());
    }
    streams.set(open);
    Ok(())
}

/// Asks on one connection for as long as the loop runs.
async fn converse(mut stream: TcpStream, index: usize, client: SharedClient) -> io::Result<()> {
    client.borrow_mut().ask(index);
    loop {
        poll_fn(|cx| {
            let mut client = client.borrow_mut();
            while !client.unsent(index).is_empty() {
                let count = ready!(stream.poll_write(cx, client.unsent(index)))?;
                client.sent(index, count);
            }
            Poll::Ready(io::Result::Ok(()))
        })
        .await?;
        loop {
            let Some(chunk) = stream.recv_chunk().await? else {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the server closed a connection"));
            };
            if client.borrow_mut().answer(index, &chunk) {
                break;
            }
        }
    }
}

impl Pair for Corelane {
    fn turn(&mut self, _now: Duration) -> anyhow::Result<()> {
        self.host.turn();
        self.server.turn();
        Ok(())
    }

    fn connected(&self) -> usize {
        self.connected.get()
    }

    fn start(&mut self, which: Range<usize>) -> anyhow::Result<()> {
        let mut streams = self.streams.take();
        self.streams.set(streams.split_off(which.len()));
        for (index, stream) in which.zip(streams) {
            let conversation = converse(stream, index, self.client.clone());
            drop(self.host.spawn_local(tell(self.client.clone(), conversation)));
        }
        Ok(())
    }
}
