//! Sysctls by their Linux names.

use std::str::FromStr;
use std::time::Duration;

use corelane_netstack::{BufferSizes, Config};

/// Sets what `name` stands for. False: there is no such knob here.
///
/// # Errors
/// A sentence about a value that can't be.
pub(super) fn set(config: &mut Config, name: &str, value: &str) -> Result<bool, String> {
    let name = name.replace('/', ".");
    let name = name.trim_start_matches("net.ipv4.").trim_start_matches("net.core.");
    let tcp = &mut config.tcp;
    match name {
        "tcp_rmem" => tcp.tcp_rmem = sizes(name, value)?,
        "tcp_wmem" => tcp.tcp_wmem = sizes(name, value)?,
        "tcp_notsent_lowat" => tcp.tcp_notsent_lowat = number(name, value)?,
        "tcp_window_scaling" => tcp.tcp_window_scaling = flag(name, value)?,
        "tcp_timestamps" => tcp.tcp_timestamps = flag(name, value)?,
        "tcp_sack" => tcp.tcp_sack = flag(name, value)?,
        "tcp_dsack" => tcp.tcp_dsack = flag(name, value)?,
        "tcp_ecn" => tcp.tcp_ecn = number(name, value)?,
        "tcp_ecn_fallback" => tcp.tcp_ecn_fallback = flag(name, value)?,
        "tcp_mtu_probing" => tcp.tcp_mtu_probing = number(name, value)?,
        "tcp_base_mss" => tcp.tcp_base_mss = number(name, value)?,
        "tcp_syn_retries" => tcp.tcp_syn_retries = number(name, value)?,
        "tcp_synack_retries" => tcp.tcp_synack_retries = number(name, value)?,
        "tcp_retries2" => tcp.tcp_retries2 = number(name, value)?,
        "tcp_orphan_retries" => tcp.tcp_orphan_retries = number(name, value)?,
        // A parameter of Linux's module tcp_cubic.
        "hystart" => tcp.hystart = number(name, value)?,
        "tcp_frto" => tcp.tcp_frto = flag(name, value)?,
        "tcp_early_retrans" => tcp.tcp_early_retrans = flag(name, value)?,
        "tcp_slow_start_after_idle" => tcp.tcp_slow_start_after_idle = flag(name, value)?,
        "tcp_min_tso_segs" => tcp.tcp_min_tso_segs = number(name, value)?,
        "tcp_tso_win_divisor" => tcp.tcp_tso_win_divisor = number(name, value)?,
        "somaxconn" => tcp.somaxconn = number(name, value)?,
        "tcp_max_syn_backlog" => tcp.tcp_max_syn_backlog = number(name, value)?,
        "tcp_abort_on_overflow" => tcp.tcp_abort_on_overflow = flag(name, value)?,
        "tcp_keepalive_time" => tcp.tcp_keepalive_time = seconds(name, value)?,
        "tcp_keepalive_intvl" => tcp.tcp_keepalive_intvl = seconds(name, value)?,
        "tcp_keepalive_probes" => tcp.tcp_keepalive_probes = number(name, value)?,
        "tcp_fin_timeout" => tcp.tcp_fin_timeout = seconds(name, value)?,
        "tcp_max_tw_buckets" => tcp.tcp_max_tw_buckets = number(name, value)?,
        "tcp_max_orphans" => tcp.tcp_max_orphans = number(name, value)?,
        "tcp_invalid_ratelimit" => tcp.tcp_invalid_ratelimit = Duration::from_millis(number(name, value)?),
        // No sysctl of Linux but an attribute of its routes: `ip route ... initcwnd N`.
        "initcwnd" => tcp.initial_cwnd = number(name, value)?,
        _ => return Ok(false),
    }
    Ok(true)
}

fn number<T: FromStr>(name: &str, value: &str) -> Result<T, String> {
    let value = value.trim();
    value.parse().map_err(|_| format!("sysctl.{name}={value}: not a number that it can be"))
}

fn flag(name: &str, value: &str) -> Result<bool, String> {
    number::<u32>(name, value).map(|n| n != 0)
}

fn seconds(name: &str, value: &str) -> Result<Duration, String> {
    number(name, value).map(Duration::from_secs)
}

/// Minimum, default and maximum.
fn sizes(name: &str, value: &str) -> Result<BufferSizes, String> {
    let sizes: Result<Vec<usize>, String> = value.split_whitespace().map(|size| number(name, size)).collect();
    match sizes?[..] {
        [min, default, max] => Ok(BufferSizes { min, default, max }),
        _ => Err(format!("sysctl.{name}={value}: give minimum, default and maximum")),
    }
}
