//! An axum app.

use axum::extract::Path;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use tokio::net::TcpListener;

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let app = Router::new().route("/", get(|| async { "Hello, World!\n" })).route("/sum/{a}/{b}", get(sum));
    let listener = TcpListener::bind("0.0.0.0:3000").await?;
    println!("listening on {}", listener.local_addr()?);
    axum::serve(listener, app).await
}

async fn sum(Path((a, b)): Path<(u32, u32)>) -> Json<Value> {
    Json(json!({ "sum": u64::from(a) + u64::from(b) }))
}
