use super::*;

#[test]
fn ranges_join_where_they_meet() {
    let mut ranges = Ranges::default();
    for (start, end) in [(10, 20), (30, 40), (20, 22), (50, 50), (5, 11)] {
        ranges.add(start, end);
    }
    assert!(ranges.holds(5, 22) && ranges.holds(30, 40) && ranges.holds(7, 7));
    assert!(!ranges.holds(4, 6) && !ranges.holds(21, 31) && !ranges.holds(50, 51));
    ranges.add(0, 100);
    assert_eq!(ranges.0.len(), 1);
    assert!(ranges.holds(0, 100) && !ranges.holds(0, 101));
}
