//! A pooled hyper client: `hyper_client URL`.

use std::error::Error;

use http_body_util::{BodyExt, Empty};
use hyper::Uri;
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;

use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let uri: Uri = std::env::args().nth(1).ok_or("give a URL")?.parse()?;
    let builder = Client::builder(TokioExecutor::new());
    let client = builder.build::<_, Empty<Bytes>>(HttpConnector::new());
    for _ in 0..3 {
        let response = client.get(uri.clone()).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        println!("{status}: {}", String::from_utf8_lossy(&body).trim_end());
    }
    Ok(())
}
