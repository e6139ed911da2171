//! A JSON API: an axum router on our own streams.
//!
//! Without root, client and server in this process:
//! ```sh
//! cargo run --release -p corelane --features axum --example axum_json -- --driver sim
//! ```
//! On a TAP interface, as root; the kernel's curl is the client:
//! ```sh
//! cargo build --release -p corelane --features axum --example axum_json
//! target/release/examples/axum_json --driver tap --interface tap0 --address 10.9.0.2/24 --port 80 &
//! ip addr add 10.9.0.1/24 dev tap0; ip link set tap0 up
//! curl --json '{"text":"milk"}' http://10.9.0.2/notes; curl http://10.9.0.2/notes/1
//! ```

mod common;
#[path = "common/http.rs"]
mod http;

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use corelane::net::TcpListener;
use serde_json::{Value, json};

#[derive(clap::Parser)]
#[command(about = "A JSON API: an axum router on corelane's own stack", version)]
struct Args {
    #[command(flatten)]
    device: common::Device,
    /// The port to listen on
    #[arg(long, default_value_t = 80)]
    port: u16,
}

/// Notes by number. All workers share them: that is the application's choice, and its lock.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<BTreeMap<u64, String>>>);

impl Notes {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn main() -> ExitCode {
    common::run(|args: Args| {
        let notes = Notes::default();
        common::serve(&args.device, args.port, move |listener| serve(listener, notes.clone()), client)
    })
}

async fn serve(listener: TcpListener, notes: Notes) {
    let app = Router::new()
        .route("/", get(|| async { Json(json!({ "message": "Hello from corelane" })) }))
        .route("/notes", get(list).post(add))
        .route("/notes/{id}", get(show).delete(remove))
        .with_state(notes);
    if let Err(error) = corelane::http::serve(listener, app).await {
        eprintln!("{error}");
    }
}

async fn list(State(notes): State<Notes>) -> Json<Value> {
    let notes = notes.lock();
    Json(notes.iter().map(|(id, text)| json!({ "id": id, "text": text })).collect())
}

async fn add(
    State(notes): State<Notes>,
    Json(note): Json<Value>,
) -> Result<(StatusCode, Json<Value>), StatusCode> {
    let text = note["text"].as_str().ok_or(StatusCode::UNPROCESSABLE_ENTITY)?;
    let mut notes = notes.lock();
    let id = notes.last_key_value().map_or(1, |(last, _)| last + 1);
    notes.insert(id, text.to_string());
    Ok((StatusCode::CREATED, Json(json!({ "id": id, "text": text }))))
}

async fn show(State(notes): State<Notes>, Path(id): Path<u64>) -> Result<Json<Value>, StatusCode> {
    let notes = notes.lock();
    let text = notes.get(&id).ok_or(StatusCode::NOT_FOUND)?;
    Ok(Json(json!({ "id": id, "text": text })))
}

async fn remove(State(notes): State<Notes>, Path(id): Path<u64>) -> StatusCode {
    match notes.lock().remove(&id) {
        Some(_) => StatusCode::NO_CONTENT,
        None => StatusCode::NOT_FOUND,
    }
}

/// The other end of `--driver sim`.
async fn client(server: SocketAddr) -> io::Result<()> {
    let mut http = http::Client::connect(server).await?;
    http.ask("POST", "/notes", r#"{"text":"milk"}"#, "201").await?;
    http.ask("POST", "/notes", r#"{"text":"bread"}"#, "201").await?;
    http.ask("POST", "/notes", r#"{"txt":"?"}"#, "422").await?;
    http.ask("GET", "/notes/2", "", "200").await?;
    http.ask("DELETE", "/notes/1", "", "204").await?;
    http.ask("GET", "/notes/1", "", "404").await?;
    let notes = http.ask("GET", "/notes", "", "200").await?;
    http.close().await?;
    match notes == r#"[{"id":2,"text":"bread"}]"# {
        true => Ok(()),
        false => Err(io::Error::other(format!("these are not the notes: {notes}"))),
    }
}
