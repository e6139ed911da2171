use super::*;

#[test]
fn what_was_filled_in_matches_and_nothing_else_does() {
    let pattern = Pattern::between(1000, 80);
    let mut bytes = [0; 100];
    pattern.fill(0, &mut bytes);
    let mut part = [0; 33];
    pattern.fill(13, &mut part);
    assert_eq!(part, bytes[13..46]);
    assert_eq!(pattern.mismatch(13, &part), None);
    assert!(pattern.mismatch(12, &part).is_some(), "a moved byte shows");
    assert!(Pattern::between(80, 1000).mismatch(13, &part).is_some(), "another stream shows");
    part[20] ^= 1;
    assert_eq!(pattern.mismatch(13, &part), Some(20));
}
