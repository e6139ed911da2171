//! Deciding that bytes are lost: by SACK blocks where the peer sends them, else by NewReno. RACK, PRR and F-RTO
//! join them here.

mod newreno;
mod scoreboard;
mod tlp;

pub(crate) use newreno::{NewReno, Verdict};
pub(crate) use scoreboard::{Cause, Scoreboard};
pub(crate) use tlp::TailProbe;
