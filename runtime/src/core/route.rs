//! In which order the workers are asked whose a frame is.

/// Where a frame that arrived on the wrong core has been.
///
/// First is asked the worker where it should have arrived, then all others in the order of their numbers. What nobody has is
/// refused by the one that is asked last.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Route {
    /// Where it arrived.
    origin: u16,
    /// Where it should have.
    first: u16,
    /// How many others were asked.
    asked: u16,
}

impl Route {
    pub(crate) fn new(origin: u16, first: u16) -> Route {
        Route { origin, first, asked: 0 }
    }

    /// Whether all of so many workers have been asked.
    pub(crate) fn is_over(&self, workers: u16) -> bool {
        self.asked + 1 >= workers
    }

    /// The next one to ask, of so many workers.
    pub(crate) fn next(&mut self, workers: u16) -> Option<u16> {
        if self.is_over(workers) {
            return None;
        }
        let is_known = self.first != self.origin && self.first < workers;
        let nth = usize::from(self.asked) - usize::from(is_known && self.asked > 0);
        self.asked += 1;
        if is_known && self.asked == 1 {
            return Some(self.first);
        }
        let others =
            (1..workers).map(|step| ((u32::from(self.origin) + u32::from(step)) % u32::from(workers)) as u16);
        others.filter(|worker| !is_known || *worker != self.first).nth(nth)
    }
}

#[cfg(test)]
mod tests;
