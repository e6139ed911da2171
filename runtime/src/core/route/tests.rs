use super::*;

fn asked(origin: u16, first: u16, workers: u16) -> Vec<u16> {
    let mut route = Route::new(origin, first);
    std::iter::from_fn(|| route.next(workers)).collect()
}

#[test]
fn first_the_likely_one_then_the_others_each_once() {
    assert_eq!(asked(1, 3, 4), [3, 2, 0]);
    assert_eq!(asked(3, 0, 4), [0, 1, 2]);
    assert_eq!(asked(0, 1, 2), [1]);
    assert_eq!(asked(2, 2, 4), [3, 0, 1], "it arrived where it should");
    assert_eq!(asked(0, 9, 3), [1, 2], "nobody has that number");
    assert!(asked(0, 0, 1).is_empty());
    for (origin, first) in (0..5).flat_map(|origin| (0..5).map(move |first| (origin, first))) {
        let mut all = asked(origin, first, 5);
        all.sort_unstable();
        assert_eq!(all, (0..5).filter(|worker| *worker != origin).collect::<Vec<_>>(), "{origin} {first}");
    }
}

#[test]
fn the_last_one_knows_it() {
    let mut route = Route::new(0, 2);
    assert!(!route.is_over(3));
    assert_eq!((route.next(3), route.is_over(3)), (Some(2), false));
    assert_eq!((route.next(3), route.is_over(3)), (Some(1), true));
    assert_eq!(route.next(3), None);
}
