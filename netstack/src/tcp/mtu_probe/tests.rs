use super::*;

#[test]
fn the_search_halves_what_is_in_doubt() {
    // A path that takes 1000 bytes.
    let mut search = Search::new(564, 1500, Instant::ZERO);
    let mut tried = 0;
    while let Some(mtu) = search.next(1500, 8) {
        tried += 1;
        if mtu <= 1000 { search.low = mtu } else { search.high = mtu - 1 }
    }
    assert!((993..=1000).contains(&search.low) && tried <= 7, "{search:?} after {tried}");
}

#[test]
fn bounds_that_cross_end_it() {
    assert_eq!(Search::new(1076, 600, Instant::ZERO), Search::new(600, 600, Instant::ZERO));
    assert_eq!(Search::new(600, 600, Instant::ZERO).next(1500, 8), None);
    assert_eq!(Search::new(600, 1500, Instant::ZERO).next(500, 8), None, "a router takes less");
    assert_eq!(Search::new(600, 1500, Instant::ZERO).next(607, 8), None);
    assert_eq!(Search::new(600, 1500, Instant::ZERO).next(608, 8), Some(604));
}
