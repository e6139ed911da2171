//! Settings of a script by the names of Linux.

use std::str::FromStr;
use std::time::Duration;

use corelane_netstack::{BufferSizes, TcpConfig};

/// Sets `name` to `value`. Times are plain numbers in Linux's unit, or have a unit of their own: `1ms`, `60s`.
pub(super) fn set(config: &mut TcpConfig, name: &str, value: &str) -> Result<(), String> {
    const SECOND: Duration = Duration::from_secs(1);
    const MILLI: Duration = Duration::from_millis(1);
    match name {
        "tcp_rmem" => config.tcp_rmem = sizes(value)?,
        "tcp_wmem" => config.tcp_wmem = sizes(value)?,
        "tcp_mem" => config.tcp_mem = plain(value)?,
        "tcp_window_scaling" => config.tcp_window_scaling = switch(value)?,
        "tcp_timestamps" => config.tcp_timestamps = switch(value)?,
        "tcp_sack" => config.tcp_sack = switch(value)?,
        "tcp_dsack" => config.tcp_dsack = switch(value)?,
        "tcp_moderate_rcvbuf" => config.tcp_moderate_rcvbuf = switch(value)?,
        "tcp_ecn" => config.tcp_ecn = plain(value)?,
        "tcp_ecn_fallback" => config.tcp_ecn_fallback = switch(value)?,
        "tcp_syn_retries" => config.tcp_syn_retries = plain(value)?,
        "tcp_synack_retries" => config.tcp_synack_retries = plain(value)?,
        "tcp_retries1" => config.tcp_retries1 = plain(value)?,
        "tcp_challenge_ack_limit" => config.tcp_challenge_ack_limit = plain(value)?,
        "tcp_retries2" => config.tcp_retries2 = plain(value)?,
        "tcp_orphan_retries" => config.tcp_orphan_retries = plain(value)?,
        "somaxconn" => config.somaxconn = plain(value)?,
        "tcp_max_syn_backlog" => config.tcp_max_syn_backlog = plain(value)?,
        "tcp_syncookies" => config.tcp_syncookies = plain(value)?,
        "tcp_fastopen" => config.tcp_fastopen = plain(value)?,
        "tcp_tw_reuse" => config.tcp_tw_reuse = plain(value)?,
        "tcp_rfc1337" => config.tcp_rfc1337 = switch(value)?,
        "tcp_abort_on_overflow" => config.tcp_abort_on_overflow = switch(value)?,
        "tcp_keepalive_time" => config.tcp_keepalive_time = time(value, SECOND)?,
        "tcp_keepalive_intvl" => config.tcp_keepalive_intvl = time(value, SECOND)?,
        "tcp_keepalive_probes" => config.tcp_keepalive_probes = plain(value)?,
        "tcp_notsent_lowat" => config.tcp_notsent_lowat = plain(value)?,
        "tcp_mtu_probing" => config.tcp_mtu_probing = plain(value)?,
        "tcp_base_mss" => config.tcp_base_mss = plain(value)?,
        "tcp_probe_interval" => config.tcp_probe_interval = time(value, SECOND)?,
        "tcp_probe_threshold" => config.tcp_probe_threshold = plain(value)?,
        "tcp_fin_timeout" => config.tcp_fin_timeout = time(value, SECOND)?,
        "tcp_timewait_len" => config.tcp_timewait_len = time(value, SECOND)?,
        "tcp_max_tw_buckets" => config.tcp_max_tw_buckets = plain(value)?,
        "tcp_max_orphans" => config.tcp_max_orphans = plain(value)?,
        "ip_local_port_range" => {
            let (first, last) = value.split_once(' ').ok_or("give FIRST LAST")?;
            config.ip_local_port_range = (plain(first)?, plain(last.trim())?);
        }
        "tcp_congestion_control" => config.tcp_congestion_control = plain(value)?,
        "tcp_frto" => config.tcp_frto = switch(value)?,
        "tcp_early_retrans" => config.tcp_early_retrans = switch(value)?,
        "tcp_slow_start_after_idle" => config.tcp_slow_start_after_idle = switch(value)?,
        "tcp_rto_min" => config.tcp_rto_min = time(value, MILLI)?,
        "tcp_rto_max" => config.tcp_rto_max = time(value, MILLI)?,
        "tcp_delack_max" => config.tcp_delack_max = time(value, MILLI)?,
        "tcp_invalid_ratelimit" => config.tcp_invalid_ratelimit = time(value, MILLI)?,
        "hystart" => config.hystart = plain(value)?,
        "initial_cwnd" => config.initial_cwnd = plain(value)?,
        "max_connections" => config.max_connections = plain(value)?,
        "header_prediction" => config.header_prediction = switch(value)?,
        _ => return Err(format!("unknown setting '{name}'")),
    }
    Ok(())
}

fn plain<T: FromStr>(value: &str) -> Result<T, String> {
    value.parse().map_err(|_| format!("'{value}' does not fit"))
}

/// `MIN DEFAULT MAX`, or one for all three.
fn sizes(value: &str) -> Result<BufferSizes, String> {
    let numbers: Vec<usize> = value.split_whitespace().map(plain).collect::<Result<_, _>>()?;
    match numbers[..] {
        [size] => Ok(BufferSizes::from(size)),
        [min, default, max] => Ok(BufferSizes { min, default, max }),
        _ => Err(format!("'{value}': give MIN DEFAULT MAX, or one size")),
    }
}

fn switch(value: &str) -> Result<bool, String> {
    match value {
        "0" => Ok(false),
        "1" => Ok(true),
        _ => Err(format!("'{value}' is neither 0 nor 1")),
    }
}

fn time(value: &str, unit: Duration) -> Result<Duration, String> {
    let end = value.find(|c: char| !c.is_ascii_digit()).unwrap_or(value.len());
    let number: u32 = plain(&value[..end])?;
    let unit = match value[end..].trim() {
        "" => unit,
        "us" => Duration::from_micros(1),
        "ms" => Duration::from_millis(1),
        "s" => Duration::from_secs(1),
        unit => return Err(format!("unknown unit '{unit}'")),
    };
    unit.checked_mul(number).ok_or_else(|| format!("'{value}' is too long"))
}

#[cfg(test)]
mod tests;
