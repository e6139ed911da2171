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

/// Inputs of `fuzz_frames` that once failed, by seed and index.
#[test]
fn conversations_that_found_something() {
    for (seed, index) in [
        (1_795_826_311_558_475, 128), // an old SYN-ACK taken after a new one was sent
        (101, 7296),                  // data behind the FIN, told by SACK
        (101, 103_303),               // a connection opened once more by its SYN cookie
        (202, 57_818),                // a half-open connection given up early, its SYN-ACK taken later
        (606, 14_036),                // the same initial number twice, while time stood still
        (808, 7536),                  // a SYN cookie with another number of the peer's
        (448_234_743, 227_392), // a SYN cookie that opens the connection after another SYN-ACK was given up
    ] {
        conversation(&input(seed, index));
    }
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
