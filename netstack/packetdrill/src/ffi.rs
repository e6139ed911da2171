#![allow(unsafe_code)] // C's pointers become slices here, and go no further
//! What packetdrill calls.
//!
//! Contract: packetdrill hands in pointers that are valid for the call, as it would to the kernel, except that scripts
//! may give NULL for a buffer: that is EFAULT.

use std::ffi::CStr;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::slice;
use std::sync::{Arc, Mutex, PoisonError};

use libc::{
    c_char, c_int, c_longlong, c_uint, c_ulong, c_void, epoll_event, iovec, loff_t, msghdr, nfds_t, pollfd,
    size_t, sockaddr, sockaddr_in, socklen_t, ssize_t, timeval, useconds_t,
};

use crate::data::{PIPE_SIZE, Sending};
use crate::errno::Errno;
use crate::flags::Flags;
use crate::interface::{Data, Init, Interface};
use crate::machine::Machine;
use crate::options::TCP_INQ;
use crate::wait::Instance;

/// A machine may be used by any thread, one at a time, though the counts of its packets are not atomic.
pub(crate) struct Confined(pub(crate) Machine);

// SAFETY: all that holds such a count (pool, packets, chunks) is in the machine, which never gives one away: bytes are
// copied in and out. The mutex around it lets one thread in at a time, and nothing in it is bound to a thread.
unsafe impl Send for Confined {}

/// The instance opened last: for [`getsockopt`], which is told no `userdata`.
static LAST: Mutex<Option<Arc<Instance>>> = Mutex::new(None);

/// Opens a stack as packetdrill does.
///
/// # Errors
/// A sentence about a setting that can't be.
pub fn open(flags: Flags) -> Result<Interface, String> {
    let instance = Arc::new(Instance::new(Machine::new(flags)?));
    *LAST.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&instance));
    Ok(interface(Arc::into_raw(instance).cast_mut().cast()))
}

#[unsafe(no_mangle)]
extern "C" fn packetdrill_interface_init(flags: *const c_char, interface: *mut Interface) {
    let text = if flags.is_null() {
        ""
    } else {
        // SAFETY: a string of C, by packetdrill's contract.
        unsafe { CStr::from_ptr(flags) }.to_str().unwrap_or("flags that are not UTF-8")
    };
    match text.parse().and_then(open) {
        // SAFETY: packetdrill's own struct, of this layout. It may hold anything before.
        Ok(ours) => unsafe { interface.write(ours) },
        Err(error) => {
            // There is no way to say no: without the pointers packetdrill would crash.
            eprintln!("corelane: --so_flags: {error}");
            std::process::exit(2);
        }
    }
}

const _: Init = packetdrill_interface_init;

#[rustfmt::skip] // the struct's order
fn interface(userdata: Data) -> Interface {
    Interface {
        userdata, free, socket, bind, listen, accept, connect, read, readv, recv, recvfrom, recvmsg, write, writev,
        send, sendto, sendmsg, fcntl, ioctl, close, shutdown, getsockopt: get_option, setsockopt, poll, netdev_send,
        netdev_receive, usleep, gettimeofday, epoll_create, epoll_ctl, epoll_wait, pipe, splice,
    }
}

// ---- C's values ----

fn instance<'a>(data: Data) -> &'a Instance {
    // SAFETY: made in `open`, and valid until `free`, after which nothing is called.
    unsafe { &*data.cast_const().cast() }
}

fn set_errno(error: Errno) {
    // SAFETY: this thread's own errno.
    unsafe { *libc::__errno_location() = error.0 };
}

/// The result as C wants it: -1 and errno.
fn reply<T: TryInto<R>, R: From<i8>>(result: Result<T, Errno>) -> R {
    match result {
        Ok(value) => value.try_into().unwrap_or(R::from(0)), // counts of bytes in memory fit
        Err(error) => {
            set_errno(error);
            R::from(-1)
        }
    }
}

fn done(result: Result<(), Errno>) -> c_int {
    reply(result.map(|()| 0))
}

fn bytes<'a>(pointer: *const c_void, len: size_t) -> Result<&'a [u8], Errno> {
    match pointer.is_null() {
        true if len > 0 => Err(Errno(libc::EFAULT)),
        true => Ok(&[]),
        // SAFETY: a buffer of `len` bytes, valid for the call.
        false => Ok(unsafe { slice::from_raw_parts(pointer.cast(), len) }),
    }
}

fn bytes_mut<'a>(pointer: *mut c_void, len: size_t) -> Result<&'a mut [u8], Errno> {
    match pointer.is_null() {
        true if len > 0 => Err(Errno(libc::EFAULT)),
        true => Ok(&mut []),
        // SAFETY: a buffer of `len` bytes, valid for the call, and nobody else's meanwhile.
        false => Ok(unsafe { slice::from_raw_parts_mut(pointer.cast(), len) }),
    }
}

/// Many things in a row; none where the pointer is NULL.
fn array<'a, T>(pointer: *const T, len: usize) -> &'a [T] {
    // SAFETY: `len` of them, valid for the call.
    if pointer.is_null() { &[] } else { unsafe { slice::from_raw_parts(pointer, len) } }
}

fn array_mut<'a, T>(pointer: *mut T, len: usize) -> &'a mut [T] {
    // SAFETY: `len` of them, valid for the call, and nobody else's meanwhile.
    if pointer.is_null() { &mut [] } else { unsafe { slice::from_raw_parts_mut(pointer, len) } }
}

fn put<T>(pointer: *mut T, value: T) {
    if !pointer.is_null() {
        // SAFETY: a place for a T, valid for the call.
        unsafe { pointer.write(value) };
    }
}

fn address(pointer: *const sockaddr, len: socklen_t) -> Result<SocketAddr, Errno> {
    if pointer.is_null() || (len as usize) < size_of::<sockaddr_in>() {
        return Err(Errno(libc::EINVAL));
    }
    // SAFETY: at least as many bytes as this struct has, of whatever family.
    let address = unsafe { pointer.cast::<sockaddr_in>().read_unaligned() };
    if i32::from(address.sin_family) != libc::AF_INET {
        return Err(Errno(libc::EAFNOSUPPORT));
    }
    let ip = Ipv4Addr::from(u32::from_be(address.sin_addr.s_addr));
    Ok(SocketAddr::new(IpAddr::V4(ip), u16::from_be(address.sin_port)))
}

fn put_address(from: SocketAddr, pointer: *mut sockaddr, len: *mut socklen_t) {
    let IpAddr::V4(ip) = from.ip() else { return };
    if pointer.is_null() || len.is_null() {
        return;
    }
    let address = sockaddr_in {
        sin_family: libc::AF_INET as u16, // 2
        sin_port: from.port().to_be(),
        sin_addr: libc::in_addr { s_addr: u32::from(ip).to_be() },
        sin_zero: [0; 8],
    };
    // SAFETY: `len` says how much room there is, and is told how long the address is.
    unsafe {
        let room = (*len as usize).min(size_of::<sockaddr_in>());
        std::ptr::copy_nonoverlapping((&raw const address).cast::<u8>(), pointer.cast::<u8>(), room);
        *len = size_of::<sockaddr_in>() as socklen_t; // 16
    }
}

fn close_descriptor(fd: c_int) {
    // SAFETY: one of ours, by now forgotten.
    unsafe { libc::close(fd) };
}

// ---- Sockets ----

extern "C" fn free(data: Data) {
    *LAST.lock().unwrap_or_else(PoisonError::into_inner) = None;
    // SAFETY: made in `open`; packetdrill frees once.
    drop(unsafe { Arc::<Instance>::from_raw(data.cast_const().cast()) });
}

extern "C" fn socket(data: Data, domain: c_int, kind: c_int, protocol: c_int) -> c_int {
    reply(instance(data).now(|m| m.open_socket(domain, kind, protocol)))
}

extern "C" fn bind(data: Data, fd: c_int, to: *const sockaddr, len: socklen_t) -> c_int {
    done(address(to, len).and_then(|to| instance(data).now(|m| m.bind(fd, to))))
}

extern "C" fn listen(data: Data, fd: c_int, backlog: c_int) -> c_int {
    done(instance(data).now(|m| m.listen(fd, backlog)))
}

extern "C" fn accept(data: Data, fd: c_int, from: *mut sockaddr, len: *mut socklen_t) -> c_int {
    reply(instance(data).call(None, |m, _| m.accept(fd)).map(|(fd, peer)| {
        put_address(peer, from, len);
        fd
    }))
}

extern "C" fn connect(data: Data, fd: c_int, to: *const sockaddr, len: socklen_t) -> c_int {
    let mut started = false;
    done(address(to, len).and_then(|to| instance(data).call(None, |m, _| m.connect(fd, to, &mut started))))
}

extern "C" fn close(data: Data, fd: c_int) -> c_int {
    done(instance(data).now(|m| m.close(fd)).map(|()| close_descriptor(fd)))
}

extern "C" fn shutdown(data: Data, fd: c_int, how: c_int) -> c_int {
    done(instance(data).now(|m| m.shutdown(fd, how)))
}

extern "C" fn fcntl(data: Data, fd: c_int, command: c_int, argument: c_int) -> c_int {
    reply(instance(data).now(|m| m.fcntl(fd, command, argument)))
}

extern "C" fn ioctl(data: Data, fd: c_int, request: c_ulong, argument: *mut c_int) -> c_int {
    done(instance(data).now(|m| m.ioctl(fd, request)).map(|number| put(argument, number)))
}

// ---- Data ----

fn receive(data: Data, fd: c_int, buf: &mut [u8], flags: c_int) -> Result<usize, Errno> {
    instance(data).call(None, |m, _| m.receive(fd, buf, flags))
}

fn transmit(data: Data, fd: c_int, parts: &[&[u8]], flags: c_int) -> Result<usize, Errno> {
    let mut sending = Sending::default();
    instance(data).call(None, |m, _| m.send(fd, parts, flags, &mut sending))
}

/// Receives into several buffers.
fn receive_parts(data: Data, fd: c_int, parts: &[iovec], flags: c_int) -> Result<usize, Errno> {
    let mut all = vec![0; parts.iter().map(|part| part.iov_len).sum()];
    let n = receive(data, fd, &mut all, flags)?;
    let mut rest = &all[..n];
    for part in parts {
        let (now, later) = rest.split_at(part.iov_len.min(rest.len()));
        bytes_mut(part.iov_base, now.len())?.copy_from_slice(now);
        rest = later;
    }
    Ok(n)
}

fn transmit_parts(data: Data, fd: c_int, parts: &[iovec], flags: c_int) -> Result<usize, Errno> {
    let parts: Result<Vec<&[u8]>, Errno> =
        parts.iter().map(|part| bytes(part.iov_base, part.iov_len)).collect();
    transmit(data, fd, &parts?, flags)
}

extern "C" fn read(data: Data, fd: c_int, buf: *mut c_void, len: size_t) -> ssize_t {
    recv(data, fd, buf, len, 0)
}

extern "C" fn readv(data: Data, fd: c_int, parts: *const iovec, count: c_int) -> ssize_t {
    reply(receive_parts(data, fd, array(parts, count.max(0) as usize), 0))
}

extern "C" fn recv(data: Data, fd: c_int, buf: *mut c_void, len: size_t, flags: c_int) -> ssize_t {
    reply(bytes_mut(buf, len).and_then(|buf| receive(data, fd, buf, flags)))
}

extern "C" fn recvfrom(
    data: Data,
    fd: c_int,
    buf: *mut c_void,
    len: size_t,
    flags: c_int,
    _from: *mut sockaddr, // TCP gives none
    from_len: *mut socklen_t,
) -> ssize_t {
    put(from_len, 0);
    recv(data, fd, buf, len, flags)
}

extern "C" fn recvmsg(data: Data, fd: c_int, message: *mut msghdr, flags: c_int) -> ssize_t {
    let Some(message) = array_mut(message, 1).first_mut() else {
        return reply(Err::<ssize_t, _>(Errno(libc::EFAULT)));
    };
    message.msg_namelen = 0;
    message.msg_flags = 0;
    let result = receive_parts(data, fd, array(message.msg_iov, message.msg_iovlen), flags);
    match instance(data).now(|m| m.inq(fd)).filter(|_| result.is_ok()) {
        Some(inq) => put_inq(message, inq),
        None => message.msg_controllen = 0,
    }
    reply(result)
}

/// The one control message that there is: TCP_CM_INQ.
fn put_inq(message: &mut msghdr, inq: c_int) {
    // SAFETY: plain arithmetic.
    let (space, len) = unsafe { (libc::CMSG_SPACE(4) as usize, libc::CMSG_LEN(4) as usize) };
    if message.msg_control.is_null() || message.msg_controllen < space {
        message.msg_flags |= libc::MSG_CTRUNC;
        message.msg_controllen = 0;
        return;
    }
    message.msg_controllen = space;
    // SAFETY: there is room for a header and 4 bytes at the start of the control buffer, as just looked at.
    unsafe {
        let header = libc::CMSG_FIRSTHDR(message);
        (*header).cmsg_level = libc::SOL_TCP;
        (*header).cmsg_type = TCP_INQ;
        (*header).cmsg_len = len;
        libc::CMSG_DATA(header).cast::<c_int>().write_unaligned(inq);
    }
}

extern "C" fn write(data: Data, fd: c_int, buf: *const c_void, len: size_t) -> ssize_t {
    send(data, fd, buf, len, 0)
}

extern "C" fn writev(data: Data, fd: c_int, parts: *const iovec, count: c_int) -> ssize_t {
    reply(transmit_parts(data, fd, array(parts, count.max(0) as usize), 0))
}

extern "C" fn send(data: Data, fd: c_int, buf: *const c_void, len: size_t, flags: c_int) -> ssize_t {
    reply(bytes(buf, len).and_then(|buf| transmit(data, fd, &[buf], flags)))
}

extern "C" fn sendto(
    data: Data,
    fd: c_int,
    buf: *const c_void,
    len: size_t,
    flags: c_int,
    _to: *const sockaddr, // TCP ignores it
    _to_len: socklen_t,
) -> ssize_t {
    send(data, fd, buf, len, flags)
}

extern "C" fn sendmsg(data: Data, fd: c_int, message: *const msghdr, flags: c_int) -> ssize_t {
    let Some(message) = array(message, 1).first() else {
        return reply(Err::<ssize_t, _>(Errno(libc::EFAULT)));
    };
    reply(transmit_parts(data, fd, array(message.msg_iov, message.msg_iovlen), flags))
}

extern "C" fn pipe(_data: Data, fds: *mut c_int) -> c_int {
    // SAFETY: room for two descriptors. A pipe of the kernel serves: only one end of a splice is ours.
    unsafe { libc::pipe(fds) }
}

extern "C" fn splice(
    data: Data,
    from: c_int,
    _from_offset: *mut loff_t,
    to: c_int,
    _to_offset: *mut loff_t,
    len: size_t,
    flags: c_uint,
) -> ssize_t {
    let flags = if flags & libc::SPLICE_F_NONBLOCK != 0 { libc::MSG_DONTWAIT } else { 0 };
    let mut buf = vec![0; len.min(PIPE_SIZE)];
    if instance(data).now(|m| m.socket(from).is_ok()) {
        let n = match receive(data, from, &mut buf, flags) {
            Ok(n) => n,
            Err(error) => return reply(Err::<ssize_t, _>(error)),
        };
        // SAFETY: `n` bytes of our own; `write` looks at nothing else.
        return unsafe { libc::write(to, buf.as_ptr().cast(), n) };
    }
    // SAFETY: room for so many bytes.
    let n = unsafe { libc::read(from, buf.as_mut_ptr().cast(), buf.len()) };
    match usize::try_from(n) {
        Ok(n) => reply(transmit(data, to, &[&buf[..n]], flags)),
        Err(_) => n, // errno is set
    }
}

// ---- Options ----

fn copy_option(value: Result<Vec<u8>, Errno>, to: *mut c_void, len: *mut socklen_t) -> c_int {
    done(value.and_then(|value| {
        bytes_mut(to, value.len())?.copy_from_slice(&value);
        put(len, value.len() as socklen_t); // a few hundred bytes
        Ok(())
    }))
}

fn room(len: *const socklen_t) -> usize {
    array(len, 1).first().map_or(0, |len| *len as usize)
}

extern "C" fn get_option(
    data: Data,
    fd: c_int,
    level: c_int,
    name: c_int,
    to: *mut c_void,
    len: *mut socklen_t,
) -> c_int {
    copy_option(instance(data).now(|m| m.option(fd, level, name, room(len))), to, len)
}

extern "C" fn setsockopt(
    data: Data,
    fd: c_int,
    level: c_int,
    name: c_int,
    value: *const c_void,
    len: socklen_t,
) -> c_int {
    let value = bytes(value, len as usize);
    done(value.and_then(|value| instance(data).now(|m| m.set_option(fd, level, name, value))))
}

/// libc's function, for a packetdrill that runs with this library preloaded: the blocks of code in a script ask the kernel for
/// TCP_INFO, whose descriptors are ours. All others still go to the kernel.
#[unsafe(no_mangle)]
extern "C" fn getsockopt(
    fd: c_int,
    level: c_int,
    name: c_int,
    to: *mut c_void,
    len: *mut socklen_t,
) -> c_int {
    let last = LAST.lock().unwrap_or_else(PoisonError::into_inner).clone();
    match last {
        Some(ours) if ours.now(|m| m.socket(fd).is_ok()) => {
            copy_option(ours.now(|m| m.option(fd, level, name, room(len))), to, len)
        }
        // SAFETY: the caller's own arguments; what the kernel gives is the result, and errno is set.
        _ => unsafe { libc::syscall(libc::SYS_getsockopt, fd, level, name, to, len) as c_int },
    }
}

// ---- Readiness ----

/// The time-out of poll and epoll_wait in microseconds; negative: none.
fn timeout(millis: c_int) -> Option<u64> {
    u64::try_from(millis).ok().map(|millis| millis * 1000)
}

extern "C" fn poll(data: Data, fds: *mut pollfd, count: nfds_t, millis: c_int) -> c_int {
    let fds = array_mut(fds, count as usize);
    let wanted: Vec<(i32, i16)> = fds.iter().map(|fd| (fd.fd, fd.events)).collect();
    reply(instance(data).call(timeout(millis), |m, expired| m.poll(&wanted, expired).map(Ok)).map(|ready| {
        fds.iter_mut().zip(&ready).for_each(|(fd, ready)| fd.revents = *ready);
        ready.iter().filter(|events| **events != 0).count()
    }))
}

extern "C" fn epoll_create(data: Data, size: c_int) -> c_int {
    if size <= 0 {
        return done(Err(Errno(libc::EINVAL)));
    }
    reply(instance(data).now(Machine::epoll_create))
}

extern "C" fn epoll_ctl(
    data: Data,
    epoll: c_int,
    operation: c_int,
    fd: c_int,
    event: *mut epoll_event,
) -> c_int {
    let (events, value) = array(event, 1).first().map_or((0, 0), |event| (event.events, event.u64));
    done(instance(data).now(|m| m.epoll_ctl(epoll, operation, fd, events, value)))
}

extern "C" fn epoll_wait(
    data: Data,
    epoll: c_int,
    events: *mut epoll_event,
    max: c_int,
    millis: c_int,
) -> c_int {
    let Some(max) = usize::try_from(max).ok().filter(|max| *max > 0) else {
        return done(Err(Errno(libc::EINVAL)));
    };
    let found = instance(data).call(timeout(millis), |m, expired| m.epoll_wait(epoll, max, expired));
    reply(found.map(|found| {
        let places = array_mut(events, found.len());
        for (place, (events, value)) in places.iter_mut().zip(&found) {
            *place = epoll_event { events: *events, u64: *value };
        }
        found.len()
    }))
}

// ---- Packets and time ----

extern "C" fn netdev_send(data: Data, packet: *const c_void, len: size_t) -> c_int {
    done(bytes(packet, len).and_then(|packet| match instance(data).deliver(packet) {
        true => Ok(()),
        false => Err(Errno(libc::ENOBUFS)),
    }))
}

extern "C" fn netdev_receive(
    data: Data,
    to: *mut c_void,
    len: *mut size_t,
    micros: *mut c_longlong,
) -> c_int {
    let room = array(len, 1).first().copied().unwrap_or(0);
    let sent = instance(data).next_sent();
    let Some(sent) = sent else {
        // Anything but success is asked again at once and for ever; an empty packet fails the script.
        put(len, 0);
        return 0;
    };
    let n = sent.bytes.len().min(room);
    done(bytes_mut(to, n).map(|to| {
        to.copy_from_slice(&sent.bytes[..n]);
        put(len, n);
        put(micros, sent.at_micros as c_longlong); // some minutes
    }))
}

extern "C" fn usleep(data: Data, micros: useconds_t) -> c_int {
    instance(data).sleep(u64::from(micros));
    0
}

extern "C" fn gettimeofday(data: Data, to: *mut timeval, _zone: *mut c_void) -> c_int {
    let micros = instance(data).micros() as i64; // some minutes
    put(to, timeval { tv_sec: micros / 1_000_000, tv_usec: micros % 1_000_000 });
    0
}
