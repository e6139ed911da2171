//! A pooled hyper client: `hyper_client URL`.

use std::error::Error;

use http_body_util::{BodyExt, Empty};
use hyper::Uri;
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;

use corelane::http::Connector;
use corelane::net::LocalExecutor;

#[corelane::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let uri: Uri = std::env::args().nth(1).ok_or("give a URL")?.parse()?;
    let builder = Client::builder(LocalExecutor);
    let client = builder.build::<_, Empty<Bytes>>(Connector);
    for _ in 0..3 {
        let response = client.get(uri.clone()).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        println!("{status}: {}", String::from_utf8_lossy(&body).trim_end());
    }
    Ok(())
}
