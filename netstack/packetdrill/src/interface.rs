//! `struct packetdrill_interface`: what a shared object gives to packetdrill.

use libc::{
    c_char, c_int, c_longlong, c_uint, c_ulong, c_void, epoll_event, iovec, loff_t, msghdr, nfds_t, pollfd,
    size_t, sockaddr, socklen_t, ssize_t, timeval, useconds_t,
};

/// Every function's first argument: [`Interface::userdata`].
pub type Data = *mut c_void;

/// 33 pointers, in this order. packetdrill hands it in zeroed and calls what it finds there: a field left empty is a crash
/// as soon as a script needs it.
///
/// The functions trust their pointers as C does: they are for packetdrill, and for tests in its place.
#[repr(C)]
#[derive(Clone, Copy)]
#[allow(missing_docs)] // each is the system call of its name
pub struct Interface {
    pub userdata: Data,
    pub free: extern "C" fn(Data),
    pub socket: extern "C" fn(Data, c_int, c_int, c_int) -> c_int,
    pub bind: extern "C" fn(Data, c_int, *const sockaddr, socklen_t) -> c_int,
    pub listen: extern "C" fn(Data, c_int, c_int) -> c_int,
    pub accept: extern "C" fn(Data, c_int, *mut sockaddr, *mut socklen_t) -> c_int,
    pub connect: extern "C" fn(Data, c_int, *const sockaddr, socklen_t) -> c_int,
    pub read: extern "C" fn(Data, c_int, *mut c_void, size_t) -> ssize_t,
    pub readv: extern "C" fn(Data, c_int, *const iovec, c_int) -> ssize_t,
    pub recv: extern "C" fn(Data, c_int, *mut c_void, size_t, c_int) -> ssize_t,
    pub recvfrom:
        extern "C" fn(Data, c_int, *mut c_void, size_t, c_int, *mut sockaddr, *mut socklen_t) -> ssize_t,
    pub recvmsg: extern "C" fn(Data, c_int, *mut msghdr, c_int) -> ssize_t,
    pub write: extern "C" fn(Data, c_int, *const c_void, size_t) -> ssize_t,
    pub writev: extern "C" fn(Data, c_int, *const iovec, c_int) -> ssize_t,
    pub send: extern "C" fn(Data, c_int, *const c_void, size_t, c_int) -> ssize_t,
    pub sendto:
        extern "C" fn(Data, c_int, *const c_void, size_t, c_int, *const sockaddr, socklen_t) -> ssize_t,
    pub sendmsg: extern "C" fn(Data, c_int, *const msghdr, c_int) -> ssize_t,
    /// Variadic in C; one more argument covers what scripts say.
    pub fcntl: extern "C" fn(Data, c_int, c_int, c_int) -> c_int,
    /// Likewise.
    pub ioctl: extern "C" fn(Data, c_int, c_ulong, *mut c_int) -> c_int,
    pub close: extern "C" fn(Data, c_int) -> c_int,
    pub shutdown: extern "C" fn(Data, c_int, c_int) -> c_int,
    pub getsockopt: extern "C" fn(Data, c_int, c_int, c_int, *mut c_void, *mut socklen_t) -> c_int,
    pub setsockopt: extern "C" fn(Data, c_int, c_int, c_int, *const c_void, socklen_t) -> c_int,
    pub poll: extern "C" fn(Data, *mut pollfd, nfds_t, c_int) -> c_int,
    /// A packet that arrives at the stack.
    pub netdev_send: extern "C" fn(Data, *const c_void, size_t) -> c_int,
    /// The next packet that leaves the stack, with the time in microseconds at which it did. Length 0: none will.
    pub netdev_receive: extern "C" fn(Data, *mut c_void, *mut size_t, *mut c_longlong) -> c_int,
    pub usleep: extern "C" fn(Data, useconds_t) -> c_int,
    pub gettimeofday: extern "C" fn(Data, *mut timeval, *mut c_void) -> c_int,
    pub epoll_create: extern "C" fn(Data, c_int) -> c_int,
    pub epoll_ctl: extern "C" fn(Data, c_int, c_int, c_int, *mut epoll_event) -> c_int,
    pub epoll_wait: extern "C" fn(Data, c_int, *mut epoll_event, c_int, c_int) -> c_int,
    pub pipe: extern "C" fn(Data, *mut c_int) -> c_int,
    pub splice: extern "C" fn(Data, c_int, *mut loff_t, c_int, *mut loff_t, size_t, c_uint) -> ssize_t,
}

/// `packetdrill_interface_init`: what packetdrill looks up by name.
pub type Init = extern "C" fn(*const c_char, *mut Interface);

const _: () = assert!(size_of::<Interface>() == 33 * size_of::<*const c_void>());
