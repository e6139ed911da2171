//! Transfers drawn from a seed: connections both ways under faults, with every byte and every frame checked.

mod application;
mod plan;
mod run;

pub use plan::{ClosePlan, ConnectionPlan, Plan};
pub use run::{Outcome, run};
