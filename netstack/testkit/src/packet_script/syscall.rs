//! System calls of a script, as commands of the stack.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};

use corelane_netstack::{Error, ListenerId, Shutdown, SocketId, Stack, State, WriteFlags};

use super::flow::{Flows, SERVER_PORT};
use super::sockopt::{self, Options, Target};
use super::syntax::{Call, Expr, Outcome};
use crate::{PEER, Pattern, US};

/// What a file descriptor stands for.
enum Socket {
    /// Neither listens nor connects; where it is bound.
    Fresh(Option<SocketAddr>),
    Listener(ListenerId),
    Stream(Stream),
}

/// A connection, and how far its application has come.
struct Stream {
    id: SocketId,
    ports: (u16, u16),
    written: u64,
    read: u64,
    /// A call of `connect` has told that it is open, or that it failed.
    is_told: bool,
}

struct Descriptor {
    socket: Socket,
    is_nonblocking: bool,
    options: Options,
}

/// How a call ends.
pub(super) enum Answer {
    Outcome(Outcome),
    /// It would block.
    Blocks,
    /// With O_NONBLOCK `connect` comes back at once.
    InProgress,
}

/// Why a call of the script can't be made, or gave what it must not.
type Fault = String;

/// The open file descriptors.
#[derive(Default)]
pub(super) struct Sockets {
    open: BTreeMap<i64, Descriptor>,
    /// What TCP_INFO is asked of: the connection that was made or accepted last.
    latest: Option<SocketId>,
}

fn errno(error: Error) -> &'static str {
    match error {
        Error::WouldBlock => "EAGAIN",
        Error::NotOpen => "EBADF",
        Error::ConnectionRefused => "ECONNREFUSED",
        Error::ConnectionReset => "ECONNRESET",
        Error::ConnectionAborted => "ECONNABORTED",
        Error::NotConnected => "ENOTCONN",
        Error::TimedOut => "ETIMEDOUT",
        Error::BrokenPipe => "EPIPE",
        Error::AddrInUse => "EADDRINUSE",
        Error::AddrNotAvailable => "EADDRNOTAVAIL",
        Error::NetworkUnreachable => "ENETUNREACH",
        Error::HostUnreachable => "EHOSTUNREACH",
        Error::InvalidInput => "EINVAL",
        Error::OutOfMemory => "ENOBUFS",
        _ => "an error that packet_script::syscall does not know",
    }
}

fn value(value: i64) -> Result<Answer, Fault> {
    Ok(Answer::Outcome(Outcome::Value(value)))
}

fn failure(errno: &str) -> Result<Answer, Fault> {
    Ok(Answer::Outcome(Outcome::Errno(errno.to_string())))
}

/// What a command gave, as a call gives it.
pub(super) fn answer(result: Result<i64, Error>) -> Result<Answer, Fault> {
    match result {
        Ok(n) => value(n),
        Err(Error::WouldBlock) => Ok(Answer::Blocks),
        Err(error) => failure(errno(error)),
    }
}

/// The number at `index` of the arguments.
pub(super) fn number(call: &Call, index: usize) -> Result<i64, Fault> {
    match call.arguments.get(index) {
        Some(Expr::Number(n)) => Ok(*n),
        other => Err(format!("argument {} should be a number: {other:?}", index + 1)),
    }
}

/// The flags of send(2).
fn write_flags(flags: Option<&Expr>) -> Result<WriteFlags, Fault> {
    match flags {
        None | Some(Expr::Number(0)) => Ok(WriteFlags::default()),
        Some(Expr::Word(flag)) if flag == "MSG_MORE" => {
            Ok(WriteFlags { more: true, ..WriteFlags::default() })
        }
        Some(Expr::Word(flag)) if flag == "MSG_EOR" => Ok(WriteFlags { eor: true, ..WriteFlags::default() }),
        other => Err(format!("send with which flags? {other:?}")),
    }
}

fn length(call: &Call, index: usize) -> Result<usize, Fault> {
    usize::try_from(number(call, index)?).map_err(|e| e.to_string())
}

/// `{sa_family = AF_INET, sin_port = htons(80), sin_addr = inet_addr("10.0.0.1")}`, or `...`.
fn address(argument: Option<&Expr>, usual: Ipv4Addr) -> Result<SocketAddr, Fault> {
    let mut address = SocketAddr::from((usual, SERVER_PORT));
    let fields = match argument {
        Some(Expr::Ellipsis) => return Ok(address),
        Some(Expr::Struct(fields)) => fields,
        other => return Err(format!("an address should be ... or a struct: {other:?}")),
    };
    for (name, value) in fields {
        match (name.as_str(), value) {
            ("sa_family", _) => {}
            ("sin_port", Expr::Apply(_, port)) if let [Expr::Number(port)] = port.as_slice() => {
                address.set_port(u16::try_from(*port).map_err(|e| e.to_string())?);
            }
            ("sin_addr", Expr::Apply(_, ip)) if let [Expr::Text(ip)] = ip.as_slice() => {
                address.set_ip(ip.parse().map_err(|_| format!("'{ip}' is no address"))?);
            }
            _ => return Err(format!("what is {name} = {value:?}?")),
        }
    }
    Ok(address)
}

impl Sockets {
    /// Makes a call.
    ///
    /// # Errors
    /// When the script asks for what can't be, or bytes that were read are not those that belong there.
    pub(super) fn call(
        &mut self,
        call: &Call,
        stack: &mut Stack,
        flows: &mut Flows,
    ) -> Result<Answer, Fault> {
        if call.name == "socket" {
            return self.socket(call, stack);
        }
        if call.name == "poll" {
            return self.poll(call, stack);
        }
        let fd = number(call, 0)?;
        match call.name.as_str() {
            "accept" | "accept4" => return self.accept(fd, call, stack, flows),
            "close" => return self.close(fd, stack),
            "connect" => return self.connect(fd, call, stack, flows),
            _ => {}
        }
        let Some(descriptor) = self.open.get_mut(&fd) else { return failure("EBADF") };
        match call.name.as_str() {
            "bind" => {
                let Socket::Fresh(bound) = &mut descriptor.socket else { return failure("EINVAL") };
                *bound = Some(address(call.arguments.get(1), US)?);
                value(0)
            }
            "listen" => descriptor.listen(length(call, 1)?, stack),
            "fcntl" => descriptor.fcntl(call),
            "shutdown" => descriptor.shutdown(call, stack),
            "write" => descriptor.write(length(call, 2)?, WriteFlags::default(), stack),
            "send" => descriptor.write(length(call, 2)?, write_flags(call.arguments.get(3))?, stack),
            "read" => descriptor.read(length(call, 2)?, false, stack),
            "recv" => {
                let peek = call.arguments.get(3) == Some(&Expr::Word("MSG_PEEK".to_string()));
                descriptor.read(length(call, 2)?, peek, stack)
            }
            "setsockopt" => descriptor.set_option(call, stack),
            "getsockopt" => descriptor.option(call, stack),
            name => Err(format!("unknown call '{name}'")),
        }
    }

    fn insert(&mut self, fd: i64, descriptor: Descriptor) -> Result<Answer, Fault> {
        if self.open.contains_key(&fd) {
            return Err(format!("file descriptor {fd} is open"));
        }
        self.open.insert(fd, descriptor);
        value(fd)
    }

    /// The descriptor that the script says a call gives; any that is free will do.
    fn wanted(&self, call: &Call) -> Result<i64, Fault> {
        match &call.result {
            Outcome::Value(fd) => Ok(*fd),
            // It gives one all the same, which then shows.
            Outcome::Errno(_) => Ok(self.open.keys().last().map_or(3, |last| last + 1)),
        }
    }

    fn socket(&mut self, call: &Call, stack: &Stack) -> Result<Answer, Fault> {
        let is_nonblocking = match call.arguments.get(1) {
            Some(Expr::Word(kind)) => kind.split('|').any(|flag| flag == "SOCK_NONBLOCK"),
            _ => false,
        };
        let fd = self.wanted(call)?;
        let options = Options::new(stack);
        self.insert(fd, Descriptor { socket: Socket::Fresh(None), is_nonblocking, options })
    }

    fn accept(
        &mut self,
        fd: i64,
        call: &Call,
        stack: &mut Stack,
        flows: &mut Flows,
    ) -> Result<Answer, Fault> {
        let Some(listener) = self.open.get(&fd) else { return failure("EBADF") };
        let Socket::Listener(id) = &listener.socket else { return failure("EINVAL") };
        let (id, peer) = match stack.accept(*id) {
            Ok(accepted) => accepted,
            Err(error) => return answer(Err(error)),
        };
        let local = stack.local_addr(id).map_err(|e| e.to_string())?;
        let ports = (local.port(), peer.port());
        flows.of(Some(ports));
        let options = listener.options.clone();
        self.latest = Some(id);
        let stream = Stream { id, ports, written: 0, read: 0, is_told: true };
        let descriptor = Descriptor { socket: Socket::Stream(stream), is_nonblocking: false, options };
        let fd = self.wanted(call)?;
        self.insert(fd, descriptor)
    }

    fn connect(
        &mut self,
        fd: i64,
        call: &Call,
        stack: &mut Stack,
        flows: &mut Flows,
    ) -> Result<Answer, Fault> {
        let Some(descriptor) = self.open.get_mut(&fd) else { return failure("EBADF") };
        let local = match &mut descriptor.socket {
            Socket::Stream(stream) => return stream.opening(descriptor.is_nonblocking, stack),
            Socket::Listener(_) => return failure("EISCONN"),
            Socket::Fresh(local) => *local,
        };
        let remote = address(call.arguments.get(1), PEER)?;
        let early = descriptor.options.fast_open_connect;
        let opened =
            if early { stack.connect_fast_open(local, remote) } else { stack.connect(local, remote) };
        let id = match opened {
            Ok(id) => id,
            Err(error) => return answer(Err(error)),
        };
        let local = stack.local_addr(id).map_err(|e| e.to_string())?;
        let ports = (local.port(), remote.port());
        flows.set_usual(ports.0, ports.1);
        descriptor.options.apply(id, stack)?;
        self.latest = Some(id);
        descriptor.socket = Socket::Stream(Stream { id, ports, written: 0, read: 0, is_told: false });
        // RFC 7413: with a cookie the first write goes with the SYN.
        if early && stack.readiness(id).is_ok_and(|ready| ready.is_writable()) {
            return value(0);
        }
        Ok(if descriptor.is_nonblocking { Answer::InProgress } else { Answer::Blocks })
    }

    fn close(&mut self, fd: i64, stack: &mut Stack) -> Result<Answer, Fault> {
        let Some(descriptor) = self.open.remove(&fd) else { return failure("EBADF") };
        match descriptor.socket {
            Socket::Fresh(_) => value(0),
            Socket::Listener(id) => answer(stack.close_listener(id).map(|()| 0)),
            Socket::Stream(stream) => answer(stack.close(stream.id).map(|()| 0)),
        }
    }

    /// `poll([{fd=4, events=POLLIN, revents=POLLIN}], 1, 0) = 1`
    fn poll(&mut self, call: &Call, stack: &mut Stack) -> Result<Answer, Fault> {
        let Some(Expr::List(entries)) = call.arguments.first() else {
            return Err("poll takes a list of {fd=N, events=A|B, revents=A}".to_string());
        };
        let mut ready = 0;
        for entry in entries {
            let Expr::Struct(fields) = entry else { return Err(format!("what is {entry:?}?")) };
            let field = |name: &str| fields.iter().find(|(field, _)| field == name).map(|(_, value)| value);
            let Some(Expr::Number(fd)) = field("fd") else { return Err("fd is missing".to_string()) };
            let words = |name: &str| match field(name) {
                Some(Expr::Word(words)) => words.split('|').map(str::to_string).collect(),
                _ => Vec::new(),
            };
            let Some(descriptor) = self.open.get(fd) else { return failure("EBADF") };
            let events: Vec<String> = words("events");
            let mut found = descriptor.readiness(stack)?;
            found.retain(|flag| {
                *flag == "POLLERR" || *flag == "POLLHUP" || events.iter().any(|event| event == flag)
            });
            ready += i64::from(!found.is_empty());
            let (mut expected, mut found): (Vec<String>, Vec<&str>) = (words("revents"), found);
            expected.sort();
            found.sort_unstable();
            if expected != found {
                return Err(format!("fd {fd} has revents={}", found.join("|")));
            }
        }
        value(ready)
    }

    /// The connection that was made or accepted last.
    pub(super) fn latest(&self) -> Option<SocketId> {
        self.latest
    }

    /// Ends them all, as the kernel does for a process that is over.
    pub(super) fn abort_all(&mut self, stack: &mut Stack) {
        for descriptor in std::mem::take(&mut self.open).into_values() {
            // What is closed already is as wanted.
            let _ = match descriptor.socket {
                Socket::Fresh(_) => Ok(()),
                Socket::Listener(id) => stack.close_listener(id),
                Socket::Stream(stream) => stack.abort(stream.id),
            };
        }
    }

    /// Whether a call that blocks may wait on this descriptor.
    pub(super) fn is_nonblocking(&self, call: &Call) -> bool {
        let fd = number(call, 0).unwrap_or(-1);
        self.open.get(&fd).is_some_and(|descriptor| descriptor.is_nonblocking)
    }
}

impl Stream {
    /// `connect` once more: how far the opening is.
    fn opening(&mut self, is_nonblocking: bool, stack: &mut Stack) -> Result<Answer, Fault> {
        let info = stack.info(self.id).map_err(|e| e.to_string())?;
        match info.state {
            State::SynSent | State::SynReceived if is_nonblocking => failure("EALREADY"),
            State::SynSent | State::SynReceived => Ok(Answer::Blocks),
            _ if self.is_told => failure("EISCONN"),
            _ => {
                self.is_told = true;
                match stack.take_error(self.id).map_err(|e| e.to_string())? {
                    Some(error) => failure(errno(error)),
                    None if info.state == State::Closed => failure("ECONNABORTED"),
                    None => value(0),
                }
            }
        }
    }
}

impl Descriptor {
    fn listen(&mut self, backlog: usize, stack: &mut Stack) -> Result<Answer, Fault> {
        let Socket::Fresh(local) = &self.socket else { return failure("EINVAL") };
        let local = local.unwrap_or(SocketAddr::from((US, 0)));
        match stack.listen(local, backlog) {
            Ok(id) => {
                self.socket = Socket::Listener(id);
                self.options.apply_to_listener(id, stack)?;
                value(0)
            }
            Err(error) => answer(Err(error)),
        }
    }

    fn fcntl(&mut self, call: &Call) -> Result<Answer, Fault> {
        let has = |index: usize, name: &str| match call.arguments.get(index) {
            Some(Expr::Word(words)) => words.split('|').any(|word| word == name),
            _ => false,
        };
        if has(1, "F_SETFL") {
            self.is_nonblocking = has(2, "O_NONBLOCK");
        } else if !has(1, "F_GETFL") {
            return Err("fcntl knows F_GETFL and F_SETFL".to_string());
        } else if let Outcome::Value(flags) = call.result {
            return value(flags); // 0x2 or 0x802: O_RDWR, which nobody here compares
        }
        value(0)
    }

    fn stream(&mut self) -> Result<&mut Stream, &'static str> {
        match &mut self.socket {
            Socket::Stream(stream) => Ok(stream),
            _ => Err("ENOTCONN"),
        }
    }

    fn shutdown(&mut self, call: &Call, stack: &mut Stack) -> Result<Answer, Fault> {
        let how = match call.arguments.get(1) {
            Some(Expr::Word(how)) if how == "SHUT_RD" => Shutdown::Read,
            Some(Expr::Word(how)) if how == "SHUT_WR" => Shutdown::Write,
            Some(Expr::Word(how)) if how == "SHUT_RDWR" => Shutdown::Both,
            other => return Err(format!("shut down how? {other:?}")),
        };
        match self.stream() {
            Ok(stream) => answer(stack.shutdown(stream.id, how).map(|()| 0)),
            Err(errno) => failure(errno),
        }
    }

    fn write(&mut self, len: usize, flags: WriteFlags, stack: &mut Stack) -> Result<Answer, Fault> {
        let stream = match self.stream() {
            Ok(stream) => stream,
            Err(errno) => return failure(errno),
        };
        let mut bytes = vec![0; len];
        Pattern::between(stream.ports.0, stream.ports.1).fill(stream.written, &mut bytes);
        let written = stack.write_with(stream.id, &bytes, flags);
        stream.written += written.unwrap_or(0) as u64;
        answer(written.map(|n| n as i64)) // far below 2^63
    }

    fn read(&mut self, len: usize, peek: bool, stack: &mut Stack) -> Result<Answer, Fault> {
        let stream = match self.stream() {
            Ok(stream) => stream,
            Err(errno) => return failure(errno),
        };
        let mut bytes = vec![0; len];
        let read = if peek { stack.peek(stream.id, &mut bytes) } else { stack.read(stream.id, &mut bytes) };
        let n = match read {
            Ok(n) => n,
            Err(error) => return answer(Err(error)),
        };
        let pattern = Pattern::between(stream.ports.1, stream.ports.0);
        if let Some(at) = pattern.mismatch(stream.read, &bytes[..n]) {
            return Err(format!("byte {} of what was read is not the one sent", stream.read + at as u64));
        }
        if !peek {
            stream.read += n as u64;
        }
        value(n as i64) // at most `len`
    }

    fn readiness(&self, stack: &Stack) -> Result<Vec<&'static str>, Fault> {
        let Socket::Stream(stream) = &self.socket else {
            return Err("only connections are polled".to_string());
        };
        let ready = stack.readiness(stream.id).map_err(|e| e.to_string())?;
        let flags = [
            ("POLLIN", ready.is_readable()),
            ("POLLOUT", ready.is_writable()),
            ("POLLRDHUP", ready.is_read_closed()),
            ("POLLHUP", ready.is_write_closed()),
            ("POLLERR", ready.is_error()),
        ];
        Ok(flags.into_iter().filter(|(_, on)| *on).map(|(name, _)| name).collect())
    }

    fn set_option(&mut self, call: &Call, stack: &mut Stack) -> Result<Answer, Fault> {
        let target = match &self.socket {
            Socket::Fresh(_) => Target::Fresh,
            Socket::Listener(id) => Target::Listener(*id),
            Socket::Stream(stream) => Target::Stream(stream.id),
        };
        match self.options.set(call, target, stack)? {
            None => value(0),
            Some(error) => answer(Err(error)),
        }
    }

    fn option(&mut self, call: &Call, stack: &mut Stack) -> Result<Answer, Fault> {
        let id = self.stream().map_err(|_| "only connections have options that can be asked for")?.id;
        let Some(Expr::List(expected)) = call.arguments.get(3) else {
            return Err("getsockopt takes what it should give in brackets".to_string());
        };
        let found = match sockopt::name(call)? {
            ("SOL_SOCKET", "SO_ERROR") => {
                let error = stack.take_error(id).map_err(|e| e.to_string())?;
                error.map_or(Expr::Number(0), |error| Expr::Word(errno(error).to_string()))
            }
            _ => sockopt::get(call, id, stack)?,
        };
        if expected.as_slice() != [found.clone()] {
            return Err(format!("the option is {found:?}"));
        }
        value(0)
    }
}
