//! What the kernel tells of a connection: sock_diag(7), as `ss` asks for it. `getsockopt(TCP_INFO)` has no safe call.

use std::cell::OnceCell;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::OwnedFd;
use std::time::Duration;

use corelane_netstack::{CaState, CongestionControl, Error, State, TcpInfo};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink, recv, send, socket_with,
};

use super::options::congestion_of;
use crate::engine::Result;
use crate::error::{Missing, SocketError};

const SOCK_DIAG_BY_FAMILY: u16 = 20;
const NLM_F_REQUEST: u16 = 1;
const NLMSG_ERROR: u16 = 2;
const IPPROTO_TCP: u8 = 6;
const INET_DIAG_INFO: u16 = 2;
const INET_DIAG_CONG: u16 = 4;

/// `struct nlmsghdr`, `struct inet_diag_req_v2`, `struct inet_diag_msg`.
const HEADER: usize = 16;
const REQUEST: usize = HEADER + 56;
const MESSAGE: usize = HEADER + 72;
/// More than the kernel answers.
const ANSWER: usize = 2048;

/// Asks the kernel; the socket for it is opened with the first question.
pub(super) struct Diag(OnceCell<OwnedFd>);

impl Diag {
    pub(super) fn new() -> Diag {
        Diag(OnceCell::new())
    }

    /// What the kernel knows of the connection with these addresses.
    ///
    /// # Errors
    /// `NotConnected` when there is none, or it is in TIME-WAIT and no longer ours; `Unsupported` when the kernel does not tell.
    pub(super) fn ask(&self, local: SocketAddr, peer: SocketAddr) -> Result<Answer> {
        let fd = match self.0.get() {
            Some(fd) => fd,
            None => {
                let protocol = Some(netlink::SOCK_DIAG);
                let fd = socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, protocol)
                    .map_err(unsupported)?;
                self.0.get_or_init(|| fd)
            }
        };
        send(fd, &request(local, peer), SendFlags::empty()).map_err(unsupported)?;
        // The kernel answers within send(2): the answer is there, or never comes.
        let mut buf = [0; ANSWER];
        let (n, _) = recv(fd, &mut buf[..], RecvFlags::DONTWAIT).map_err(unsupported)?;
        parse(&buf[..n])
    }
}

fn unsupported(errno: Errno) -> SocketError {
    match errno {
        Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM => SocketError::Kernel(errno),
        _ => SocketError::Unsupported(Missing::Diag),
    }
}

fn request(local: SocketAddr, peer: SocketAddr) -> [u8; REQUEST] {
    let mut bytes = [0; REQUEST];
    bytes[0..4].copy_from_slice(&(REQUEST as u32).to_ne_bytes()); // 72
    bytes[4..6].copy_from_slice(&SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    bytes[6..8].copy_from_slice(&NLM_F_REQUEST.to_ne_bytes());
    let family = if local.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    bytes[16] = family.as_raw() as u8; // 2 or 10
    bytes[17] = IPPROTO_TCP;
    bytes[18] = 1 << (INET_DIAG_INFO - 1) | 1 << (INET_DIAG_CONG - 1);
    bytes[20..24].copy_from_slice(&u32::MAX.to_ne_bytes()); // in any state
    bytes[24..26].copy_from_slice(&local.port().to_be_bytes());
    bytes[26..28].copy_from_slice(&peer.port().to_be_bytes());
    put_address(&mut bytes[28..44], local.ip());
    put_address(&mut bytes[44..60], peer.ip());
    bytes[64..72].copy_from_slice(&u64::MAX.to_ne_bytes()); // INET_DIAG_NOCOOKIE: whichever it is
    bytes
}

fn put_address(place: &mut [u8], ip: IpAddr) {
    match ip {
        IpAddr::V4(ip) => place[..4].copy_from_slice(&ip.octets()),
        IpAddr::V6(ip) => place.copy_from_slice(&ip.octets()),
    }
}

/// An answer about one connection.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) state: State,
    pub(super) retransmits: u8,
    pub(super) recv_queue: u32,
    pub(super) send_queue: u32,
    info: Vec<u8>,
    congestion: String,
}

fn parse(bytes: &[u8]) -> Result<Answer> {
    const GARBLED: SocketError = SocketError::Unsupported(Missing::Diag);
    let kind = u16::from_ne_bytes(array(bytes, 4).ok_or(GARBLED)?);
    if kind == NLMSG_ERROR {
        let errno = i32::from_ne_bytes(array(bytes, HEADER).ok_or(GARBLED)?).saturating_neg();
        return Err(match Errno::from_raw_os_error(errno) {
            Errno::NOENT => SocketError::Stack(Error::NotConnected),
            errno => unsupported(errno),
        });
    }
    if kind != SOCK_DIAG_BY_FAMILY || bytes.len() < MESSAGE {
        return Err(GARBLED);
    }
    let word = |at| array(bytes, at).map(u32::from_ne_bytes).ok_or(GARBLED);
    let mut answer = Answer {
        state: state(bytes[HEADER + 1]),
        retransmits: bytes[HEADER + 3],
        recv_queue: word(HEADER + 56)?,
        send_queue: word(HEADER + 60)?,
        info: Vec::new(),
        congestion: String::new(),
    };
    let mut rest = &bytes[MESSAGE..];
    // struct rtattr: length with its four bytes, type; each begins on a multiple of four.
    while let (Some(len), Some(kind)) = (array(rest, 0), array(rest, 2)) {
        let (len, kind) = (usize::from(u16::from_ne_bytes(len)), u16::from_ne_bytes(kind));
        let Some(value) = rest.get(4..len) else { break };
        match kind {
            INET_DIAG_INFO => answer.info = value.to_vec(),
            INET_DIAG_CONG => {
                let text = value.split(|byte| *byte == 0).next().unwrap_or_default();
                answer.congestion = String::from_utf8_lossy(text).into_owned();
            }
            _ => {}
        }
        rest = rest.get(len.next_multiple_of(4)..).unwrap_or_default();
    }
    Ok(answer)
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at + N)?.try_into().ok()
}

/// The numbers of include/net/tcp_states.h.
fn state(number: u8) -> State {
    match number {
        1 => State::Established,
        2 => State::SynSent,
        3 | 12 => State::SynReceived,
        4 => State::FinWait1,
        5 => State::FinWait2,
        6 => State::TimeWait,
        8 => State::CloseWait,
        9 => State::LastAck,
        10 => State::Listen,
        11 => State::Closing,
        _ => State::Closed,
    }
}

impl Answer {
    /// `struct tcp_info` of include/uapi/linux/tcp.h; what an older kernel does not tell is zero. Its numbers of segments are
    /// told as bytes, as [`TcpInfo`] has them.
    pub(super) fn tcp_info(&self) -> Result<TcpInfo> {
        if self.info.is_empty() {
            return Err(SocketError::Unsupported(Missing::Diag));
        }
        let (byte, word, long) = (|at| self.byte(at), |at| self.word(at), |at| self.long(at));
        let micros = |at| Duration::from_micros(u64::from(self.word(at)));
        let millis = |at| Duration::from_millis(u64::from(self.word(at)));
        let snd_mss = word(16);
        let segments = |at| self.word(at).saturating_mul(snd_mss);
        let limited = |rate: u64| (rate != u64::MAX).then_some(rate);
        let congestion_control: CongestionControl = congestion_of(&self.congestion)?;
        Ok(TcpInfo {
            state: state(byte(0)),
            ca_state: ca_state(byte(1)),
            congestion_control,
            retransmits: byte(2),
            probes: byte(3),
            backoff: byte(4),
            timestamps: byte(5) & 1 != 0,
            sack: byte(5) & 2 != 0,
            ecn: byte(5) & 8 != 0,
            snd_wscale: byte(6) & 15,
            rcv_wscale: byte(6) >> 4,
            rto: micros(8),
            ato: micros(12),
            rtt: micros(68),
            rttvar: micros(72),
            min_rtt: if word(148) == u32::MAX { Duration::ZERO } else { micros(148) },
            pmtu: word(60),
            snd_mss,
            rcv_mss: word(20),
            advmss: word(84),
            snd_cwnd: segments(80),
            snd_ssthresh: segments(76),
            pacing_rate: limited(long(104)),
            max_pacing_rate: limited(long(112)),
            delivery_rate: long(160),
            delivery_rate_app_limited: byte(7) & 1 != 0,
            snd_wnd: word(228),
            rcv_wnd: word(232),
            unacked: u64::from(word(24)) * u64::from(snd_mss),
            sacked: segments(28),
            lost: segments(32),
            retrans: segments(36),
            notsent_bytes: word(144),
            reordering: word(88),
            reord_seen: word(220),
            dsack_dups: word(216),
            total_retrans: u64::from(word(100)),
            rcv_rtt: micros(92),
            rcv_space: word(96),
            busy_time: Duration::from_micros(long(168)),
            rwnd_limited: Duration::from_micros(long(176)),
            sndbuf_limited: Duration::from_micros(long(184)),
            delivered: u64::from(word(192)) * u64::from(snd_mss),
            bytes_acked: long(120),
            bytes_received: long(128),
            last_data_sent: millis(44),
            last_ack_recv: millis(56),
        })
    }

    fn byte(&self, at: usize) -> u8 {
        self.info.get(at).copied().unwrap_or_default()
    }

    fn word(&self, at: usize) -> u32 {
        array(&self.info, at).map_or(0, u32::from_ne_bytes)
    }

    fn long(&self, at: usize) -> u64 {
        array(&self.info, at).map_or(0, u64::from_ne_bytes)
    }
}

fn ca_state(number: u8) -> CaState {
    match number {
        1 => CaState::Disorder,
        2 => CaState::Cwr,
        3 => CaState::Recovery,
        4 => CaState::Loss,
        _ => CaState::Open,
    }
}

#[cfg(test)]
mod tests;
