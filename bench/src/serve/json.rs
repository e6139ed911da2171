//! A JSON API: one axum router, served by axum on tokio and by corelane on its own sockets.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::get;
use axum::serve::ListenerExt;
use axum::{Json, Router};
use tokio::sync::oneshot;

use super::item::{self, Item};

type Catalogue = Arc<BTreeMap<u32, Item>>;

fn router() -> Router {
    Router::new().route("/items/{id}", get(show)).with_state(Catalogue::new(item::catalogue()))
}

async fn show(State(catalogue): State<Catalogue>, Path(id): Path<u32>) -> Result<Json<Item>, StatusCode> {
    catalogue.get(&id).cloned().map(Json).ok_or(StatusCode::NOT_FOUND)
}

/// Serves until the listener is closed by a shutdown.
///
/// # Errors
/// As [`corelane::http::serve`].
pub async fn on_corelane(listener: corelane::net::TcpListener) -> io::Result<()> {
    corelane::http::serve(listener, router()).await
}

/// Serves until the stop, without Nagle's delay, as corelane does.
///
/// # Errors
/// As `axum::serve`.
pub async fn on_tokio(listener: tokio::net::TcpListener, stop: oneshot::Receiver<()>) -> io::Result<()> {
    let listener = listener.tap_io(|stream| {
        let _gone = stream.set_nodelay(true); // the connection may be over already
    });
    tokio::select! {
        ended = async { axum::serve(listener, router()).await } => ended,
        _ = stop => Ok(()),
    }
}
