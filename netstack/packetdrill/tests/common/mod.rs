//! A peer by hand, and the library called as packetdrill calls it.

use corelane_packetdrill::{Flags, Interface, open};
use etherparse::{PacketBuilder, SlicedPacket, TcpHeader, TransportSlice};
use std::ptr;

pub const LOCAL: [u8; 4] = [192, 168, 0, 1];
pub const PEER: [u8; 4] = [192, 0, 2, 1];
pub const PORT: u16 = 8080;
pub const PEER_PORT: u16 = 40_000;

/// The pointers of an instance. They may be used by two threads, as packetdrill does.
#[derive(Clone, Copy)]
pub struct Library(pub Interface);

/// A packet that left the stack.
pub struct Sent {
    pub tcp: TcpHeader,
    pub payload: Vec<u8>,
    pub micros: i64,
}

impl Library {
    pub fn open(flags: &str) -> Library {
        Library(open(flags.parse::<Flags>().unwrap()).unwrap())
    }

    pub fn socket(&self) -> i32 {
        (self.0.socket)(self.0.userdata, libc::AF_INET, libc::SOCK_STREAM, libc::IPPROTO_TCP)
    }

    pub fn address(ip: [u8; 4], port: u16) -> libc::sockaddr_in {
        libc::sockaddr_in {
            sin_family: libc::AF_INET as u16, // 2
            sin_port: port.to_be(),
            sin_addr: libc::in_addr { s_addr: u32::from_ne_bytes(ip) },
            sin_zero: [0; 8],
        }
    }

    pub fn bind(&self, fd: i32, ip: [u8; 4], port: u16) -> i32 {
        let address = Library::address(ip, port);
        (self.0.bind)(self.0.userdata, fd, (&raw const address).cast(), 16)
    }

    pub fn connect(&self, fd: i32, ip: [u8; 4], port: u16) -> i32 {
        let address = Library::address(ip, port);
        (self.0.connect)(self.0.userdata, fd, (&raw const address).cast(), 16)
    }

    pub fn listen(&self, fd: i32) -> i32 {
        (self.0.listen)(self.0.userdata, fd, 5)
    }

    pub fn accept(&self, fd: i32) -> i32 {
        (self.0.accept)(self.0.userdata, fd, ptr::null_mut(), ptr::null_mut())
    }

    pub fn read(&self, fd: i32, len: usize) -> Result<Vec<u8>, i32> {
        let mut buf = vec![0; len];
        let n = (self.0.read)(self.0.userdata, fd, buf.as_mut_ptr().cast(), len);
        buf.truncate(usize::try_from(n).map_err(|_| errno())?);
        Ok(buf)
    }

    pub fn write(&self, fd: i32, bytes: &[u8]) -> isize {
        (self.0.write)(self.0.userdata, fd, bytes.as_ptr().cast(), bytes.len())
    }

    pub fn close(&self, fd: i32) -> i32 {
        (self.0.close)(self.0.userdata, fd)
    }

    pub fn set_nonblocking(&self, fd: i32) {
        assert_eq!((self.0.fcntl)(self.0.userdata, fd, libc::F_SETFL, libc::O_NONBLOCK), 0);
    }

    pub fn sleep(&self, micros: u32) {
        assert_eq!((self.0.usleep)(self.0.userdata, micros), 0);
    }

    /// The time in microseconds.
    pub fn now(&self) -> i64 {
        let mut time = libc::timeval { tv_sec: 0, tv_usec: 0 };
        assert_eq!((self.0.gettimeofday)(self.0.userdata, &mut time, ptr::null_mut()), 0);
        time.tv_sec * 1_000_000 + time.tv_usec
    }

    /// The next packet of the stack; `None`: none within reach.
    pub fn receive(&self) -> Option<Sent> {
        let (mut buf, mut micros) = (vec![0_u8; 65_536], 0);
        let mut len = buf.len();
        assert_eq!(
            (self.0.netdev_receive)(self.0.userdata, buf.as_mut_ptr().cast(), &mut len, &mut micros),
            0
        );
        if len == 0 {
            return None;
        }
        let packet = SlicedPacket::from_ip(&buf[..len]).unwrap();
        let Some(TransportSlice::Tcp(tcp)) = packet.transport else { panic!("not TCP") };
        Some(Sent { tcp: tcp.to_header(), payload: tcp.payload().to_vec(), micros })
    }

    /// A segment from the peer.
    pub fn send(&self, segment: Segment<'_>) {
        let mut builder =
            PacketBuilder::ipv4(PEER, LOCAL, 64).tcp(segment.ports.0, segment.ports.1, segment.seq, 65_535);
        if segment.flags.contains('S') {
            builder = builder.syn();
        }
        if segment.flags.contains('F') {
            builder = builder.fin();
        }
        if let Some(ack) = segment.ack {
            builder = builder.ack(ack);
        }
        let mut bytes = Vec::new();
        builder.write(&mut bytes, segment.payload).unwrap();
        assert_eq!((self.0.netdev_send)(self.0.userdata, bytes.as_ptr().cast(), bytes.len()), 0);
    }

    /// Opens a connection from the peer; the descriptor and our number after the SYN.
    pub fn accepted(&self) -> (i32, u32) {
        self.accepted_after(0)
    }

    /// As `accepted`, with so many microseconds of round trip.
    pub fn accepted_after(&self, micros: u32) -> (i32, u32) {
        let listener = self.socket();
        assert_eq!(self.bind(listener, LOCAL, PORT), 0);
        assert_eq!(self.listen(listener), 0);
        self.send(Segment { seq: 1000, flags: "S", ..Segment::default() });
        let answer = self.receive().expect("a SYN-ACK");
        assert!(answer.tcp.syn && answer.tcp.ack);
        assert_eq!(answer.tcp.acknowledgment_number, 1001);
        let seq = answer.tcp.sequence_number.wrapping_add(1);
        self.sleep(micros);
        self.send(Segment { seq: 1001, ack: Some(seq), ..Segment::default() });
        let fd = self.accept(listener);
        assert!(fd >= 0 && fd != listener);
        (fd, seq)
    }
}

/// A segment of the peer.
#[derive(Clone, Copy)]
pub struct Segment<'a> {
    pub ports: (u16, u16),
    pub seq: u32,
    pub ack: Option<u32>,
    pub flags: &'a str,
    pub payload: &'a [u8],
}

impl Default for Segment<'_> {
    fn default() -> Self {
        Segment { ports: (PEER_PORT, PORT), seq: 0, ack: None, flags: "", payload: &[] }
    }
}

pub fn errno() -> i32 {
    std::io::Error::last_os_error().raw_os_error().unwrap()
}
