//! Deciding that bytes are lost. RACK, TLP, PRR, F-RTO and the scoreboard join NewReno here.

mod newreno;

pub(crate) use newreno::{NewReno, Verdict};
