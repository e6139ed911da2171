//! setsockopt(2) for what an application sets.

use std::os::fd::BorrowedFd;
use std::time::Duration;

use corelane_netstack::{CongestionControl, Keepalive, SocketOptions};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with, sockopt};

use crate::engine::Result;
use crate::error::{Missing, SocketError};

/// `u32::MAX` is -1: IP_TTL's word for `ip_default_ttl`.
const DEFAULT_TTL: u32 = u32::MAX;

/// Brings a socket from `old` to `new`. What can't be set is said before anything is.
pub(super) fn apply(
    fd: BorrowedFd<'_>,
    family: AddressFamily,
    old: &SocketOptions,
    new: &SocketOptions,
) -> Result<()> {
    new.check().map_err(SocketError::Stack)?;
    refuse_missing(old, new)?;
    // First what the kernel may refuse: a congestion control that it has not loaded.
    if new.congestion_control != old.congestion_control {
        let name =
            new.congestion_control.map_or_else(default_congestion, |kind| Ok(kind.name().to_string()))?;
        sockopt::set_tcp_congestion(fd, &name)?;
    }
    if new.keepalive != old.keepalive {
        set_keepalive(fd, new.keepalive)?;
    }
    if new.user_timeout != old.user_timeout {
        let millis = new.user_timeout.map_or(0, |time| time.as_millis().clamp(1, u128::from(u32::MAX)));
        sockopt::set_tcp_user_timeout(fd, millis as u32)?; // clamped
    }
    if let Some(bytes) = new.send_buffer
        && new.send_buffer != old.send_buffer
    {
        // The kernel doubles what it is given, and `SocketOptions::send_buffer` is as it tells it.
        sockopt::set_socket_send_buffer_size(fd, bytes / 2)?;
    }
    if (new.ttl, new.tos) != (old.ttl, old.tos) {
        set_mark(fd, family, new)?;
    }
    // TCP_NODELAY lets out what was held back, also where it is set again.
    if new.nodelay != old.nodelay || (new == old && new.nodelay) {
        sockopt::set_tcp_nodelay(fd, new.nodelay)?;
    }
    if new.cork != old.cork {
        sockopt::set_tcp_cork(fd, new.cork)?;
    }
    // SO_LINGER stays with us: the kernel's close(2) would hold up the whole core for it.
    Ok(())
}

/// What has no safe call.
fn refuse_missing(old: &SocketOptions, new: &SocketOptions) -> Result<()> {
    let missing = [
        (new.notsent_lowat != old.notsent_lowat, Missing::NotsentLowat),
        (new.syncnt != old.syncnt, Missing::Syncnt),
        (new.linger2 != old.linger2, Missing::Linger2),
        (new.maxseg != old.maxseg, Missing::MaxSeg),
        (new.max_pacing_rate != old.max_pacing_rate, Missing::MaxPacingRate),
        (new.send_buffer.is_none() && old.send_buffer.is_some(), Missing::UnsetSendBuffer),
    ];
    match missing.into_iter().find(|(changed, _)| *changed) {
        Some((_, what)) => Err(SocketError::Unsupported(what)),
        None => Ok(()),
    }
}

fn set_keepalive(fd: BorrowedFd<'_>, keepalive: Option<Keepalive>) -> Result<()> {
    if let Some(Keepalive { time, interval, probes }) = keepalive {
        sockopt::set_tcp_keepidle(fd, whole_seconds(time))?;
        sockopt::set_tcp_keepintvl(fd, whole_seconds(interval))?;
        sockopt::set_tcp_keepcnt(fd, u32::from(probes))?;
    }
    Ok(sockopt::set_socket_keepalive(fd, keepalive.is_some())?)
}

/// The kernel counts these in seconds; no less than asked for.
fn whole_seconds(time: Duration) -> Duration {
    Duration::from_secs(time.as_secs() + u64::from(time.subsec_nanos() > 0))
}

fn set_mark(fd: BorrowedFd<'_>, family: AddressFamily, new: &SocketOptions) -> Result<()> {
    if family == AddressFamily::INET6 {
        sockopt::set_ipv6_unicast_hops(fd, new.ttl)?;
        return Ok(sockopt::set_ipv6_tclass(fd, u32::from(new.tos))?);
    }
    sockopt::set_ip_ttl(fd, new.ttl.map_or(DEFAULT_TTL, u32::from))?;
    Ok(sockopt::set_ip_tos(fd, new.tos)?)
}

/// `tcp_congestion_control`: what a fresh socket has.
fn default_congestion() -> Result<String> {
    Ok(sockopt::tcp_congestion(fresh()?)?)
}

/// `tcp_keepalive_time`, `tcp_keepalive_intvl`, `tcp_keepalive_probes`: what a fresh socket has.
pub(super) fn default_keepalive() -> Keepalive {
    let ask = || -> rustix::io::Result<Keepalive> {
        let fd = fresh()?;
        Ok(Keepalive {
            time: sockopt::tcp_keepidle(&fd)?,
            interval: sockopt::tcp_keepintvl(&fd)?,
            probes: u8::try_from(sockopt::tcp_keepcnt(&fd)?).unwrap_or(u8::MAX),
        })
    };
    ask().unwrap_or(Keepalive::LINUX) // no descriptor left
}

/// The kernel's congestion control, where it is one of ours.
pub(super) fn congestion_of(name: &str) -> Result<CongestionControl> {
    name.parse().map_err(|_| SocketError::Unsupported(Missing::Congestion))
}

fn fresh() -> rustix::io::Result<std::os::fd::OwnedFd> {
    socket_with(AddressFamily::INET, SocketType::STREAM, SocketFlags::CLOEXEC, None)
}
