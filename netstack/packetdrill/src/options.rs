//! getsockopt and setsockopt.

use std::collections::HashMap;
use std::time::Duration;

use corelane_netstack::{Keepalive, SocketId, Stack};

use crate::errno::Errno;
use crate::machine::Machine;
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
    nodelay: bool,
    keepalive: bool,
    keep_idle: Option<i32>,
    keep_interval: Option<i32>,
    keep_count: Option<i32>,
    /// On and its seconds, as in `struct linger`.
    linger: (i32, i32),
    /// TCP_INQ: recvmsg says how much is left.
    pub(crate) inq: bool,
    /// Options that the stack has no word for, as they were set.
    others: HashMap<(i32, i32), Vec<u8>>,
}

impl Options {
    /// Sets on a connection what was set before there was one. What can't be set is left as it is, as by the kernel.
    pub(crate) fn apply(&self, stack: &mut Stack, id: SocketId) {
        if self.nodelay {
            let _ = stack.set_nodelay(id, true);
        }
        if self.keepalive {
            let _ = stack.set_keepalive(id, Some(self.keepalive()));
        }
        if self.linger.0 != 0 {
            let _ = stack.set_linger(id, self.linger());
        }
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

    fn linger(&self) -> Option<Duration> {
        (self.linger.0 != 0).then(|| Duration::from_secs(self.linger.1.max(0) as u64))
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
        let id = socket.connection();
        let options = &mut socket.options;
        match (level, name) {
            (libc::SOL_TCP, libc::TCP_NODELAY) => options.nodelay = int(value)? != 0,
            (libc::SOL_SOCKET, libc::SO_KEEPALIVE) => options.keepalive = int(value)? != 0,
            (libc::SOL_TCP, libc::TCP_KEEPIDLE) => options.keep_idle = Some(within(int(value)?, 1..=32767)?),
            (libc::SOL_TCP, libc::TCP_KEEPINTVL) => {
                options.keep_interval = Some(within(int(value)?, 1..=32767)?);
            }
            (libc::SOL_TCP, libc::TCP_KEEPCNT) => options.keep_count = Some(within(int(value)?, 1..=127)?),
            (libc::SOL_TCP, TCP_INQ) => options.inq = within(int(value)?, 0..=1)? != 0,
            (libc::SOL_SOCKET, libc::SO_LINGER) => {
                options.linger = (int(value)?, int(value.get(4..).unwrap_or_default())?);
            }
            _ => {
                options.others.insert((level, name), value.to_vec());
                return Ok(());
            }
        }
        let options = options.clone();
        let Some(id) = id else { return Ok(()) };
        self.stack.set_nodelay(id, options.nodelay)?;
        self.stack.set_keepalive(id, options.keepalive.then(|| options.keepalive()))?;
        self.stack.set_linger(id, options.linger())?;
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
        let number = match (level, name) {
            (libc::SOL_TCP, libc::TCP_INFO) => {
                let info = id.map(|id| self.stack.info(id)).transpose()?;
                return Ok(tcp_info::encode(info.as_ref()));
            }
            // CUBIC has nothing to tell.
            (libc::SOL_TCP, TCP_CC_INFO) => return Ok(Vec::new()),
            (libc::SOL_SOCKET, SO_MEMINFO) => return Ok(vec![0; MEMINFO_VARS * 4]),
            (libc::SOL_SOCKET, libc::SO_LINGER) => {
                return Ok([options.linger.0.to_ne_bytes(), options.linger.1.to_ne_bytes()].concat());
            }
            (libc::SOL_SOCKET, libc::SO_ERROR) => match id {
                Some(id) => self.stack.take_error(id)?.map_or(0, |error| Errno::from(error).0),
                None => 0,
            },
            (libc::SOL_TCP, TCP_INQ) => i32::from(options.inq),
            (libc::SOL_SOCKET, libc::SO_TYPE) => libc::SOCK_STREAM,
            (libc::SOL_SOCKET, libc::SO_KEEPALIVE) => i32::from(options.keepalive),
            (libc::SOL_TCP, libc::TCP_NODELAY) => i32::from(options.nodelay),
            (libc::SOL_TCP, libc::TCP_KEEPIDLE) => options.keep_idle.unwrap_or(7200),
            (libc::SOL_TCP, libc::TCP_KEEPINTVL) => options.keep_interval.unwrap_or(75),
            (libc::SOL_TCP, libc::TCP_KEEPCNT) => options.keep_count.unwrap_or(9),
            (libc::SOL_TCP, libc::TCP_MAXSEG) => match id {
                Some(id) => self.stack.info(id)?.snd_mss as i32, // 16 bits
                None => 536,
            },
            _ => {
                let other = options.others.get(&(level, name));
                return other.cloned().ok_or(Errno(libc::ENOPROTOOPT));
            }
        };
        Ok(number.to_ne_bytes().to_vec())
    }
}
