//! `%{ ... }%`: what TCP_INFO and the counters say.

use corelane_netstack::{SocketId, Stack, State, TcpInfo};

use super::flow::Flow;
use super::syntax::{Comparison, Operator};

/// What an assertion is about.
pub(super) struct Subject<'a> {
    pub(super) stack: &'a Stack,
    /// Whose TCP_INFO.
    pub(super) connection: Option<SocketId>,
    /// The usual one.
    pub(super) flow: &'a Flow,
}

/// Checks each comparison.
///
/// # Errors
/// The first that does not hold, with what was found.
pub(super) fn check(comparisons: &[Comparison], subject: &Subject<'_>) -> Result<(), String> {
    for comparison in comparisons {
        let (left, right) = (value(&comparison.left, subject)?, value(&comparison.right, subject)?);
        let holds = match comparison.operator {
            Operator::Equal => left == right,
            Operator::NotEqual => left != right,
            Operator::Less => left < right,
            Operator::LessOrEqual => left <= right,
            Operator::Greater => left > right,
            Operator::GreaterOrEqual => left >= right,
        };
        if !holds {
            return Err(format!("{} is {left}, and {} is {right}", comparison.left, comparison.right));
        }
    }
    Ok(())
}

/// A number, a field of TCP_INFO, a counter by its name in nstat, a size of the stack, or a constant of Linux.
fn value(name: &str, subject: &Subject<'_>) -> Result<i64, String> {
    let stack = subject.stack;
    if let Ok(number) = name.parse() {
        return Ok(number);
    }
    if name.starts_with("tcpi_") {
        let id = subject.connection.ok_or("there was no connection yet")?;
        let info = stack.info(id).map_err(|error| format!("TCP_INFO: {error}"))?;
        return info_field(name, &info).ok_or_else(|| format!("unknown field '{name}'"));
    }
    if let Some((_, count)) = stack.stats().iter().find(|(counter, _)| *counter == name) {
        return i64::try_from(count).map_err(|e| e.to_string());
    }
    if let Some(field) = list_field(name, subject) {
        return field;
    }
    if name == "isn_advance" {
        return subject
            .flow
            .isn_advance()
            .map(i64::from)
            .ok_or_else(|| "there was one SYN at most".to_string());
    }
    let size = match name {
        "connections" => Some(stack.connections()),
        "half_open" => Some(stack.half_open()),
        "time_wait" => Some(stack.time_wait()),
        "flows" => Some(stack.flows()),
        "timers" => Some(stack.timers()),
        _ => None,
    };
    if let Some(size) = size {
        return i64::try_from(size).map_err(|e| e.to_string());
    }
    let states = [State::Established, State::SynSent, State::SynReceived, State::FinWait1, State::FinWait2];
    let more =
        [State::TimeWait, State::Closed, State::CloseWait, State::LastAck, State::Listen, State::Closing];
    let found = states.into_iter().chain(more).map(state).find(|(constant, _)| *constant == name);
    found.map(|(_, number)| number).ok_or_else(|| format!("unknown name '{name}'"))
}

/// A state's constant in Linux.
fn state(state: State) -> (&'static str, i64) {
    match state {
        State::Established => ("TCP_ESTABLISHED", 1),
        State::SynSent => ("TCP_SYN_SENT", 2),
        State::SynReceived => ("TCP_SYN_RECV", 3),
        State::FinWait1 => ("TCP_FIN_WAIT1", 4),
        State::FinWait2 => ("TCP_FIN_WAIT2", 5),
        State::TimeWait => ("TCP_TIME_WAIT", 6),
        State::Closed => ("TCP_CLOSE", 7),
        State::CloseWait => ("TCP_CLOSE_WAIT", 8),
        State::LastAck => ("TCP_LAST_ACK", 9),
        State::Listen => ("TCP_LISTEN", 10),
        State::Closing => ("TCP_CLOSING", 11),
    }
}

/// In Linux's units: microseconds (of some: milliseconds), and segments for what Linux counts in them.
fn info_field(name: &str, info: &TcpInfo) -> Option<i64> {
    let micros = |time: std::time::Duration| time.as_micros() as i64; // far below 2^63
    let mss = u64::from(info.snd_mss.max(1));
    let segments = |bytes: u64| wide(bytes.div_ceil(mss));
    let windows = |bytes: u32| i64::from(bytes / info.snd_mss.max(1));
    Some(match name {
        "tcpi_state" => state(info.state).1,
        "tcpi_ca_state" => info.ca_state as i64,
        "tcpi_retransmits" => i64::from(info.retransmits),
        "tcpi_probes" => i64::from(info.probes),
        "tcpi_backoff" => i64::from(info.backoff),
        "tcpi_snd_wscale" => i64::from(info.snd_wscale),
        "tcpi_rcv_wscale" => i64::from(info.rcv_wscale),
        "tcpi_rto" => micros(info.rto),
        "tcpi_rtt" => micros(info.rtt),
        "tcpi_rttvar" => micros(info.rttvar),
        "tcpi_min_rtt" => micros(info.min_rtt),
        "tcpi_rcv_rtt" => micros(info.rcv_rtt),
        "tcpi_busy_time" => micros(info.busy_time),
        "tcpi_rwnd_limited" => micros(info.rwnd_limited),
        "tcpi_sndbuf_limited" => micros(info.sndbuf_limited),
        "tcpi_snd_mss" => i64::from(info.snd_mss),
        "tcpi_rcv_mss" => i64::from(info.rcv_mss),
        "tcpi_advmss" => i64::from(info.advmss),
        "tcpi_snd_cwnd" => windows(info.snd_cwnd),
        "tcpi_snd_ssthresh" => windows(info.snd_ssthresh),
        "tcpi_pacing_rate" => info.pacing_rate.map_or(-1, wide),
        "tcpi_delivery_rate" => wide(info.delivery_rate),
        "tcpi_delivery_rate_app_limited" => i64::from(info.delivery_rate_app_limited),
        "tcpi_snd_wnd" => i64::from(info.snd_wnd),
        "tcpi_rcv_wnd" => i64::from(info.rcv_wnd),
        "tcpi_unacked" => segments(info.unacked),
        "tcpi_sacked" => segments(info.sacked.into()),
        "tcpi_lost" => segments(info.lost.into()),
        "tcpi_retrans" => segments(info.retrans.into()),
        "tcpi_notsent_bytes" => i64::from(info.notsent_bytes),
        "tcpi_reordering" => i64::from(info.reordering),
        "tcpi_reord_seen" => i64::from(info.reord_seen),
        "tcpi_dsack_dups" => i64::from(info.dsack_dups),
        "tcpi_total_retrans" => wide(info.total_retrans),
        "tcpi_delivered" => segments(info.delivered),
        "tcpi_bytes_acked" => wide(info.bytes_acked),
        "tcpi_bytes_received" => wide(info.bytes_received),
        "tcpi_last_data_sent" => info.last_data_sent.as_millis() as i64, // likewise
        "tcpi_last_ack_recv" => info.last_ack_recv.as_millis() as i64,
        _ => return None,
    })
}

/// Counts are far below 2^63.
fn wide(n: u64) -> i64 {
    n as i64
}

/// The line of the usual connection in the list of sockets.
fn list_field(name: &str, subject: &Subject<'_>) -> Option<Result<i64, String>> {
    let ports = (subject.flow.local_port, Some(subject.flow.peer_port));
    let find = || {
        let found = subject.stack.sockets().find(|s| (s.local.port(), s.peer.map(|p| p.port())) == ports);
        found.ok_or_else(|| "the list of sockets has no such connection".to_string())
    };
    Some(match name {
        "ss_state" => find().map(|info| state(info.state).1),
        "ss_age" => find().map(|info| info.age.unwrap_or_default().as_secs() as i64), // likewise
        "ss_recv_q" => find().map(|info| info.recv_queue as i64),
        "ss_send_q" => find().map(|info| info.send_queue as i64),
        "ss_orphan" => find().map(|info| i64::from(info.orphan)),
        _ => return None,
    })
}
