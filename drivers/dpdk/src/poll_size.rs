//! How many frames a poll of the device asks for.

use crate::ffi::mempool::BATCH;

/// The least that is asked for, and the step: descriptors that vhost looks at together.
const STEP: usize = 4;

/// vhost takes a buffer for each frame that is asked for before it looks whether there is one, and gives the rest back: on a
/// port that is polled a million times a second, most of its time. So it is asked for somewhat more than came of late, and
/// asked again where that was too little. Others are asked for all that there is room for.
#[derive(Debug, Clone, Copy)]
pub enum PollSize {
    Whole,
    ByExperience(usize),
}

impl PollSize {
    /// For a port of this driver.
    pub fn of(driver: &[u8]) -> PollSize {
        if driver.starts_with(b"net_vhost") { PollSize::ByExperience(STEP) } else { PollSize::Whole }
    }

    /// Has the device asked by `ask` for as many frames as it says, until it has no more or `room` is taken. `ask` gives
    /// how many came, and how many were dropped; so does this, of all.
    pub fn poll(&mut self, room: usize, mut ask: impl FnMut(usize) -> (usize, u32)) -> (usize, u32) {
        let room = room.min(BATCH);
        let PollSize::ByExperience(expected) = self else { return ask(room) };
        let (mut came, mut dropped, mut most) = (0, 0, *expected);
        while came < room {
            let wanted = most.min(room - came);
            let (some, lost) = ask(wanted);
            came += some;
            dropped += lost;
            if some < wanted {
                break;
            }
            most *= 2;
        }
        *expected = (came + came / 2).next_multiple_of(STEP).clamp(STEP, BATCH);
        (came, dropped)
    }
}

#[cfg(test)]
mod tests;
