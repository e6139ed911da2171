//! The conversation of a seed, the same for everyone who draws it.
//!
//! Both sides talk in rounds: in each, each side writes what is its own and reads what is the other's, at the same time.
//! After the last one the side that acts next hears that all has arrived. Nothing is on its way then, and so what each side
//! sees of the ending hangs on TCP alone, and not on what was quicker.

use std::time::Duration;

use corelane_drivers::sim::Rng;

use super::args::Side;

/// A write, and the pause before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Write {
    /// Before it.
    pub pause: Duration,
    /// Bytes.
    pub size: usize,
}

/// What each side writes: a's, b's.
pub type Round = [Vec<Write>; 2];

/// How it ends. One side is the first to act, see [`Plan::first`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finish {
    /// The first closes; the other reads the end and closes too.
    Close,
    /// Both end their direction at once, and read the end of the other's.
    Both,
    /// The first ends its direction; the other reads the end, writes on for a while, closes. The first reads all of it.
    HalfClose,
    /// The first writes what is said afterwards and closes at once; the other reads all of it, and the end.
    CloseSending,
    /// The first closes with SO_LINGER 0: the other is reset.
    Abort,
    /// The first writes what is said afterwards and closes with SO_LINGER 0: of what is on its way some arrives, and then the
    /// reset.
    AbortSending,
    /// The other writes something, of which the first reads half and closes: the other is reset.
    Unread,
    /// The first closes; the other reads the end, and writes nevertheless, until that fails.
    WriteOn,
}

impl Finish {
    /// Whether it hangs on who was quicker how much the other side receives.
    pub fn is_a_race(self) -> bool {
        self == Self::AbortSending
    }
}

const FINISHES: [Finish; 8] = [
    Finish::Close,
    Finish::Both,
    Finish::HalfClose,
    Finish::CloseSending,
    Finish::Abort,
    Finish::AbortSending,
    Finish::Unread,
    Finish::WriteOn,
];

/// What the forwarder does meanwhile.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Weather {
    /// Losses in per cent.
    pub loss: f64,
    /// The round-trip time.
    pub rtt: Duration,
    /// Whether some segments are overtaken and some arrive twice.
    pub disorder: bool,
}

/// A conversation.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Who listens.
    pub listener: Side,
    /// What is said.
    pub rounds: Vec<Round>,
    /// How it ends.
    pub finish: Finish,
    /// Who acts first at the end.
    pub first: Side,
    /// What is still said at the end, by the one side that says something then.
    pub afterwards: Vec<Write>,
    /// The network.
    pub weather: Weather,
}

impl Plan {
    /// The plan of a seed.
    pub fn draw(seed: u64) -> Self {
        let mut rng = Rng::new(seed ^ 0x7461_6c6b); // not the forwarder's numbers
        let side = |number: u64| if number == 0 { Side::A } else { Side::B };
        // Eight seeds in a row have the eight endings, sixteen both sides of each.
        let finish = FINISHES[(seed % 8) as usize]; // below 8
        let first = side(seed / 8 % 2);
        let listener = side(rng.below(2));
        let rounds = 1 + rng.below(4);
        let rounds = (0..rounds).map(|_| [writes(&mut rng), writes(&mut rng)]).collect();
        let afterwards = writes(&mut rng);
        let one_of = |rng: &mut Rng, values: [f64; 3]| values[rng.below(3) as usize]; // below 3
        let weather = Weather {
            loss: one_of(&mut rng, [0.0, 1.0, 3.0]),
            rtt: Duration::from_secs_f64(one_of(&mut rng, [0.0, 0.01, 0.04])),
            disorder: rng.below(2) == 1,
        };
        Self { listener, rounds, finish, first, afterwards, weather }
    }
}

/// Up to six writes from 1 to some 64,000 bytes, small ones as often as large ones.
fn writes(rng: &mut Rng) -> Vec<Write> {
    let count = rng.below(7);
    let write = |_| {
        let most = 1_u64 << rng.below(17); // 65,536 at most
        let size = 1 + rng.below(most) as usize;
        let pause = if rng.below(3) == 0 { rng.below(50) } else { 0 };
        Write { pause: Duration::from_millis(pause), size }
    };
    (0..count).map(write).collect()
}

/// Bytes of some writes.
pub fn total(writes: &[Write]) -> u64 {
    writes.iter().map(|write| write.size as u64).sum() // usize is at most 64 bits
}

#[cfg(test)]
mod tests;
