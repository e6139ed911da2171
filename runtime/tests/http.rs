//! `http::serve` and `http::Connector`, in memory and in virtual time.
#![cfg(all(feature = "axum", feature = "http-client", feature = "test-util"))]

use std::future::IntoFuture;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::routing::{any, get};
use corelane::http::{Connector, serve};
use corelane::net::{LocalExecutor, LocalTimer, TcpListener, TcpStream};
use corelane::testing::Peer;
use corelane::time::{now, sleep};
use corelane::{JoinHandle, spawn_local};
use futures_util::{SinkExt, StreamExt};
use http_body_util::BodyExt;
use hyper_util::client::legacy::Client;

const SERVER: &str = "10.0.0.2:80";

fn http() -> Client<Connector, Body> {
    Client::builder(LocalExecutor).pool_timer(LocalTimer).build(Connector)
}

async fn fetch(client: &Client<Connector, Body>, path: &str) -> String {
    let response = client.get(format!("http://{SERVER}{path}").parse().unwrap()).await.unwrap();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(body.to_vec()).unwrap()
}

/// Serves `app` on the peer.
fn start(peer: &Peer, app: Router) -> JoinHandle<io::Result<()>> {
    peer.spawn(async { serve(TcpListener::bind(SERVER).await?, app).await })
}

#[corelane::test]
async fn a_router_answers_on_one_connection(peer: Peer) {
    let app = Router::new()
        .route("/", get(|| async { "hello" }))
        .route("/large", get(|| async { "x".repeat(300_000) }));
    start(&peer, app);
    let client = http();
    for _ in 0..3 {
        assert_eq!(fetch(&client, "/").await, "hello");
    }
    assert_eq!(fetch(&client, "/large").await.len(), 300_000);
    assert_eq!(corelane::stats::snapshot().unwrap().stack.tcp_active_opens, 1, "the client pools");
}

#[corelane::test]
async fn handlers_know_the_client_s_address(peer: Peer) {
    let app = Router::new()
        .route("/", get(|ConnectInfo(from): ConnectInfo<SocketAddr>| async move { from.ip().to_string() }));
    peer.spawn(async {
        let listener = TcpListener::bind(SERVER).await.unwrap();
        serve(listener, app.into_make_service_with_connect_info::<SocketAddr>()).await
    });
    assert_eq!(fetch(&http(), "/").await, "10.0.0.1");
}

#[corelane::test]
async fn two_protocols_on_one_port(peer: Peer) {
    start(
        &peer,
        Router::new().route(
            "/",
            get(|request: axum::extract::Request| async move { format!("{:?}", request.version()) }),
        ),
    );
    assert_eq!(fetch(&http(), "/").await, "HTTP/1.1");
    let client: Client<_, Body> = Client::builder(LocalExecutor).http2_only(true).build(Connector);
    assert_eq!(fetch(&client, "/").await, "HTTP/2.0");
}

#[corelane::test]
async fn web_sockets_echo(peer: Peer) {
    async fn echo(mut socket: WebSocket) {
        while let Some(Ok(message)) = socket.recv().await {
            if matches!(message, Message::Text(_)) {
                socket.send(message).await.unwrap();
            }
        }
    }
    let upgrade = |upgrade: WebSocketUpgrade| async { upgrade.on_upgrade(echo) };
    start(&peer, Router::new().route("/", any(upgrade)));
    let stream = TcpStream::connect(SERVER).await.unwrap();
    let (mut socket, _) = tokio_tungstenite::client_async(format!("ws://{SERVER}/"), stream).await.unwrap();
    for sent in ["hello", &"x".repeat(200_000)] {
        socket.send(tokio_tungstenite::tungstenite::Message::text(sent)).await.unwrap();
        assert_eq!(socket.next().await.unwrap().unwrap().into_text().unwrap().as_str(), sent);
    }
    socket.close(None).await.unwrap();
    while let Some(Ok(_)) = socket.next().await {}
}

/// As PORTING.md shows it.
#[corelane::test]
async fn every_worker_serves(peer: Peer) {
    let app = Router::new().route("/", get(|| async { "hello" }));
    let listening = peer.spawn(async {
        let handle = corelane::Handle::current().unwrap();
        handle
            .listen_all(SERVER, move |listener| serve(listener, app.clone()).into_future())
            .await
            .unwrap()
            .len()
    });
    assert_eq!(listening.await.unwrap(), 1, "a worker");
    assert_eq!(fetch(&http(), "/").await, "hello");
}

/// A server whose answer takes a second, an idle connection, and one that is being answered, when `stop` is called.
async fn stopped(peer: Peer, server: JoinHandle<io::Result<()>>, stop: impl FnOnce()) {
    let mut idle = TcpStream::connect(SERVER).await.unwrap();
    idle.write_all(b"GET /fast HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut answer = [0; 1024];
    assert!(idle.read(&mut answer).await.unwrap() > 0);
    let begin = now();
    let asked = spawn_local(async { fetch(&http(), "/slow").await });
    sleep(Duration::from_millis(100)).await;
    stop();
    // The idle one is closed at once, the other one answered, and then the server returns.
    assert_eq!(idle.read(&mut answer).await.unwrap(), 0);
    assert!(now() - begin < Duration::from_millis(500));
    let refused = TcpStream::connect(SERVER).await.unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
    assert_eq!(asked.await.unwrap(), "late");
    server.await.unwrap().unwrap();
    assert!(now() - begin >= Duration::from_secs(1) && now() - begin < Duration::from_secs(2));
    drop(peer);
}

fn slow() -> Router {
    let late = || async {
        sleep(Duration::from_secs(1)).await;
        "late"
    };
    Router::new().route("/slow", get(late)).route("/fast", get(|| async { "now" }))
}

#[corelane::test]
async fn a_shutdown_answers_what_was_accepted(peer: Peer) {
    let server = start(&peer, slow());
    let handle = peer.enter(|| corelane::Handle::current().unwrap());
    stopped(peer, server, move || handle.shutdown(Duration::from_secs(60))).await;
}

#[corelane::test]
async fn a_signal_does_the_same(peer: Peer) {
    let (tell, told) = tokio::sync::oneshot::channel::<()>();
    let server = peer.spawn(async {
        let listener = TcpListener::bind(SERVER).await?;
        serve(listener, slow()).with_graceful_shutdown(async { drop(told.await) }).await
    });
    stopped(peer, server, move || tell.send(()).unwrap()).await;
}

#[corelane::test]
async fn a_client_without_words_is_hung_up_on(peer: Peer) {
    start(&peer, slow());
    let mut stream = TcpStream::connect(SERVER).await.unwrap();
    stream.write_all(b"GET /fast HT").await.unwrap();
    let begin = now();
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest).await; // an answer, the end or a RST
    assert!(now() - begin >= Duration::from_secs(29) && now() - begin < Duration::from_secs(32));
}

#[corelane::test]
async fn garbage_costs_only_its_own_connection(peer: Peer) {
    start(&peer, slow());
    let mut stream = TcpStream::connect(SERVER).await.unwrap();
    stream.write_all(b"\x16\x03\x01 this is no HTTP\r\n\r\n").await.unwrap();
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest).await;
    assert_eq!(fetch(&http(), "/fast").await, "now");
}

#[corelane::test]
async fn what_is_no_router_can_be_served(peer: Peer) {
    peer.spawn(async {
        let listener = TcpListener::bind(SERVER).await.unwrap();
        let bound = serve(listener, get(|| async { "one handler" }));
        assert_eq!(bound.local_addr().unwrap(), SERVER.parse().unwrap());
        bound.await
    });
    assert_eq!(fetch(&http(), "/anything").await, "one handler");
}
