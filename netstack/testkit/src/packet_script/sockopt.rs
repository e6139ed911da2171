//! Socket options of a script.

use std::time::Duration;

use corelane_netstack::{Error, Keepalive, SocketId, Stack};

use super::syntax::{Call, Expr};

/// Options as they were set: a listener's go to what it accepts, those of a socket to its connection.
#[derive(Debug, Clone)]
pub(super) struct Options {
    nodelay: Option<bool>,
    has_keepalive: bool,
    keepalive: Keepalive,
    linger: Option<Option<Duration>>,
    /// TCP_FASTOPEN: a listener's limit.
    pub(super) fast_open: Option<usize>,
    /// TCP_FASTOPEN_CONNECT.
    pub(super) fast_open_connect: bool,
}

impl Default for Options {
    fn default() -> Options {
        let seconds = Duration::from_secs;
        Options {
            nodelay: None,
            has_keepalive: false,
            keepalive: Keepalive { time: seconds(7200), interval: seconds(75), probes: 9 },
            linger: None,
            fast_open: None,
            fast_open_connect: false,
        }
    }
}

/// Level and name of the option of a call.
pub(super) fn name(call: &Call) -> Result<(&str, &str), String> {
    match &call.arguments[..] {
        [_, Expr::Word(level), Expr::Word(name), ..] => Ok((level, name)),
        _ => Err("an option has a level and a name".to_string()),
    }
}

/// The value: `[1]`.
fn number(call: &Call) -> Result<i64, String> {
    match call.arguments.get(3) {
        Some(Expr::List(values)) if let [Expr::Number(value)] = values.as_slice() => Ok(*value),
        other => Err(format!("the value should be a number in brackets: {other:?}")),
    }
}

/// The value: `{onoff=1, linger=0}`.
fn linger(call: &Call) -> Result<Option<Duration>, String> {
    let Some(Expr::Struct(fields)) = call.arguments.get(3) else {
        return Err("SO_LINGER takes {onoff=N, linger=N}".to_string());
    };
    let field = |name: &str| match fields.iter().find(|(field, _)| field == name) {
        Some((_, Expr::Number(n))) => u64::try_from(*n).map_err(|e| e.to_string()),
        _ => Err(format!("{name} is missing")),
    };
    Ok(if field("onoff")? == 0 { None } else { Some(Duration::from_secs(field("linger")?)) })
}

impl Options {
    /// Notes an option, and sets it at once where there is a connection. Gives the error that the stack answers with.
    pub(super) fn set(
        &mut self,
        call: &Call,
        id: Option<SocketId>,
        stack: &mut Stack,
    ) -> Result<Option<Error>, String> {
        let seconds = |n: i64| u64::try_from(n).map(Duration::from_secs).map_err(|e| e.to_string());
        match name(call)? {
            ("SOL_SOCKET", "SO_REUSEADDR") => return Ok(None), // listening again is always allowed
            ("SOL_SOCKET", "SO_LINGER") => self.linger = Some(linger(call)?),
            ("SOL_SOCKET", "SO_KEEPALIVE") => self.has_keepalive = number(call)? != 0,
            (_, "TCP_KEEPIDLE") => self.keepalive.time = seconds(number(call)?)?,
            (_, "TCP_KEEPINTVL") => self.keepalive.interval = seconds(number(call)?)?,
            (_, "TCP_KEEPCNT") => {
                self.keepalive.probes = u8::try_from(number(call)?).map_err(|e| e.to_string())?;
            }
            (_, "TCP_FASTOPEN") => {
                self.fast_open = Some(usize::try_from(number(call)?).map_err(|e| e.to_string())?);
                return Ok(None); // `listen` sets it
            }
            (_, "TCP_FASTOPEN_CONNECT") => {
                self.fast_open_connect = number(call)? != 0;
                return Ok(None); // `connect` asks for it
            }
            (_, "TCP_QUICKACK") => {
                let id = id.ok_or("TCP_QUICKACK is for connections")?;
                return Ok(stack.set_quickack(id, number(call)? != 0).err());
            }
            ("SOL_SOCKET", "SO_RCVBUF") => {
                let id = id.ok_or("SO_RCVBUF is for connections")?;
                let size = usize::try_from(number(call)?).map_err(|e| e.to_string())?;
                return Ok(stack.set_recv_buffer_size(id, size).err());
            }
            (_, "TCP_WINDOW_CLAMP") => {
                let id = id.ok_or("TCP_WINDOW_CLAMP is for connections")?;
                let size = usize::try_from(number(call)?).map_err(|e| e.to_string())?;
                return Ok(stack.set_window_clamp(id, size).err());
            }
            (_, "TCP_NODELAY") => self.nodelay = Some(number(call)? != 0),
            (level, name) => return Err(format!("unknown option {level} {name}")),
        }
        let Some(id) = id else { return Ok(None) };
        Ok(self.apply_one(name(call)?.1, id, stack).err())
    }

    fn apply_one(&self, name: &str, id: SocketId, stack: &mut Stack) -> Result<(), Error> {
        match name {
            "SO_LINGER" => stack.set_linger(id, self.linger.flatten()),
            "TCP_NODELAY" => stack.set_nodelay(id, self.nodelay.unwrap_or_default()),
            _ => stack.set_keepalive(id, self.has_keepalive.then_some(self.keepalive)),
        }
    }

    /// Sets all that were noted.
    pub(super) fn apply(&self, id: SocketId, stack: &mut Stack) -> Result<(), String> {
        let noted = [
            ("SO_LINGER", self.linger.is_some()),
            ("TCP_NODELAY", self.nodelay.is_some()),
            ("SO_KEEPALIVE", self.has_keepalive),
        ];
        for (name, _) in noted.iter().filter(|(_, is_noted)| *is_noted) {
            self.apply_one(name, id, stack).map_err(|error| format!("{name}: {error}"))?;
        }
        Ok(())
    }

    /// What `getsockopt` gives.
    pub(super) fn get(&self, call: &Call, id: Option<SocketId>, stack: &mut Stack) -> Result<Expr, String> {
        let id = id.ok_or("only connections have options that can be asked for")?;
        match name(call)? {
            (_, "TCP_NODELAY") => {
                stack.nodelay(id).map(|on| Expr::Number(i64::from(on))).map_err(|e| e.to_string())
            }
            (_, "TCP_QUICKACK") => {
                stack.quickack(id).map(|on| Expr::Number(i64::from(on))).map_err(|e| e.to_string())
            }
            ("SOL_SOCKET", "SO_RCVBUF") => stack
                .recv_buffer_size(id)
                .map(|size| Expr::Number(size as i64)) // far below 2^63
                .map_err(|e| e.to_string()),
            (level, name) => Err(format!("unknown option {level} {name}")),
        }
    }
}
