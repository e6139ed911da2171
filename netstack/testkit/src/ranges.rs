//! Which numbers of a stream have been seen.

use std::collections::BTreeMap;

/// Numbers counted from the initial sequence number on, as ranges that don't touch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Ranges(BTreeMap<u32, u32>);

impl Ranges {
    /// Adds `start..end`.
    pub(crate) fn add(&mut self, mut start: u32, mut end: u32) {
        if start >= end {
            return;
        }
        // Those that overlap or touch it, from the last that starts at or before its end.
        while let Some((from, to)) = self.0.range(..=end).next_back().map(|(from, to)| (*from, *to))
            && to >= start
        {
            self.0.remove(&from);
            (start, end) = (start.min(from), end.max(to));
        }
        self.0.insert(start, end);
    }

    /// Whether all of `start..end` has been added.
    pub(crate) fn holds(&self, start: u32, end: u32) -> bool {
        start >= end || self.0.range(..=start).next_back().is_some_and(|(_, to)| *to >= end)
    }
}

#[cfg(test)]
mod tests;
