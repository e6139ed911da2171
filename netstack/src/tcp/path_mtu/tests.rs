use super::*;

#[test]
fn the_least_of_all_counts() {
    let mut path = Path { full: 1500, learnt: None, search: None };
    assert_eq!(path.mtu(), 1500);
    path.learnt = Some((700, Instant::ZERO));
    assert_eq!(path.mtu(), 700);
    path.full = 600;
    assert_eq!(path.mtu(), 600, "a router that takes more says nothing");
}
