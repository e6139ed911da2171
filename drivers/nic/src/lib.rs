//! The words that drivers and stack share: buffers ([`Packet`], [`Chunk`], [`Pool`]), the traits of a
//! device ([`Nic`], [`Queue`]) and what passes between them ([`RxBurst`], [`TxBurst`]).
//!
//! ```text
//!  device ring --> Queue::receive --> RxBurst --> netstack --> Chunk --> application
//!  device ring <-- Queue::transmit <-- TxBurst <-- netstack <-- Chunk <-- application
//! ```
//!
//! Nothing here knows a protocol, or makes a system call but to advise the kernel on memory. All buffer types are
//! `!Send`: a pool, its packets and the queue that feeds it belong to one core.

mod advice;
mod burst;
mod chunk;
mod info;
mod packet;
mod pool;
mod queue;
mod rss;
mod span;

pub use advice::{prefetch, prefetch_lines};
pub use burst::{Checksum, ChecksumOffload, RxBurst, RxFrame, TxBurst, TxFrame, TxOffload};
pub use chunk::Chunk;
pub use info::{COPY_BELOW, MacAddress, Medium, NicInfo, Offloads, SUM_BELOW};
pub use packet::Packet;
pub use pool::{Memory, Pool, PoolConfig, PoolStats};
pub use queue::{LinkState, Nic, Queue, QueueId, QueueStats};
pub use rss::Rss;
