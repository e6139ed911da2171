//! Socket options of a script.

use std::time::Duration;

use corelane_netstack::{Error, Keepalive, ListenerId, SocketId, SocketOptions, Stack};

use super::syntax::{Call, Expr};

/// Options as they were set, which a connection gets when it is made; what a listener accepts has its options by itself.
#[derive(Debug, Clone)]
pub(super) struct Options {
    set: SocketOptions,
    /// The times of SO_KEEPALIVE, whether it is on or not.
    keepalive: Keepalive,
    /// TCP_FASTOPEN: a listener's limit.
    pub(super) fast_open: Option<usize>,
    /// TCP_FASTOPEN_CONNECT.
    pub(super) fast_open_connect: bool,
}

/// What a call of `setsockopt` is about.
#[derive(Clone, Copy)]
pub(super) enum Target {
    /// Neither listens nor connects.
    Fresh,
    Listener(ListenerId),
    Stream(SocketId),
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

/// The value as a type that may be too small for it.
fn fit<T: TryFrom<i64>>(call: &Call) -> Result<T, String> {
    T::try_from(number(call)?).map_err(|_| "the value does not fit".to_string())
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

/// `Keepalive`'s constants, by their names.
fn ready_made(kind: &str) -> Option<Keepalive> {
    Some(match kind {
        "LINUX" => Keepalive::LINUX,
        "MACOS" => Keepalive::MACOS,
        "WINDOWS" => Keepalive::WINDOWS,
        "WEB" => Keepalive::WEB,
        "DATABASE_POOL" => Keepalive::DATABASE_POOL,
        "FINANCE" => Keepalive::FINANCE,
        "REAL_TIME" => Keepalive::REAL_TIME,
        "NAT" => Keepalive::NAT,
        "IOT" => Keepalive::IOT,
        _ => return None,
    })
}

impl Options {
    /// Those of a new socket.
    pub(super) fn new(stack: &Stack) -> Options {
        let set = SocketOptions::default();
        Options { set, keepalive: stack.default_keepalive(), fast_open: None, fast_open_connect: false }
    }

    /// Sets an option. Gives the error that the stack answers with.
    pub(super) fn set(
        &mut self,
        call: &Call,
        target: Target,
        stack: &mut Stack,
    ) -> Result<Option<Error>, String> {
        if let Target::Stream(id) = target
            && let Some(result) = set_by_command(call, id, stack)?
        {
            return Ok(result.err());
        }
        let before = self.clone();
        self.note(call)?;
        let result = match target {
            Target::Fresh => self.set.check(),
            Target::Listener(id) => stack.set_listener_options(id, &self.set),
            Target::Stream(id) => stack.set_options(id, &self.set),
        };
        if result.is_err() {
            *self = before;
        }
        Ok(result.err())
    }

    fn note(&mut self, call: &Call) -> Result<(), String> {
        let seconds = |n: i64| u64::try_from(n).map(Duration::from_secs).map_err(|e| e.to_string());
        let set = &mut self.set;
        match name(call)? {
            (_, "SO_REUSEADDR") => {} // listening again is always allowed
            (_, "SO_LINGER") => set.linger = linger(call)?,
            (_, "SO_SNDBUF") => set.send_buffer = Some(fit(call)?),
            (_, "SO_KEEPALIVE") if let Some(Expr::Text(kind)) = call.arguments.get(3) => {
                self.keepalive = ready_made(kind).ok_or_else(|| format!("no settings for '{kind}'"))?;
                set.keepalive = Some(self.keepalive);
            }
            (_, "SO_KEEPALIVE") => set.keepalive = (number(call)? != 0).then_some(self.keepalive),
            (_, "TCP_KEEPIDLE") => self.keepalive.time = seconds(number(call)?)?,
            (_, "TCP_KEEPINTVL") => self.keepalive.interval = seconds(number(call)?)?,
            (_, "TCP_KEEPCNT") => self.keepalive.probes = fit(call)?,
            (_, "TCP_NODELAY") => set.nodelay = number(call)? != 0,
            (_, "TCP_CORK") => set.cork = number(call)? != 0,
            (_, "TCP_USER_TIMEOUT") => {
                let time = Duration::from_millis(fit(call)?);
                set.user_timeout = (!time.is_zero()).then_some(time);
            }
            (_, "TCP_SYNCNT") => set.syncnt = Some(fit(call)?),
            (_, "TCP_LINGER2") => {
                // Negative: not at all.
                set.linger2 = Some(seconds(number(call)?).unwrap_or(Duration::ZERO));
            }
            (_, "TCP_NOTSENT_LOWAT") => set.notsent_lowat = Some(fit(call)?),
            (_, "SO_MAX_PACING_RATE") => set.max_pacing_rate = Some(fit(call)?),
            (_, "TCP_CONGESTION") => {
                let Some(Expr::Text(name)) = call.arguments.get(3) else {
                    return Err("TCP_CONGESTION takes a name in quotation marks".to_string());
                };
                let kind = name.parse().map_err(|_| format!("unknown congestion control '{name}'"))?;
                set.congestion_control = Some(kind);
            }
            (_, "TCP_MAXSEG") => set.maxseg = Some(fit(call)?),
            (_, "IP_TTL") => set.ttl = Some(fit(call)?),
            (_, "IP_TOS") => set.tos = fit(call)?,
            (_, "TCP_FASTOPEN") => self.fast_open = Some(fit(call)?), // `listen` sets it
            (_, "TCP_FASTOPEN_CONNECT") => self.fast_open_connect = number(call)? != 0, // `connect` asks
            (level, name) => return Err(format!("unknown option {level} {name}")),
        }
        set.keepalive = set.keepalive.map(|_| self.keepalive);
        Ok(())
    }

    /// Gives a new connection what was set.
    pub(super) fn apply(&self, id: SocketId, stack: &mut Stack) -> Result<(), String> {
        stack.set_options(id, &self.set).map_err(|error| error.to_string())
    }

    /// Gives a new listener what was set.
    pub(super) fn apply_to_listener(&self, id: ListenerId, stack: &mut Stack) -> Result<(), String> {
        stack.set_listener_options(id, &self.set).map_err(|error| error.to_string())?;
        let limit = self.fast_open.unwrap_or(0);
        stack.set_fast_open(id, limit).map_err(|error| error.to_string())
    }
}

/// Options that have a command of their own.
fn set_by_command(call: &Call, id: SocketId, stack: &mut Stack) -> Result<Option<Result<(), Error>>, String> {
    Ok(match name(call)? {
        (_, "TCP_QUICKACK") => Some(stack.set_quickack(id, number(call)? != 0)),
        (_, "SO_RCVBUF") => Some(stack.set_recv_buffer_size(id, fit(call)?)),
        (_, "TCP_WINDOW_CLAMP") => Some(stack.set_window_clamp(id, fit(call)?)),
        _ => None,
    })
}

/// What `getsockopt` gives.
pub(super) fn get(call: &Call, id: SocketId, stack: &mut Stack) -> Result<Expr, String> {
    let text = |error: Error| error.to_string();
    let set = stack.options(id).map_err(text)?;
    let seconds = |time: Duration| time.as_secs() as i64; // far below 2^63
    let keepalive = set.keepalive.unwrap_or(stack.default_keepalive());
    Ok(Expr::Number(match name(call)? {
        (_, "TCP_NODELAY") => i64::from(set.nodelay),
        (_, "TCP_CORK") => i64::from(set.cork),
        (_, "SO_KEEPALIVE") => i64::from(set.keepalive.is_some()),
        (_, "TCP_KEEPIDLE") => seconds(keepalive.time),
        (_, "TCP_KEEPINTVL") => seconds(keepalive.interval),
        (_, "TCP_KEEPCNT") => i64::from(keepalive.probes),
        (_, "TCP_USER_TIMEOUT") => set.user_timeout.unwrap_or_default().as_millis() as i64, // likewise
        (_, "TCP_QUICKACK") => i64::from(stack.quickack(id).map_err(text)?),
        (_, "SO_RCVBUF") => stack.recv_buffer_size(id).map_err(text)? as i64, // likewise
        (_, "TCP_MAXSEG") => i64::from(stack.info(id).map_err(text)?.snd_mss),
        (level, name) => return Err(format!("unknown option {level} {name}")),
    }))
}
