//! Two stacks in virtual time, and checkers of what they say.
//!
//! - [`World`]: two stacks on a [`corelane_sim::Link`]. Nothing sleeps: time jumps to the next arrival or deadline.
//! - [`Monitor`]: looks at each frame sent and received, and finds what TCP must never do.
//! - [`Script`]: one stack, and a peer that the test plays segment by segment.
//! - [`packet_script`]: the same by scripts in packetdrill's notation; `cargo run -p corelane-testkit -- script FILE...` plays them.
//! - [`transfer`]: seeded transfers under faults, with everything checked; the binary runs them by the thousand:
//!   `cargo run --release -p corelane-testkit -- --seeds 0..1000`.
//! - [`fuzz`]: inputs of a fuzzer as attacks on two stacks that talk; `cargo run --release -p corelane-testkit --bin fuzz_frames`.

mod dut;
mod failure;
mod forge;
pub mod fuzz;
mod host;
mod monitor;
pub mod packet_script;
mod pattern;
mod ranges;
mod script;
mod segment;
mod trace;
pub mod transfer;
mod world;

pub use dut::{PEER, US};
pub use failure::Failure;
pub use forge::Forged;
pub use host::Host;
pub use monitor::Monitor;
pub use pattern::Pattern;
pub use script::{Heard, Script, Spoken};
pub use segment::{Medium, Segment};
pub use trace::Trace;
pub use world::World;
