//! Linux's knobs, each with its bounds.

use std::time::Duration;

use corelane_netstack::{IpConfig, TcpConfig};
use serde::Deserialize;

use super::{Algorithm, ConfigError, Ports, Sizes, Time, in_range};

const fn ms(n: u64) -> Time {
    Time(Duration::from_millis(n))
}

const fn s(n: u64) -> Time {
    Time(Duration::from_secs(n))
}

/// A section whose keys are those of a settings struct of the stack. `None` leaves its default.
macro_rules! knobs {
    ($(#[$outer:meta])* $name:ident of $target:ident in $section:literal {
        $($field:ident: $kind:ty = $min:expr, $max:expr;)*
    }) => {
        $(#[$outer])*
        #[derive(Debug, Clone, Default, PartialEq, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct $name {
            $(
                #[doc = concat!("[`", stringify!($target), "::", stringify!($field), "`](corelane_netstack::", stringify!($target), "::", stringify!($field), ")")]
                pub $field: Option<$kind>,
            )*
        }

        impl $name {
            /// Puts what is set into `target`, within its bounds.
            pub(super) fn apply(&self, target: &mut $target) -> Result<(), ConfigError> {
                $(
                    if let Some(value) = self.$field {
                        in_range(concat!($section, ".", stringify!($field)), value, $min, $max)?;
                        target.$field = value.into();
                    }
                )*
                Ok(())
            }

            /// Each knob with its range, as an error message names it.
            #[cfg(test)]
            fn ranges() -> Vec<(&'static str, String)> {
                fn range<T: std::fmt::Display>(min: T, max: T) -> String {
                    format!("{min} to {max}")
                }
                vec![$((stringify!($field), range::<$kind>($min, $max)),)*]
            }
        }
    };
}

knobs! {
    /// Section `[ip]`: IP, ICMP and ARP.
    IpKnobs of IpConfig in "ip" {
        default_ttl: u8 = 1, 255;
        icmp_msgs_per_sec: u32 = 0, 1_000_000;
        min_pmtu: u16 = 88, 65_535;
        mtu_expires: Time = s(1), s(86_400);
        echo_reply: bool = false, true;
        neighbor_max: usize = 1, 1 << 20;
        neighbor_reachable: Time = s(1), s(86_400);
        neighbor_retransmit: Time = ms(1), s(60);
        neighbor_solicits: u8 = 1, 100;
        neighbor_queue: usize = 1, 1024;
    }
}

knobs! {
    /// Section `[tcp]`.
    TcpKnobs of TcpConfig in "tcp" {
        tcp_rmem: Sizes = Sizes::all(2048), Sizes::all(1 << 30);
        tcp_moderate_rcvbuf: bool = false, true;
        tcp_wmem: Sizes = Sizes::all(2048), Sizes::all(1 << 30);
        tcp_mem: usize = 1 << 20, 1 << 40;
        tcp_window_scaling: bool = false, true;
        tcp_timestamps: bool = false, true;
        tcp_sack: bool = false, true;
        tcp_dsack: bool = false, true;
        tcp_ecn: u8 = 0, 2;
        tcp_ecn_fallback: bool = false, true;
        tcp_syn_retries: u8 = 1, 127;
        tcp_synack_retries: u8 = 0, 127;
        tcp_retries1: u8 = 1, 127;
        tcp_retries2: u8 = 1, 255;
        tcp_orphan_retries: u8 = 0, 255;
        somaxconn: usize = 1, 1 << 20;
        tcp_max_syn_backlog: usize = 1, 1 << 20;
        tcp_syncookies: u8 = 0, 2;
        tcp_fastopen: u32 = 0, 0x607;
        tcp_abort_on_overflow: bool = false, true;
        tcp_keepalive_time: Time = s(1), s(32_767);
        tcp_keepalive_intvl: Time = s(1), s(32_767);
        tcp_keepalive_probes: u8 = 1, 127;
        tcp_fin_timeout: Time = ms(1), s(3600);
        tcp_timewait_len: Time = ms(1), s(3600);
        tcp_max_tw_buckets: usize = 0, 1 << 24;
        tcp_tw_reuse: u8 = 0, 2;
        tcp_rfc1337: bool = false, true;
        tcp_max_orphans: usize = 0, 1 << 24;
        tcp_notsent_lowat: u32 = 1, u32::MAX;
        ip_local_port_range: Ports = Ports(1, 1), Ports(65_535, 65_535);
        tcp_congestion_control: Algorithm = Algorithm::FIRST, Algorithm::LAST;
        hystart: u8 = 0, 2;
        tcp_frto: bool = false, true;
        tcp_early_retrans: bool = false, true;
        tcp_slow_start_after_idle: bool = false, true;
        tcp_rto_min: Time = ms(1), s(120);
        tcp_rto_max: Time = s(1), s(120);
        tcp_delack_max: Time = ms(1), ms(500);
        tcp_mtu_probing: u8 = 0, 2;
        tcp_base_mss: u16 = 48, 65_495;
        tcp_mtu_probe_floor: u16 = 48, 65_495;
        tcp_probe_threshold: u16 = 1, 65_535;
        tcp_probe_interval: Time = s(1), s(86_400);
        tcp_invalid_ratelimit: Time = ms(0), s(60);
        tcp_challenge_ack_limit: u32 = 0, u32::MAX;
        initial_cwnd: u32 = 1, 1024;
        tcp_min_tso_segs: u32 = 1, 44;
        tcp_tso_win_divisor: u32 = 1, 1024;
        max_connections: usize = 1, 1 << 24;
    }
}

#[cfg(test)]
mod tests;
