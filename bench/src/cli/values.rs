//! What the values of flags may be.

use std::time::Duration;

/// The name of a congestion control, as long as the kernel takes (TCP_CA_NAME_MAX, with its final zero).
pub fn congestion(text: &str) -> Result<String, String> {
    if (1..16).contains(&text.len()) {
        Ok(text.to_owned())
    } else {
        Err("expected a name of 1 to 15 letters, such as cubic".to_owned())
    }
}

/// Connections of one client's address.
pub fn connections(text: &str) -> Result<usize, String> {
    number(text, 1, 60_000)
}

/// Idle connections in memory, which come from several addresses.
pub fn held_connections(text: &str) -> Result<usize, String> {
    number(text, 1, 1_000_000)
}

/// Bytes of a request or an answer.
pub fn size(text: &str) -> Result<usize, String> {
    number(text, 1, 16 << 20)
}

/// Idle connections beside others, which come from several addresses.
pub fn idle(text: &str) -> Result<usize, String> {
    number(text, 0, 1_000_000)
}

/// Connections that read slowly.
pub fn slow(text: &str) -> Result<usize, String> {
    number(text, 0, 10_000)
}

/// Of a bound of a latency.
pub fn milliseconds(text: &str) -> Result<f64, String> {
    let time = text.parse().ok().filter(|time| (0.001..=1000.0).contains(time));
    time.ok_or_else(|| "expected milliseconds from 0.001 to 1000".to_owned())
}

/// Requests a second of an open loop.
pub fn rate(text: &str) -> Result<f64, String> {
    let rate = text.parse().ok().filter(|rate| (10.0..=1e7).contains(rate));
    rate.ok_or_else(|| "expected requests a second from 10 to 10000000".to_owned())
}

/// Threads of a pool.
pub fn pool(text: &str) -> Result<usize, String> {
    number(text, 1, 10_000)
}

/// Requests that are sent at once.
pub fn pipeline(text: &str) -> Result<usize, String> {
    number(text, 1, 1000)
}

fn number(text: &str, least: usize, most: usize) -> Result<usize, String> {
    let number = text.parse().ok();
    number
        .filter(|number| (least..=most).contains(number))
        .ok_or_else(|| format!("expected a whole number from {least} to {most}"))
}

/// Seconds, with a fraction where wanted; not none.
pub fn seconds(text: &str) -> Result<Duration, String> {
    seconds_up_to(text, 86_400)
}

/// As [`seconds`], and at most so many.
pub fn seconds_up_to(text: &str, most: u32) -> Result<Duration, String> {
    match seconds_or_none(text) {
        Ok(time) if (Duration::from_millis(1)..=Duration::from_secs(most.into())).contains(&time) => Ok(time),
        _ => Err(format!("expected seconds from 0.001 to {most}")),
    }
}

/// Seconds, with a fraction where wanted; or none.
pub fn seconds_or_none(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().filter(|seconds| (0.0..=86_400.0).contains(seconds));
    seconds.map(Duration::from_secs_f64).ok_or_else(|| "expected seconds from 0 to 86400".to_owned())
}
