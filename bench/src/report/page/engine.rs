//! How an engine looks, the same in every chart: a colour, a marker and a line, so that none of them need be seen alone.

use crate::cli::Engine;

/// The marks of an engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// The class whose colour the style sheet has.
    pub class: &'static str,
    /// What stands at its points.
    pub marker: Marker,
    /// Whether its line is broken.
    pub dashed: bool,
}

/// The shape of a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Marker {
    /// A disc.
    Circle,
    /// Upright.
    Square,
    /// On its corner.
    Diamond,
    /// Its tip above.
    Up,
    /// Its tip below.
    Down,
}

/// How `engine` looks.
pub fn look(engine: Engine) -> Look {
    let (class, marker, dashed) = match engine {
        Engine::Bio => ("bio", Marker::Square, false),
        Engine::BioPool => ("bio-pool", Marker::Up, true),
        Engine::Epoll => ("epoll", Marker::Diamond, false),
        Engine::EpollLevel => ("epoll-level", Marker::Up, true),
        Engine::Mio => ("mio", Marker::Square, false),
        Engine::TokioMulti => ("tokio-multi", Marker::Down, true),
        Engine::EpollTuned => ("epoll-tuned", Marker::Square, true),
        Engine::EpollSpin => ("epoll-spin", Marker::Diamond, true),
        Engine::IoUring => ("io-uring", Marker::Up, false),
        Engine::Tokio => ("tokio", Marker::Down, false),
        Engine::Corelane => ("corelane", Marker::Circle, false),
        Engine::CorelaneKernel => ("corelane-kernel", Marker::Circle, true),
        Engine::CorelanePoll => ("corelane-poll", Marker::Square, true),
        Engine::CorelaneStack => ("corelane-stack", Marker::Up, true),
        Engine::Smoltcp => ("smoltcp", Marker::Down, false),
        Engine::SmoltcpSteps => ("smoltcp-steps", Marker::Down, true),
    };
    Look { class, marker, dashed }
}

impl Marker {
    /// The outline around a point.
    pub fn path(self, x: f64, y: f64) -> String {
        let size = 4.0;
        match self {
            Self::Circle => {
                format!(
                    "M{:.1} {y:.1}a{size} {size} 0 1 0 {} 0a{size} {size} 0 1 0 -{} 0z",
                    x - size,
                    2.0 * size,
                    2.0 * size
                )
            }
            Self::Square => format!("M{:.1} {:.1}h7v7h-7z", x - 3.5, y - 3.5),
            Self::Diamond => format!("M{x:.1} {:.1}l4.8 4.8l-4.8 4.8l-4.8 -4.8z", y - 4.8),
            Self::Up => format!("M{x:.1} {:.1}l4.6 8h-9.2z", y - 5.0),
            Self::Down => format!("M{x:.1} {:.1}l-4.6 -8h9.2z", y + 5.0),
        }
    }
}

#[cfg(test)]
mod tests;
