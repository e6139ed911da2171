//! The attributes of the crate `corelane`: `main` and `test`. Use them from there: `#[corelane::main]`.

mod attributes;

use proc_macro::TokenStream;

/// Runs an async `main` on a runtime, as `#[tokio::main]` does. One that is not async runs inside the first worker, for a program
/// that has an event loop of its own.
///
/// ```ignore
/// #[corelane::main(cores = 2, driver = "tap", interface = "tap0", address = "10.0.0.2/24")]
/// async fn main() -> std::io::Result<()> {
///     let listener = corelane::net::TcpListener::bind("10.0.0.2:80").await?;
///     // ...
/// #   Ok(())
/// }
/// ```
///
/// What the program runs on is said by, in this order:
///
/// 1. the TOML file that the environment variable `CORELANE_CONFIG` names: see `corelane::Config`;
/// 2. without one, the file of `config = "FILE"`;
/// 3. what the file leaves unsaid, by the attributes: `cores = N` (that many workers, on the first N cores that the process
///    may use) or `cores = [0, 2]` (on these), `engine`, `driver`, `interface`, `address` and `gateway`, as in `corelane::Builder`;
/// 4. its defaults.
///
/// The function runs on the first worker. When it returns, all tasks are dropped, as tokio does it, and what was written is
/// delivered, for 5 s at most. When the runtime can't be had, `main` prints why, in one line, and exits: with code 2 when a setting is
/// wrong, else with 1.
#[proc_macro_attribute]
pub fn main(arguments: TokenStream, item: TokenStream) -> TokenStream {
    attributes::main(arguments.into(), item.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Runs an async test on a host in memory, in virtual time, without root.
///
/// ```ignore
/// #[corelane::test]
/// async fn echoes(peer: corelane::testing::Peer) {
///     peer.spawn(async { /* a server on 10.0.0.2 */ });
///     let stream = corelane::net::TcpStream::connect("10.0.0.2:7").await.unwrap();
///     // ...
/// }
/// ```
///
/// The test is a task on the host 10.0.0.1; the other one, 10.0.0.2, is its argument, when it takes one. See `corelane::testing`.
#[proc_macro_attribute]
pub fn test(arguments: TokenStream, item: TokenStream) -> TokenStream {
    attributes::test(arguments.into(), item.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}
