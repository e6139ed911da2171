//! What an application sets on a socket: socket(7), tcp(7) and ip(7).

use alloc::boxed::Box;
use core::time::Duration;

use super::Tcp;
use super::congestion::CongestionControl;
use super::connection::Connection;
use super::keepalive::Keepalive;
use super::output::Mark;
use super::receiver::MAX_BUFFER;
use super::send_buffer::notsent_lowat;
use super::seq::SeqNumber;
use crate::config::TcpConfig;
use crate::error::Error;
use crate::event::{ListenerId, SocketId};
use crate::time::Instant;

/// Linux's SOCK_MIN_SNDBUF.
const MIN_SEND_BUFFER: usize = 4608;
/// Linux's bounds of TCP_MAXSEG: TCP_MIN_MSS and MAX_TCP_WINDOW.
const MAXSEG: core::ops::RangeInclusive<u16> = 88..=32_767;
/// Linux's MAX_TCP_SYNCNT.
const MAX_SYNCNT: u8 = 127;
/// Linux's TCP_FIN_TIMEOUT_MAX: a longer TCP_LINGER2 is cut to it.
const MAX_FIN_TIMEOUT: Duration = Duration::from_secs(120);
/// The bits of IP_TOS that a socket may set: the lower two are ECN's (RFC 3168 5).
const DSCP_MASK: u8 = 0xfc;

/// All options of a socket. The default is a fresh socket's: `None` means as configured for the stack.
///
/// [`Stack::set_options`](crate::Stack::set_options) takes them all at once, [`Stack::options`](crate::Stack::options) tells
/// what was set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SocketOptions {
    /// TCP_NODELAY: a small segment does not wait for the one before it to be acknowledged (Nagle). Setting the same options
    /// again, with this among them, lets out what TCP_CORK or MSG_MORE holds back.
    pub nodelay: bool,
    /// TCP_CORK: only full segments go out, until it is taken off; as in Linux what waits goes out all the same after one
    /// retransmission time-out, at least `tcp_rto_min` (200 ms).
    pub cork: bool,
    /// SO_KEEPALIVE with its times; `None`: off.
    pub keepalive: Option<Keepalive>,
    /// TCP_USER_TIMEOUT (RFC 5482, without telling the peer): how long what was sent may stay unacknowledged, and a shut
    /// window may be probed, before the connection fails with `TimedOut`. It takes the place of `tcp_retries2` and of
    /// the number of keep-alive probes, and as in Linux counts from the first retransmission or probe.
    pub user_timeout: Option<Duration>,
    /// TCP_SYNCNT: SYNs sent again before an opening fails, 1 to 127; `None`: `tcp_syn_retries`.
    pub syncnt: Option<u8>,
    /// SO_LINGER. Zero: closing sends a RST, and what was not delivered is lost. A longer time is for whoever closes and
    /// waits for the delivery, which goes on after it in any case; [`Stack::close`](crate::Stack::close) never waits.
    pub linger: Option<Duration>,
    /// TCP_LINGER2: how long an orphan stays in FIN-WAIT-2, up to 120 s; zero: not at all, as a negative TCP_LINGER2.
    /// `None`: `tcp_fin_timeout`.
    pub linger2: Option<Duration>,
    /// TCP_NOTSENT_LOWAT: bytes that were never sent, from which on no other frame begins: see `send_buffer`. `None`:
    /// `tcp_notsent_lowat`.
    pub notsent_lowat: Option<u32>,
    /// SO_SNDBUF as Linux tells it, which is twice of what that is given: at least 4608; it ends the tuning of the send buffer.
    /// Beside the payload, 1280 bytes count for each frame of up to 64 KiB, or half of the peer's window; the last one that
    /// begins below the limit is filled. `None`: tuned within `tcp_wmem`.
    pub send_buffer: Option<usize>,
    /// TCP_CONGESTION; `None`: `tcp_congestion_control`.
    pub congestion_control: Option<CongestionControl>,
    /// SO_MAX_PACING_RATE: bytes a second that are sent at most, at least 1. `None`: paced only where the congestion control
    /// asks for it.
    pub max_pacing_rate: Option<u64>,
    /// TCP_MAXSEG: the largest segment to send and to ask for, 88 to 32,767 bytes with its options. It counts while the
    /// connection is opened.
    pub maxseg: Option<u16>,
    /// IP_TTL, at least 1; `None`: `default_ttl`.
    pub ttl: Option<u8>,
    /// IP_TOS: the DSCP in its upper six bits. The lower two are ECN's, and ignored.
    pub tos: u8,
}

impl SocketOptions {
    /// Whether they can be set.
    ///
    /// # Errors
    /// `InvalidInput` for a value that Linux would refuse as well.
    pub fn check(&self) -> Result<(), Error> {
        let fits = self.syncnt.is_none_or(|count| (1..=MAX_SYNCNT).contains(&count))
            && self.user_timeout.is_none_or(|time| !time.is_zero())
            && self.maxseg.is_none_or(|mss| MAXSEG.contains(&mss))
            && self.max_pacing_rate != Some(0)
            && self.ttl != Some(0);
        if !fits {
            return Err(Error::InvalidInput);
        }
        self.keepalive.map_or(Ok(()), |keepalive| keepalive.check())
    }

    /// IP_TTL and IP_TOS.
    pub(crate) fn mark(&self) -> Mark {
        Mark { ttl: self.ttl, tos: self.tos }
    }

    /// A segment's payload with its options, as far as TCP_MAXSEG allows.
    pub(crate) fn within_maxseg(&self, mss: u16) -> u16 {
        self.maxseg.map_or(mss, |most| mss.min(most))
    }

    /// Cuts what can't be to what can, as Linux does.
    fn cut(&mut self) {
        self.tos &= DSCP_MASK;
        self.send_buffer = self.send_buffer.map(|bytes| bytes.clamp(MIN_SEND_BUFFER, MAX_BUFFER));
        self.linger2 = self.linger2.map(|time| time.min(MAX_FIN_TIMEOUT));
    }

    fn is_marked(&self) -> bool {
        self.ttl.is_some() || self.tos != 0
    }
}

/// What a connection keeps beside its plain state, once an option was set.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct OwnOptions {
    pub(crate) set: SocketOptions,
    /// With a user timeout: SND.UNA when a shut window was probed first, and when that was.
    pub(crate) probing: Option<(SeqNumber, Instant)>,
}

impl Tcp {
    pub(crate) fn options(&self, id: SocketId) -> Result<SocketOptions, Error> {
        Ok(self.socket(id)?.options())
    }

    pub(crate) fn set_options(&mut self, id: SocketId, options: &SocketOptions) -> Result<(), Error> {
        options.check()?;
        let connection = self.connections.get_mut(id.0).filter(|c| !c.app.orphan).ok_or(Error::NotOpen)?;
        connection.set_options(options, &self.config);
        self.settle(id.0);
        Ok(())
    }

    pub(crate) fn listener_options(&self, id: ListenerId) -> Result<SocketOptions, Error> {
        Ok(self.listeners.get(id).ok_or(Error::NotOpen)?.options)
    }

    pub(crate) fn set_listener_options(
        &mut self,
        id: ListenerId,
        options: &SocketOptions,
    ) -> Result<(), Error> {
        options.check()?;
        let listener = self.listeners.get_mut(id).ok_or(Error::NotOpen)?;
        listener.options = *options;
        listener.options.cut();
        Ok(())
    }

    pub(crate) fn set_quickack(&mut self, id: SocketId, on: bool) -> Result<(), Error> {
        self.socket_mut(id)?.set_quickack(on);
        self.settle(id.0);
        Ok(())
    }

    pub(crate) fn quickack(&self, id: SocketId) -> Result<bool, Error> {
        Ok(self.socket(id)?.quickack())
    }

    pub(crate) fn set_recv_buffer_size(&mut self, id: SocketId, bytes: usize) -> Result<(), Error> {
        self.socket_mut(id)?.rcv.fix_buffer(bytes);
        Ok(())
    }

    pub(crate) fn recv_buffer_size(&self, id: SocketId) -> Result<usize, Error> {
        Ok(self.socket(id)?.rcv.limit as usize)
    }

    pub(crate) fn set_window_clamp(&mut self, id: SocketId, bytes: usize) -> Result<(), Error> {
        self.socket_mut(id)?.rcv.clamp_window(bytes);
        Ok(())
    }

    /// What connections of a listener start with.
    pub(crate) fn inherited(&self, listener: ListenerId) -> SocketOptions {
        self.listeners.get(listener).map(|listener| listener.options).unwrap_or_default()
    }

    /// What SO_KEEPALIVE alone means.
    pub(crate) fn default_keepalive(&self) -> Keepalive {
        Keepalive::configured(&self.config)
    }
}

impl Connection {
    pub(crate) fn options(&self) -> SocketOptions {
        self.own_options().copied().unwrap_or_default()
    }

    /// What was set, unless it is all as configured.
    pub(crate) fn own_options(&self) -> Option<&SocketOptions> {
        self.options.as_deref().map(|own| &own.set)
    }

    /// Takes options that were checked.
    pub(crate) fn set_options(&mut self, new: &SocketOptions, config: &TcpConfig) {
        self.unpredict();
        let old = self.options();
        let mut new = *new;
        new.cut();
        self.options =
            (new != SocketOptions::default()).then(|| Box::new(OwnOptions { set: new, probing: None }));
        self.app.send_flags.set(new.nodelay, new.cork, new.is_marked());
        // TCP_NODELAY lets out what was held back, also where it is set again.
        let nodelay = new.nodelay && (!old.nodelay || new == old);
        if nodelay && new.cork {
            self.app.send_flags.push();
        }
        if nodelay || (old.cork && !new.cork) {
            self.app.send_flags.end_more();
            self.effects.transmit = true;
        }
        self.send_buffer.notsent_lowat = notsent_lowat(new.notsent_lowat, new.send_buffer.is_some(), config);
        if new.send_buffer != old.send_buffer {
            self.fix_send_buffer(new.send_buffer, &config.tcp_wmem);
        }
        if new.congestion_control != old.congestion_control {
            self.cc.switch(new.congestion_control.unwrap_or(config.tcp_congestion_control));
            self.cc.set_hystart(config.hystart);
        }
        if (new.congestion_control, new.max_pacing_rate) != (old.congestion_control, old.max_pacing_rate) {
            self.start_pacing();
        }
        self.tell_writable();
        if new.keepalive != old.keepalive {
            self.restart_keepalive();
        }
    }

    /// IP_TTL and IP_TOS.
    #[cold]
    pub(crate) fn mark(&self) -> Mark {
        self.own_options().map_or_else(Mark::default, SocketOptions::mark)
    }

    pub(crate) fn user_timeout(&self) -> Option<Duration> {
        self.own_options().and_then(|options| options.user_timeout)
    }

    /// As [`SocketOptions::within_maxseg`].
    pub(crate) fn within_maxseg(&self, mss: u16) -> u16 {
        self.own_options().map_or(mss, |own| own.within_maxseg(mss))
    }

    /// TCP_MAXSEG bounds what is sent too, once the peer's MSS is known.
    pub(crate) fn limit_mss(&mut self) {
        let options = if self.timestamps.is_some() { 12 } else { 0 };
        self.snd.mss = self.within_maxseg(self.snd.mss + options) - options;
    }
}
