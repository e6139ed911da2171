//! HTTP on corelane's streams: [`serve`] for axum's routers (feature `axum`), and [`Connector`] for hyper-util's pooled
//! client (feature `http-client`).

#[cfg(feature = "http-client")]
mod connector;
#[cfg(feature = "axum")]
mod members;
#[cfg(feature = "axum")]
mod serve;

#[cfg(feature = "http-client")]
pub use connector::{Connecting, Connector};
#[cfg(feature = "axum")]
pub use serve::{IncomingStream, Serve, serve};
