//! How far a comparison is: a bar on a terminal, a line for each part elsewhere.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::error::tell;

/// Of the whole comparison.
pub struct Progress {
    /// `None` where stderr is no terminal.
    bar: Option<ProgressBar>,
    started: Instant,
    /// As planned.
    total: Duration,
    /// Of [`Self::total`].
    done: Cell<Duration>,
    /// [`Self::done`] at the end of the stage.
    stage_end: Cell<Duration>,
    stage: Cell<usize>,
    stages: usize,
    /// What the stage is about.
    name: RefCell<String>,
}

impl Progress {
    /// Of so many stages, which take about `total` together.
    pub fn new(stages: usize, total: Duration) -> Self {
        let bar = io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(milliseconds(total));
            // Nothing ticks by itself: a thread that draws would run on the measured cores.
            if let Ok(style) = ProgressStyle::with_template("{bar:12} {percent:>3} %, {prefix}: {wide_msg}") {
                bar.set_style(style);
            }
            bar
        });
        let (done, stage_end) = (Cell::new(Duration::ZERO), Cell::new(Duration::ZERO));
        let (stage, name) = (Cell::new(0), RefCell::default());
        Self { bar, started: Instant::now(), total, done, stage_end, stage, stages, name }
    }

    /// The next stage begins, which takes about `time`. What the last one didn't need is passed over.
    pub fn stage(&self, name: impl fmt::Display, time: Duration) {
        self.done.set(self.stage_end.get());
        self.stage_end.set(self.done.get() + time);
        self.stage.set(self.stage.get() + 1);
        *self.name.borrow_mut() = name.to_string();
    }

    /// A part of the stage begins: a line, where there is no bar.
    pub fn part(&self, what: impl fmt::Display) {
        if self.bar.is_none() {
            tell(format_args!("{}: {what}{}\n", self.place(), self.left()));
        }
    }

    /// The next measurement begins; `what` says which.
    pub fn measure(&self, what: impl fmt::Display) {
        if let Some(bar) = &self.bar {
            bar.set_position(milliseconds(self.done.get()));
            bar.set_prefix(format!("stage {} of {}{}", self.stage.get(), self.stages, self.left()));
            // What changes comes first: a narrow terminal cuts the end off.
            bar.set_message(format!("{what}, {}", self.name.borrow()));
            bar.tick();
        }
    }

    /// A measurement is over that was planned to take so long.
    pub fn done(&self, time: Duration) {
        self.done.set((self.done.get() + time).min(self.stage_end.get()));
    }

    /// Says what was found, on a line of its own.
    pub fn note(&self, text: impl fmt::Display) {
        let line = format!("{}: {text}", self.place());
        match &self.bar {
            Some(bar) => bar.println(line),
            None => tell(format_args!("{line}\n")),
        }
    }

    fn place(&self) -> String {
        format!("[{}/{}] {}", self.stage.get(), self.stages, self.name.borrow())
    }

    /// In words, with a comma before them; empty as long as nobody knows.
    fn left(&self) -> String {
        let left = time_left(self.started.elapsed(), self.done.get(), self.total);
        left.map_or_else(String::new, |left| {
            let seconds = left.as_secs();
            format!(", {} min {} s left", seconds / 60, seconds % 60)
        })
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// As much as is planned, at the pace so far; `None` before anything is done.
fn time_left(elapsed: Duration, done: Duration, total: Duration) -> Option<Duration> {
    let pace = elapsed.as_secs_f64() / done.as_secs_f64();
    let left = total.saturating_sub(done).as_secs_f64() * pace;
    Duration::try_from_secs_f64(left).ok()
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
