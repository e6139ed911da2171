//! The words that drivers and stack share: buffers ([`Packet`], [`Chunk`], [`Pool`]), the traits of a
//! device ([`Nic`], [`Queue`]) and what passes between them ([`RxBurst`], [`TxBurst`]).
//!
//! ```text
//!  device ring --> Queue::receive --> RxBurst --> netstack --> Chunk --> application
//!  device ring <-- Queue::transmit <-- TxBurst <-- netstack <-- Chunk <-- application
//! ```
//!
//! Nothing here makes a system call or knows a protocol. All buffer types are `!Send`: a pool, its
//! packets and the queue that feeds it belong to one core.

mod burst;
mod chunk;
mod info;
mod packet;
mod pool;
mod queue;

pub use burst::{Checksum, ChecksumOffload, RxBurst, RxFrame, TxBurst, TxFrame, TxOffload};
pub use chunk::Chunk;
pub use info::{MacAddress, Medium, NicInfo, Offloads, Rss};
pub use packet::Packet;
pub use pool::{Memory, Pool, PoolConfig, PoolStats, prefetch};
pub use queue::{Nic, Queue, QueueId, QueueStats};
