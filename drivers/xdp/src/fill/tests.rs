use super::*;

#[test]
fn follows_what_piles_up() {
    let mut fill = FillTarget::new(4096);
    assert_eq!(fill.get(), 512);
    fill.observe(128);
    assert_eq!(fill.get(), 512, "four times as many are there");
    fill.observe(129);
    assert_eq!(fill.get(), 1024);
    fill.observe(700);
    assert_eq!(fill.get(), 4096);
    fill.observe(u32::MAX);
    assert_eq!(fill.get(), 4096, "never more than there may be");
}

#[test]
fn a_surplus_is_given_up_slowly() {
    let mut fill = FillTarget::new(4096);
    fill.observe(1000);
    let periods = |fill: &mut FillTarget, waiting: u32| (0..PERIOD).for_each(|_| fill.observe(waiting));
    periods(&mut fill, 1);
    assert_eq!(fill.get(), 4096, "the peak was in this period");
    periods(&mut fill, 1);
    assert_eq!(fill.get(), 2048);
    periods(&mut fill, 130);
    assert_eq!(fill.get(), 2048, "it is used");
    (0..5).for_each(|_| periods(&mut fill, 1));
    assert_eq!(fill.get(), 512, "never less than it starts with");
}

#[test]
fn small_pools_have_small_rings() {
    let mut fill = FillTarget::new(64);
    fill.observe(64);
    assert_eq!(fill.get(), 64);
    (0..2 * PERIOD).for_each(|_| fill.observe(1));
    assert_eq!(fill.get(), 64);
}
