use proptest::prelude::*;

use super::*;

fn list(adds: &[(u32, u32)]) -> SackList {
    let mut list = SackList::default();
    adds.iter().for_each(|(from, to)| list.add(SeqNumber(*from), SeqNumber(*to)));
    list
}

fn blocks(list: &SackList) -> [Option<(u32, u32)>; 4] {
    let mut all = [None; 4];
    all.iter_mut().zip(list.blocks()).for_each(|(slot, (from, to))| *slot = Some((from.0, to.0)));
    all
}

/// The examples of RFC 2018 4 and what follows from them.
#[test]
fn the_latest_block_comes_first_and_touching_ones_merge() {
    assert_eq!(blocks(&list(&[(55, 60), (60, 65), (65, 70)])), [Some((55, 70)), None, None, None]);
    assert_eq!(
        blocks(&list(&[(55, 60), (70, 75), (85, 90)])),
        [Some((85, 90)), Some((70, 75)), Some((55, 60)), None]
    );
    assert_eq!(blocks(&list(&[(55, 60), (70, 75), (60, 70)])), [Some((55, 75)), None, None, None]);
    let five = [(10, 11), (20, 21), (30, 31), (40, 41), (50, 51)];
    assert_eq!(blocks(&list(&five)), [Some((50, 51)), Some((40, 41)), Some((30, 31)), Some((20, 21))]);
}

#[test]
fn what_is_acknowledged_leaves() {
    let mut all = list(&[(u32::MAX - 5, u32::MAX), (5, 10), (20, 30)]);
    all.advance(SeqNumber(7));
    assert_eq!(blocks(&all), [Some((20, 30)), Some((7, 10)), None, None]);
    all.advance(SeqNumber(30));
    assert_eq!(blocks(&all), [None; 4]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]
    /// Whatever arrives in whatever order: a block tells only what has arrived and lies beyond the ACK, the latest comes
    /// first, and no two touch.
    #[test]
    fn tells_only_what_has_arrived(base: u32, steps in prop::collection::vec((0usize..400, 1usize..30, 0usize..40), 1..60)) {
        let mut arrived = [false; 430];
        let (mut list, mut nxt) = (SackList::default(), 0);
        let at = |offset: usize| SeqNumber(base) + offset as u32; // below 430
        for (start, len, acked) in steps {
            arrived[start..start + len].fill(true);
            list.add(at(start), at(start + len));
            let (from, to) = list.blocks()[0];
            prop_assert!(from.at_or_before(at(start)) && to.at_or_after(at(start + len)), "the latest comes first");
            nxt = (nxt + acked).min(400);
            list.advance(at(nxt));
            for (index, (from, to)) in list.blocks().iter().enumerate() {
                let (from, to) = (from.since(at(0)) as usize, to.since(at(0)) as usize);
                prop_assert!(nxt <= from && from < to && arrived[from..to].iter().all(|there| *there));
                let apart = |(a, b): &(SeqNumber, SeqNumber)| b.before(at(from)) || a.after(at(to));
                prop_assert!(list.blocks()[index + 1..].iter().all(apart));
            }
        }
    }

    #[test]
    fn blocks_of_a_segment_are_kept_as_they_came(blocks in prop::collection::vec(any::<(u32, u32)>(), 0..8)) {
        let mut kept = Blocks::default();
        blocks.iter().for_each(|(start, end)| kept.push(SeqNumber(*start), SeqNumber(*end)));
        let expected = blocks.iter().take(KEPT).map(|(start, end)| (SeqNumber(*start), SeqNumber(*end)));
        prop_assert!(kept.as_slice().iter().copied().eq(expected));
        prop_assert_eq!(kept.is_empty(), blocks.is_empty());
    }
}
