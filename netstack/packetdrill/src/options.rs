//! getsockopt and setsockopt.

use std::collections::HashMap;
use std::time::Duration;

use corelane_netstack::{Keepalive, SocketOptions};

use crate::errno::Errno;
use crate::machine::Machine;
use crate::sockets::Role;
use crate::tcp_info;

/// linux/sock_diag.h: `SK_MEMINFO_VARS` numbers, of which the first four are the buffers.
const MEMINFO_VARS: usize = 9;
/// linux/socket.h; libc has it only for some targets.
const SO_MEMINFO: i32 = 55;
const TCP_CC_INFO: i32 = 26;
/// linux/tcp.h; TCP_CM_INQ, the control message, has the same number.
pub(crate) const TCP_INQ: i32 = 36;

/// What was set on a socket. A listener's options go to the connections that it accepts.
#[derive(Debug, Clone, Default)]
pub(crate) struct Options {
    /// Those that the stack has.
    set: SocketOptions,
    keep_idle: Option<i32>,
    keep_interval: Option<i32>,
    keep_count: Option<i32>,
    /// TCP_INQ: recvmsg says how much is left.
    pub(crate) inq: bool,
    /// Options that the stack has no word for, as they were set.
    others: HashMap<(i32, i32), Vec<u8>>,
}

impl Options {
    /// Of a fresh socket; `paced`: by whatever rate its windows make.
    pub(crate) fn new(paced: bool) -> Options {
        let set = SocketOptions { max_pacing_rate: paced.then_some(u64::MAX), ..SocketOptions::default() };
        Options { set, ..Options::default() }
    }

    /// As the stack takes them.
    pub(crate) fn for_stack(&self) -> SocketOptions {
        self.set
    }

    fn keepalive(&self) -> Keepalive {
        let seconds =
            |value: Option<i32>, default| Duration::from_secs(value.map_or(default, |n| n.max(1) as u64));
        Keepalive {
            time: seconds(self.keep_idle, 7200),
            interval: seconds(self.keep_interval, 75),
            probes: self.keep_count.map_or(9, |n| n.clamp(1, 127) as u8), // limited
        }
    }

    /// Takes an option; false: the stack has no word for it.
    fn take(&mut self, level: i32, name: i32, value: &[u8]) -> Result<bool, Errno> {
        let set = &mut self.set;
        match (level, name) {
            (libc::SOL_TCP, libc::TCP_NODELAY) => set.nodelay = int(value)? != 0,
            (libc::SOL_TCP, libc::TCP_CORK) => set.cork = int(value)? != 0,
            (libc::SOL_TCP, libc::TCP_USER_TIMEOUT) => {
                let millis = int(value)?;
                set.user_timeout = (millis != 0).then(|| Duration::from_millis(u64::from(millis as u32)));
            }
            (libc::SOL_TCP, libc::TCP_SYNCNT) => set.syncnt = Some(within(int(value)?, 1..=127)? as u8),
            (libc::SOL_TCP, libc::TCP_LINGER2) => {
                set.linger2 = Some(Duration::from_secs(int(value)?.max(0) as u64));
            }
            // Of 32 bits, so -1 is the most; 0 is the sysctl's.
            (libc::SOL_TCP, libc::TCP_NOTSENT_LOWAT) => {
                set.notsent_lowat = Some(int(value)? as u32).filter(|bytes| *bytes != 0);
            }
            (libc::SOL_TCP, libc::TCP_MAXSEG) => {
                let most = within(int(value)?, 0..=32_767)?;
                set.maxseg = if most == 0 { None } else { Some(within(most, 88..=32_767)? as u16) };
            }
            // Linux doubles it, for its overhead.
            (libc::SOL_SOCKET, libc::SO_SNDBUF) => set.send_buffer = Some(2 * int(value)?.max(0) as usize),
            (libc::SOL_SOCKET, libc::SO_KEEPALIVE) => {
                let on = int(value)? != 0;
                self.set.keepalive = on.then(|| self.keepalive());
            }
            (libc::SOL_TCP, libc::TCP_KEEPIDLE) => self.keep_idle = Some(within(int(value)?, 1..=32_767)?),
            (libc::SOL_TCP, libc::TCP_KEEPINTVL) => {
                self.keep_interval = Some(within(int(value)?, 1..=32_767)?);
            }
            (libc::SOL_TCP, libc::TCP_KEEPCNT) => self.keep_count = Some(within(int(value)?, 1..=127)?),
            (libc::SOL_SOCKET, libc::SO_LINGER) => {
                let (on, seconds) = (int(value)?, int(value.get(4..).unwrap_or_default())?);
                set.linger = (on != 0).then(|| Duration::from_secs(seconds.max(0) as u64));
            }
            // One byte is enough for what ip(7) has in one.
            (libc::SOL_IP, libc::IP_TOS) => set.tos = *value.first().ok_or(Errno(libc::EINVAL))?,
            (libc::SOL_IP, libc::IP_TTL) => {
                let ttl = *value.first().ok_or(Errno(libc::EINVAL))?;
                set.ttl = Some(ttl).filter(|ttl| *ttl > 0);
            }
            (libc::SOL_TCP, TCP_INQ) => self.inq = within(int(value)?, 0..=1)? != 0,
            _ => return Ok(false),
        }
        if self.set.keepalive.is_some() {
            self.set.keepalive = Some(self.keepalive());
        }
        Ok(true)
    }
}

fn int(value: &[u8]) -> Result<i32, Errno> {
    let bytes = value.first_chunk().ok_or(Errno(libc::EINVAL))?;
    Ok(i32::from_ne_bytes(*bytes))
}

fn within(value: i32, range: std::ops::RangeInclusive<i32>) -> Result<i32, Errno> {
    if range.contains(&value) { Ok(value) } else { Err(Errno(libc::EINVAL)) }
}

impl Machine {
    pub(crate) fn set_option(&mut self, fd: i32, level: i32, name: i32, value: &[u8]) -> Result<(), Errno> {
        let socket = self.socket(fd)?;
        if !socket.options.take(level, name, value)? {
            socket.options.others.insert((level, name), value.to_vec());
            return Ok(());
        }
        self.apply_options(fd)
    }

    /// Hands a socket's options to the stack.
    pub(crate) fn apply_options(&mut self, fd: i32) -> Result<(), Errno> {
        let socket = self.socket(fd)?;
        let (role, options) = (socket.role, socket.options.for_stack());
        match role {
            Role::Idle => {}
            Role::Listener(id) => self.stack.set_listener_options(id, &options)?,
            Role::Connection(id) => self.stack.set_options(id, &options)?,
        }
        Ok(())
    }

    /// The value of an option, `len` bytes at most.
    pub(crate) fn option(&mut self, fd: i32, level: i32, name: i32, len: usize) -> Result<Vec<u8>, Errno> {
        let mut value = self.whole_option(fd, level, name)?;
        value.truncate(len);
        Ok(value)
    }

    fn whole_option(&mut self, fd: i32, level: i32, name: i32) -> Result<Vec<u8>, Errno> {
        let socket = self.socket(fd)?;
        let id = socket.connection();
        let options = socket.options.clone();
        let set = options.set;
        let number = match (level, name) {
            (libc::SOL_TCP, libc::TCP_INFO) => {
                let info = id.map(|id| self.stack.info(id)).transpose()?;
                return Ok(tcp_info::encode(info.as_ref()));
            }
            // CUBIC has nothing to tell.
            (libc::SOL_TCP, TCP_CC_INFO) => return Ok(Vec::new()),
            (libc::SOL_SOCKET, SO_MEMINFO) => return Ok(vec![0; MEMINFO_VARS * 4]),
            (libc::SOL_SOCKET, libc::SO_LINGER) => {
                let seconds = set.linger.map_or(0, |time| time.as_secs() as i32); // it was given as such
                return Ok([i32::from(set.linger.is_some()), seconds].map(i32::to_ne_bytes).concat());
            }
            (libc::SOL_SOCKET, libc::SO_ERROR) => match id {
                Some(id) => self.stack.take_error(id)?.map_or(0, |error| Errno::from(error).0),
                None => 0,
            },
            (libc::SOL_SOCKET, libc::SO_TYPE) => libc::SOCK_STREAM,
            (libc::SOL_SOCKET, libc::SO_SNDBUF) => set.send_buffer.unwrap_or(self.wmem_default) as i32, // below 2^31
            (libc::SOL_SOCKET, libc::SO_KEEPALIVE) => i32::from(set.keepalive.is_some()),
            (libc::SOL_TCP, TCP_INQ) => i32::from(options.inq),
            (libc::SOL_TCP, libc::TCP_NODELAY) => i32::from(set.nodelay),
            (libc::SOL_TCP, libc::TCP_CORK) => i32::from(set.cork),
            (libc::SOL_TCP, libc::TCP_USER_TIMEOUT) => {
                set.user_timeout.map_or(0, |time| time.as_millis() as i32)
            }
            (libc::SOL_TCP, libc::TCP_NOTSENT_LOWAT) => set.notsent_lowat.unwrap_or(0) as i32,
            (libc::SOL_TCP, libc::TCP_KEEPIDLE) => options.keep_idle.unwrap_or(7200),
            (libc::SOL_TCP, libc::TCP_KEEPINTVL) => options.keep_interval.unwrap_or(75),
            (libc::SOL_TCP, libc::TCP_KEEPCNT) => options.keep_count.unwrap_or(9),
            (libc::SOL_TCP, libc::TCP_MAXSEG) => match id {
                Some(id) => self.stack.info(id)?.snd_mss as i32, // 16 bits
                None => set.maxseg.map_or(536, i32::from),
            },
            (libc::SOL_IP, libc::IP_TOS) => i32::from(set.tos),
            _ => {
                let other = options.others.get(&(level, name));
                return other.cloned().ok_or(Errno(libc::ENOPROTOOPT));
            }
        };
        Ok(number.to_ne_bytes().to_vec())
    }
}
