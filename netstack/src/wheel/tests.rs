use super::*;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::time::Duration;
use proptest::prelude::*;

const TICK: u64 = 1 << TICK_SHIFT;

fn at(nanos: u64) -> Instant {
    Instant::from_nanos(nanos)
}

#[test]
fn fires_in_order_and_never_early() {
    let mut wheel = Wheel::new(at(5));
    let deadlines = [9, 7, TICK - 1, TICK, TICK + 1, 64 * TICK, 4096 * TICK + 3, u64::MAX - 1, u64::MAX];
    for deadline in deadlines {
        wheel.insert(at(deadline), deadline);
    }
    let mut sorted = deadlines;
    sorted.sort_unstable();
    for deadline in sorted {
        assert_eq!(wheel.next_deadline(), Some(at(deadline)));
        assert_eq!(wheel.expire(at(deadline - 1)), None);
        assert_eq!(wheel.expire(at(deadline)), Some(deadline));
    }
    assert!(wheel.is_empty());
    assert_eq!(wheel.next_deadline(), None);
}

#[test]
fn equal_deadlines_fire_in_the_order_of_insertion_within_the_current_tick() {
    let mut wheel = Wheel::new(at(0));
    for i in 0..5 {
        wheel.insert(at(10), i);
    }
    let fired: Vec<i32> = core::iter::from_fn(|| wheel.expire(at(10))).collect();
    assert_eq!(fired, [0, 1, 2, 3, 4]);
}

#[test]
fn removed_timers_never_fire_and_ids_are_not_reused() {
    let mut wheel = Wheel::new(at(0));
    let first = wheel.insert(at(10 * TICK), 1);
    assert_eq!(wheel.remove(first), Some(1));
    let second = wheel.insert(at(10 * TICK), 2);
    assert_eq!(wheel.remove(first), None);
    assert_eq!(wheel.expire(at(20 * TICK)), Some(2));
    assert_eq!(wheel.remove(second), None);
}

#[test]
fn rearming_without_time_passing_does_not_grow_the_heap() {
    let mut wheel = Wheel::new(at(0));
    wheel.insert(at(5), 0);
    for i in 0..100_000 {
        let id = wheel.insert(at(10), i);
        assert_eq!(wheel.remove(id), Some(i));
    }
    assert!(wheel.heap.len() <= 64, "{}", wheel.heap.len());
    assert_eq!(wheel.expire(at(100)), Some(0));
    assert_eq!(wheel.expire(at(100)), None);
}

#[test]
fn crowded_slot_gives_its_start_and_then_the_deadline() {
    let mut wheel = Wheel::new(at(0));
    for i in 0..100 {
        wheel.insert(at(3 * TICK + 500 + i), i);
    }
    let start = at(3 * TICK);
    assert_eq!(wheel.next_deadline(), Some(start));
    assert_eq!(wheel.expire(start), None);
    assert_eq!(wheel.next_deadline(), Some(start + Duration::from_nanos(500)));
}

#[test]
fn sleeping_until_the_deadline_wakes_at_most_once_a_level() {
    let mut wheel = Wheel::new(at(12_345));
    let deadline = 123_456_789_012_345;
    for i in 0..100 {
        wheel.insert(at(deadline), i);
    }
    let mut wakes = 0;
    while let Some(next) = wheel.next_deadline().filter(|next| *next < at(deadline)) {
        assert_eq!(wheel.expire(next), None);
        wakes += 1;
    }
    assert!(wakes <= LEVELS, "{wakes}");
    assert_eq!(wheel.next_deadline(), Some(at(deadline)));
}

#[test]
fn what_is_coming_is_named_before_it_fires() {
    let mut wheel = Wheel::new(at(0));
    for i in 0..20 {
        wheel.insert(at(5 * TICK + i), i as usize);
    }
    let mut coming = Vec::new();
    let mut fired = Vec::new();
    while let Some(value) = wheel.expire(at(6 * TICK)) {
        coming.extend(wheel.coming());
        fired.push(value);
    }
    assert_eq!(fired, (0..20).collect::<Vec<_>>());
    assert_eq!(coming, fired[1 + AHEAD / 2..], "each but the first few");
}

#[test]
fn a_run_that_never_ends_does_not_grow() {
    let mut wheel = Wheel::new(at(0));
    // Looked at in the middle of each tick: the timer at its end always still waits when the next tick comes.
    for tick in 1..2000 {
        wheel.insert(at(tick * TICK + TICK / 4), 2 * tick);
        wheel.insert(at((tick + 1) * TICK - 1), 2 * tick + 1);
    }
    for tick in 1..2000 {
        let now = at(tick * TICK + TICK / 2);
        let fired: Vec<u64> = core::iter::from_fn(|| wheel.expire(now)).collect();
        let late = (tick > 1).then_some(2 * tick - 1);
        assert_eq!(fired, late.into_iter().chain([2 * tick]).collect::<Vec<_>>());
        assert!(wheel.run.len() <= 3, "tick {tick}: {}", wheel.run.len());
    }
}

#[test]
fn removing_most_timers_of_a_slot_and_of_a_run_leaves_the_others() {
    let mut wheel = Wheel::new(at(0));
    let ids: Vec<_> = (0..1000_u64).map(|i| wheel.insert(at(3 * TICK + i), i)).collect();
    let (slot, run) = ids.split_at(500);
    for id in &slot[1..] {
        assert!(wheel.remove(*id).is_some());
    }
    assert!(wheel.slots[0][3].names.len() < 2 * 501 + FEW_GONE);
    assert_eq!(wheel.expire(at(3 * TICK)), Some(0), "from here on it is a run");
    for id in &run[1..] {
        assert!(wheel.remove(*id).is_some());
    }
    assert!(wheel.run.len() - wheel.fired <= 2 + FEW_GONE, "{}", wheel.run.len());
    assert_eq!(wheel.next_deadline(), Some(at(3 * TICK + 500)));
    assert_eq!(wheel.expire(at(4 * TICK)), Some(500));
    assert!(wheel.is_empty());
    assert_eq!(wheel.expire(at(5 * TICK)), None);
}

#[derive(Debug, Clone)]
enum Step {
    Insert(u64),
    Remove(usize),
    Advance(u64),
    AdvanceToDeadline,
}

/// Spans of all magnitudes, from within a tick to the end of time.
fn span() -> impl Strategy<Value = u64> {
    (0_u32..64, any::<u64>()).prop_map(|(bits, value)| value & (u64::MAX >> bits))
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => span().prop_map(Step::Insert),
        2 => any::<usize>().prop_map(Step::Remove),
        2 => (20_u32..64, any::<u64>()).prop_map(|(bits, value)| Step::Advance(value & (u64::MAX >> bits))),
        1 => Just(Step::AdvanceToDeadline),
    ]
}

/// The same timers in a sorted map.
struct Model {
    wheel: Wheel<u32>,
    timers: BTreeMap<(Instant, u32), TimerId>,
    ids: Vec<(TimerId, Instant, u32)>,
    now: Instant,
}

impl Model {
    fn run(&mut self, step: &Step) {
        match *step {
            Step::Insert(after) => {
                let (deadline, value) = (self.now + Duration::from_nanos(after), self.ids.len() as u32);
                let id = self.wheel.insert(deadline, value);
                self.timers.insert((deadline, value), id);
                self.ids.push((id, deadline, value));
            }
            Step::Remove(which) if !self.ids.is_empty() => {
                let (id, deadline, value) = self.ids[which % self.ids.len()];
                let live = self.timers.remove(&(deadline, value)).is_some();
                assert_eq!(self.wheel.remove(id), live.then_some(value));
            }
            Step::Remove(_) => {}
            Step::Advance(by) => self.expire(self.now + Duration::from_nanos(by)),
            Step::AdvanceToDeadline => {
                if let Some(next) = self.wheel.next_deadline() {
                    self.expire(next.max(self.now));
                }
            }
        }
        self.check();
    }

    fn expire(&mut self, now: Instant) {
        self.now = now;
        let mut last = Instant::ZERO;
        while let Some(value) = self.wheel.expire(now) {
            let (_, deadline, _) = self.ids[value as usize];
            assert!(self.timers.remove(&(deadline, value)).is_some(), "fired twice, or after its removal");
            assert!(last <= deadline && deadline <= now, "out of order, or early");
            last = deadline;
        }
        assert!(self.timers.keys().all(|(deadline, _)| *deadline > now), "late");
    }

    fn check(&self) {
        assert_eq!(self.wheel.len(), self.timers.len());
        let first = self.timers.keys().next().map(|(deadline, _)| *deadline);
        match (first, self.wheel.next_deadline()) {
            (None, None) => {}
            (Some(first), Some(next)) => {
                assert!(next <= first, "it would oversleep");
                assert!(next == first || self.timers.len() > EXACT, "not exact though few");
                // Otherwise an idle core would spin.
                assert!(next == first || next > self.now, "in the past though nothing is due");
            }
            (first, next) => panic!("{first:?} in the model, {next:?} in the wheel"),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn behaves_as_a_sorted_map(start in span(), steps in prop::collection::vec(step(), 1..80)) {
        let now = at(start);
        let mut model = Model { wheel: Wheel::new(now), timers: BTreeMap::new(), ids: Vec::new(), now };
        for step in steps {
            model.run(&step);
        }
        model.expire(at(u64::MAX));
        assert!(model.wheel.is_empty());
    }
}

#[test]
fn a_later_timer_in_the_heap_hides_no_earlier_one() {
    let millis = |ms| Instant::ZERO + Duration::from_millis(ms);
    let mut wheel = Wheel::new(Instant::ZERO);
    wheel.insert(millis(12), "late");
    // Its slot of 4.2 ms has begun, so it is in the heap; what comes now lies before it, in a slot.
    assert_eq!(wheel.expire(millis(9)), None);
    wheel.insert(millis(10), "early");
    assert_eq!(wheel.next_deadline(), Some(millis(10)));
    assert_eq!(wheel.expire(millis(11)), Some("early"));
    assert_eq!((wheel.expire(millis(11)), wheel.next_deadline()), (None, Some(millis(12))));
    assert_eq!(wheel.expire(millis(12)), Some("late"));
}
