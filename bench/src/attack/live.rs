//! A connection of the kernel's to the target, and its numbers, overheard.

use std::io::{Read, Write};
use std::net::{SocketAddr, SocketAddrV4, TcpStream};

use anyhow::Context;
use smoltcp::wire::TcpControl;

use super::link::{Link, PATIENCE};
use super::segment::Segment;

/// What is echoed.
const LINE: &[u8] = b"is it alive?";

/// A live connection.
pub struct Live {
    stream: TcpStream,
    /// Its end here.
    pub ours: SocketAddrV4,
    /// The target's end.
    target: SocketAddrV4,
    /// The number that the target expects next.
    next: u32,
    /// How many numbers from there on it takes.
    pub window: u32,
}

impl Live {
    /// Opens one, and has a line echoed on it.
    pub fn open(link: &mut Link, target: SocketAddrV4) -> anyhow::Result<Self> {
        let stream = TcpStream::connect_timeout(&target.into(), PATIENCE).context("connecting")?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let SocketAddr::V4(ours) = stream.local_addr()? else {
            anyhow::bail!("the kernel's end has no IPv4")
        };
        let mut live = Self { stream, ours, target, next: 0, window: 0 };
        anyhow::ensure!(live.echoes(), "the target does not echo");
        let (mut scale, mut last) = (0, None);
        while let Some(heard) = link.hear()? {
            if heard.to != ours {
                continue;
            }
            if heard.control == TcpControl::Syn {
                scale = heard.scale.unwrap_or(0).min(14);
            }
            last = Some(heard);
        }
        let last = last.context("the echo was not overheard: is this the interface towards the target?")?;
        live.next = last.ack.context("the target acknowledges nothing")?;
        live.window = u32::from(last.window) << scale;
        Ok(live)
    }

    /// Whether a line comes back.
    pub fn echoes(&mut self) -> bool {
        let mut answer = [0; LINE.len()];
        let done = self.stream.write_all(LINE).and_then(|()| self.stream.read_exact(&mut answer));
        done.is_ok() && answer == LINE
    }

    /// A segment in this connection's name, `offset` behind the number that the target expects.
    pub fn forge(&self, control: TcpControl, offset: u32) -> Segment {
        Segment { control, ..Segment::new(self.ours, self.target, self.next.wrapping_add(offset)) }
    }
}
