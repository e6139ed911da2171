//! Opens the best driver that a machine can have, and says why the better ones were not taken.
//!
//! ```
//! use corelane_drivers::{Driver, DriverKind, NicConfig, open};
//! let config = NicConfig { driver: Driver::Named(vec![DriverKind::Sim]), ..NicConfig::default() };
//! let opened = open(&config)?;
//! assert_eq!(opened.nic.info().driver, "sim");
//! # Ok::<(), corelane_drivers::OpenError>(())
//! ```
//!
//! Features `xdp` and `tap` (both on by default) choose what is compiled in.

mod config;
mod driver;
mod error;
mod open;

pub use config::{DpdkOffloads, DpdkSettings, NicConfig, XdpMode};
pub use driver::{Driver, DriverKind, ParseError};
pub use error::{OpenError, Skipped};
pub use open::{Opened, open};

/// The in-memory link, for tests and benches: two hosts in one process.
pub use corelane_sim as sim;
