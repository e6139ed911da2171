use super::SeqNumber;
use proptest::prelude::*;

proptest! {
    #[test]
    fn order_holds_across_the_wrap(start: u32, ahead in 1u32..0x7fff_ffff) {
        let a = SeqNumber(start);
        let b = a + ahead;
        prop_assert!(a.before(b) && b.after(a) && !b.before(a));
        prop_assert!(a.at_or_before(b) && b.at_or_after(a) && a.at_or_before(a));
        prop_assert_eq!((b.since(a), a.since(b)), (ahead, 0));
        prop_assert_eq!((a.max(b), b.max(a)), (b, b));
        prop_assert_eq!(b - ahead, a);
    }

    /// Moving both by the same distance changes nothing, and distances add up.
    #[test]
    fn only_distances_count(a: u32, ahead in 0u32..0x7fff_ffff, shift: u32, more in 0u32..1000) {
        let (x, y) = (SeqNumber(a), SeqNumber(a) + ahead);
        prop_assert_eq!(x.before(y), (x + shift).before(y + shift));
        prop_assert_eq!((y + shift).since(x + shift), ahead);
        let mut z = x;
        z += ahead;
        prop_assert_eq!((z, z - more + more), (y, y));
    }
}
