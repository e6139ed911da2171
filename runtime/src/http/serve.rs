//! A server for axum's routers, as `axum::serve` is one on tokio.

use std::convert::Infallible;
use std::fmt;
use std::future::{Future, IntoFuture, poll_fn, ready};
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::Body;
use axum::extract::connect_info::Connected;
use axum::response::Response;
use axum::routing::MethodRouter;
use hyper::Request;
use hyper::body::Incoming;
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tower_service::Service;

use super::members::{Member, Members};
use crate::core::current;
use crate::net::{LocalExecutor, LocalTimer, TcpListener, TcpStream};
use crate::spawn_local;

/// Serves an axum `Router` (or `MethodRouter`, or what their `into_make_service..` make) on this core: HTTP/1 and HTTP/2, with
/// upgrades, so that WebSockets work. Await it.
///
/// It stops accepting when the runtime is told to shut down ([`Handle::shutdown`](crate::Handle::shutdown)) or
/// [`Serve::with_graceful_shutdown`] says so. Requests whose heads have arrived are answered then; idle connections are closed. It
/// returns when the last is over. What was upgraded lives on, in its own task.
///
/// Handlers run on this core, so they may use its sockets. On a runtime of several workers each serves its own listener.
/// Answers are sent without Nagle's delay (`TCP_NODELAY`); a client that doesn't finish the head of its request within 30 s
/// is hung up on.
///
/// ```no_run
/// use axum::{Router, routing::get};
/// use corelane::net::TcpListener;
///
/// # async fn example() -> std::io::Result<()> {
/// let app = Router::new().route("/", get(|| async { "Hello, World!" }));
/// let listener = TcpListener::bind("0.0.0.0:3000").await?;
/// corelane::http::serve(listener, app).await
/// # }
/// ```
///
/// # Errors
/// When the listener was closed although nobody asked for a shutdown, or is used away from its core.
///
/// # Cancel safety
/// When it is dropped the listener is closed; the connections go on in their own tasks.
///
/// # Panics
/// When the thread runs no worker.
pub fn serve<M, S>(listener: TcpListener, make_service: M) -> Serve<M>
where
    M: Service<IncomingStream, Response = S, Error = Infallible>,
    S: Service<Request<Body>, Response = Response, Error = Infallible> + Clone + 'static,
{
    Serve { listener, make_service, signal: Box::pin(std::future::pending()) }
}

/// What [`serve`] returns: await it.
#[must_use = "nothing is served until it is awaited"]
pub struct Serve<M> {
    listener: TcpListener,
    make_service: M,
    signal: Pin<Box<dyn Future<Output = ()>>>,
}

impl<M> Serve<M> {
    /// Stops accepting when `signal` is done, answers what was asked, and returns.
    pub fn with_graceful_shutdown(self, signal: impl Future<Output = ()> + 'static) -> Serve<M> {
        Serve { signal: Box::pin(signal), ..self }
    }

    /// The address that it listens on.
    ///
    /// # Errors
    /// As [`TcpListener::local_addr`].
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    async fn run<S>(mut self) -> io::Result<()>
    where
        M: Service<IncomingStream, Response = S, Error = Infallible>,
        S: Service<Request<Body>, Response = Response, Error = Infallible> + Clone + 'static,
    {
        let members = Rc::new(Members::default());
        let result = loop {
            let accepted = poll_fn(|cx| match self.signal.as_mut().poll(cx) {
                Poll::Ready(()) => Poll::Ready(None),
                Poll::Pending => self.listener.poll_accept(cx).map(Some),
            });
            match accepted.await {
                None => break Ok(()),
                Some(Err(_)) if is_shutting_down() => break Ok(()),
                Some(Err(error)) => break Err(error),
                Some(Ok((stream, peer))) => {
                    let incoming = IncomingStream { remote_addr: peer, local_addr: stream.local_addr().ok() };
                    let service = make(&mut self.make_service, incoming).await;
                    spawn_local(answer(stream, service, members.join()));
                }
            }
        };
        drop(self.listener);
        members.close().await;
        result
    }
}

fn is_shutting_down() -> bool {
    current::with(|inner| inner.is_shutting_down()).unwrap_or(true)
}

async fn make<M, S>(make_service: &mut M, incoming: IncomingStream) -> S
where
    M: Service<IncomingStream, Response = S, Error = Infallible>,
{
    match poll_fn(|cx| make_service.poll_ready(cx)).await {
        Ok(()) => {}
        Err(never) => match never {},
    }
    match make_service.call(incoming).await {
        Ok(service) => service,
        Err(never) => match never {},
    }
}

/// One connection, to its end.
async fn answer<S>(stream: TcpStream, service: S, member: Member)
where
    S: Service<Request<Body>, Response = Response, Error = Infallible> + Clone + 'static,
{
    let _ = stream.set_nodelay(true); // the connection may be over already: hyper finds out
    let mut http = Builder::new(LocalExecutor);
    http.http1().timer(LocalTimer);
    http.http2().timer(LocalTimer).enable_connect_protocol(); // WebSockets over HTTP/2 (RFC 8441)
    let service = TowerToHyperService::new(WithBody(service));
    let mut connection = pin!(http.serve_connection_with_upgrades(stream, service));
    let mut closing = false;
    let ended = poll_fn(|cx| {
        if !closing && member.poll_closing(cx) {
            closing = true;
            connection.as_mut().graceful_shutdown();
        }
        connection.as_mut().poll(cx)
    });
    if let Err(error) = ended.await {
        // The client's doing: a reset, a head that is none.
        tracing::trace!("a connection failed: {error}");
    }
}

/// Gives a request's body the type that axum knows.
#[derive(Clone)]
struct WithBody<S>(S);

impl<S: Service<Request<Body>>> Service<Request<Incoming>> for WithBody<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Incoming>) -> S::Future {
        self.0.call(request.map(Body::new))
    }
}

impl<M, S> IntoFuture for Serve<M>
where
    M: Service<IncomingStream, Response = S, Error = Infallible> + 'static,
    S: Service<Request<Body>, Response = Response, Error = Infallible> + Clone + 'static,
{
    type Output = io::Result<()>;
    type IntoFuture = Pin<Box<dyn Future<Output = io::Result<()>>>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

impl<M> fmt::Debug for Serve<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Serve").field("listener", &self.listener).finish_non_exhaustive()
    }
}

/// A connection that was accepted, as `into_make_service_with_connect_info` sees it.
#[derive(Debug, Clone, Copy)]
pub struct IncomingStream {
    remote_addr: SocketAddr,
    local_addr: Option<SocketAddr>,
}

impl IncomingStream {
    /// The client's address.
    pub fn remote_addr(&self) -> SocketAddr {
        self.remote_addr
    }

    /// Our address; `None` when the connection was reset before it was accepted.
    pub fn local_addr(&self) -> Option<SocketAddr> {
        self.local_addr
    }
}

impl Connected<IncomingStream> for SocketAddr {
    fn connect_info(stream: IncomingStream) -> SocketAddr {
        stream.remote_addr
    }
}

macro_rules! serve_themselves {
    ($($router:ty),*) => { $(impl Service<IncomingStream> for $router {
        type Response = $router;
        type Error = Infallible;
        type Future = std::future::Ready<Result<$router, Infallible>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, _: IncomingStream) -> Self::Future {
            ready(Ok(self.clone()))
        }
    })* };
}

serve_themselves!(Router, MethodRouter);
