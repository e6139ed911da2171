use alloc::string::ToString;

use super::*;

#[test]
fn names_are_those_of_linux() {
    for kind in CongestionControl::ALL {
        assert_eq!(kind.to_string().parse(), Ok(kind));
    }
    assert_eq!("cubic".parse(), Ok(CongestionControl::default()));
    for wrong in ["", "Cubic", "bbr2", "newreno", "cubic\0"] {
        assert_eq!(wrong.parse::<CongestionControl>(), Err(Error::InvalidInput), "{wrong:?}");
    }
}
