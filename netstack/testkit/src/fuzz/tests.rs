use super::*;

#[test]
fn without_an_attack_all_works() {
    frames(&[]);
    options(&[]);
    conversation(&[]);
}

#[test]
fn seeded_conversations_keep_to_the_rules() {
    let read: u64 = (0..600).map(|index| conversation::talk(&input(3, index))).sum();
    assert!(read > 100_000, "they hardly talk: {read} bytes");
}

#[test]
fn seeded_attacks_are_survived() {
    for index in 0..300 {
        frames(&input(1, index));
    }
}

#[test]
fn seeded_options_are_survived() {
    for index in 0..300 {
        options(&input(2, index));
    }
}

#[test]
fn same_numbers_give_the_same_input() {
    assert_eq!(input(5, 17), input(5, 17));
    assert_ne!(input(5, 17), input(5, 18));
    assert_ne!(input(5, 17), input(6, 17));
}
