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
