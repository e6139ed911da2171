//! Deciding that bytes are lost: by SACK blocks where the peer sends them, else by NewReno. RACK, TLP, PRR and F-RTO
//! join them here.

mod newreno;
mod scoreboard;

pub(crate) use newreno::{NewReno, Verdict};
pub(crate) use scoreboard::{Cause, Scoreboard};
