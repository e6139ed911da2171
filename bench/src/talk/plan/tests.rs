use super::*;

#[test]
fn the_same_seed_gives_the_same_plan_and_another_one_another() {
    assert_eq!(Plan::draw(7), Plan::draw(7));
    assert_ne!(Plan::draw(7), Plan::draw(23), "the same ending, and else all different");
}

#[test]
fn sixteen_seeds_have_all_endings_from_both_sides() {
    for finish in FINISHES {
        for first in [Side::A, Side::B] {
            let found = (0..16).map(Plan::draw).filter(|plan| (plan.finish, plan.first) == (finish, first));
            assert_eq!(found.count(), 1, "{finish:?} {first:?}");
        }
    }
}

#[test]
fn there_is_something_to_say_and_not_too_much() {
    let said: Vec<u64> = (0..100)
        .map(|seed| Plan::draw(seed).rounds.iter().flatten().map(|writes| total(writes)).sum())
        .collect();
    assert!(said.iter().all(|bytes| *bytes <= 8 * 6 * 65_536), "{said:?}");
    assert!(said.iter().sum::<u64>() > 1_000_000, "{said:?}");
}
