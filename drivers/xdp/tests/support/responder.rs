//! Answers ARP, ping and UDP, as the simplest stack would: by turning each frame around.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread::JoinHandle;

use corelane_nic::{
    MacAddress, Medium, Nic, Packet, Queue, QueueId, QueueStats, RxBurst, TxBurst, TxOffload,
};
use corelane_xdp::{XdpConfig, XdpMode, XdpNic};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::Bed;

/// Buffers of a queue.
pub const SLOTS: usize = 1024;

/// What a responder saw.
#[derive(Debug)]
pub struct Report {
    /// The mode that the queues were opened in.
    pub mode: XdpMode,
    /// Better modes that were refused.
    pub refused: usize,
    /// The counts of each queue.
    pub stats: Vec<QueueStats>,
    /// Free buffers of each queue when it was opened, at the end, and after it was closed.
    pub available: Vec<[usize; 3]>,
}

/// A thread in the host's namespace that answers until it is stopped.
pub struct Responder {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Report>,
}

impl Responder {
    /// Opens the device and starts to answer; `Err` when it can't be opened.
    pub fn start(bed: &Bed, config: XdpConfig) -> Result<Responder, String> {
        let stop = Arc::new(AtomicBool::new(false));
        let (ready, opened) = mpsc::channel();
        let flag = stop.clone();
        let thread = Bed::spawn(&bed.host, move || {
            let nic = XdpNic::open(&config).map_err(|error| format!("{error}: {}", error.remedy()));
            let mut nic = match nic {
                Ok(nic) => nic,
                Err(error) => {
                    ready.send(Err(error.clone())).expect("the test waits");
                    panic!("not opened: {error}");
                }
            };
            let queues: Vec<_> = (0..config.queues)
                .map(|id| Nic::open_queue(&mut nic, QueueId(id), SLOTS).expect("the queue opens"))
                .collect();
            ready.send(Ok(())).expect("the test waits");
            serve(&nic, queues, &flag)
        });
        opened.recv().expect("the thread says how it went").map(|()| Responder { stop, thread })
    }

    /// Stops, closes the device, and returns what was seen.
    pub fn stop(self) -> Report {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

fn serve(nic: &XdpNic, mut queues: Vec<Box<dyn Queue>>, stop: &AtomicBool) -> Report {
    let Medium::Ethernet(mac) = nic.info().medium else { panic!("not Ethernet") };
    let baseline: Vec<_> = queues.iter().map(|queue| queue.pool().available()).collect();
    let (mut rx, mut tx) = (RxBurst::with_capacity(64), TxBurst::with_capacity(64));
    while !stop.load(Ordering::Relaxed) {
        let mut busy = false;
        for queue in &mut queues {
            queue.receive(&mut rx);
            busy |= !rx.is_empty();
            while let Some(frame) = rx.pop() {
                let mut packet = frame.packet;
                if turn_around(&mut packet, mac) {
                    tx.push(packet, TxOffload::default());
                }
            }
            while !tx.is_empty() {
                queue.transmit(&mut tx);
            }
        }
        if !busy {
            let mut fds: Vec<_> = queues
                .iter_mut()
                .filter_map(|queue| queue.interrupt())
                .map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN))
                .collect();
            let timeout = Timespec { tv_sec: 0, tv_nsec: 20_000_000 };
            poll(&mut fds, Some(&timeout)).expect("poll");
        }
    }
    for queue in &mut queues {
        queue.transmit(&mut tx); // collects what was sent
    }
    let stats = queues.iter().map(|queue| queue.stats()).collect();
    let available = baseline.into_iter().zip(queues).map(|(before, queue)| {
        let pool = queue.pool().clone();
        let after = pool.available();
        drop(queue);
        [before, after, pool.available()]
    });
    Report { mode: nic.mode(), refused: nic.refused().len(), stats, available: available.collect() }
}

/// Makes the answer to a frame in its place; `false` when there is none.
fn turn_around(frame: &mut Packet, mac: MacAddress) -> bool {
    if frame.len() < 42 {
        return false;
    }
    frame.copy_within(6..12, 0);
    frame[6..12].copy_from_slice(&mac.0);
    match (frame[12], frame[13], frame[23]) {
        (8, 6, _) if frame[21] == 1 => {
            let ours: [u8; 4] = frame[38..42].try_into().expect("four bytes");
            frame[21] = 2;
            frame.copy_within(22..32, 32);
            frame[22..28].copy_from_slice(&mac.0);
            frame[28..32].copy_from_slice(&ours);
            frame.truncate(42);
            true
        }
        (8, 0, 1) if frame[34] == 8 => {
            swap(frame, 26, 30, 4);
            frame[34] = 0;
            // Type 8 became 0: RFC 1624 in its simplest form.
            let sum = u32::from(u16::from_be_bytes([frame[36], frame[37]])) + 0x0800;
            let sum = (sum & 0xffff) + (sum >> 16);
            frame[36..38].copy_from_slice(&(sum as u16).to_be_bytes());
            true
        }
        (8, 0, 17) => {
            // Swapping addresses and ports leaves both checksums right.
            swap(frame, 26, 30, 4);
            swap(frame, 34, 36, 2);
            true
        }
        _ => false,
    }
}

fn swap(frame: &mut Packet, a: usize, b: usize, len: usize) {
    for i in 0..len {
        frame.swap(a + i, b + i);
    }
}
