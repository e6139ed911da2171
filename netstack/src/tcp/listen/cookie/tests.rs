use core::net::Ipv4Addr;

use proptest::prelude::*;

use super::*;

const TUPLE: FourTuple = FourTuple {
    local: Ipv4Addr::new(10, 0, 0, 1),
    remote: Ipv4Addr::new(10, 0, 0, 2),
    local_port: 80,
    remote_port: 5000,
};

fn cookies() -> Cookies {
    Cookies::new([[1; 16], [2; 16]])
}

fn at(seconds: u64) -> Instant {
    Instant::ZERO + Duration::from_secs(seconds)
}

#[test]
fn lives_for_the_rest_of_its_period_and_one_more() {
    let (cookie, _) = cookies().make(&TUPLE, SeqNumber(9000), 1460, at(130));
    for (seconds, mss) in [(130, Some(1460)), (239, Some(1460)), (240, None), (100, None), (60 * 258, None)] {
        assert_eq!(cookies().check(&TUPLE, SeqNumber(9000), cookie, at(seconds)), mss, "at {seconds} s");
    }
}

#[test]
fn is_bound_to_addresses_ports_number_and_keys() {
    let (cookie, _) = cookies().make(&TUPLE, SeqNumber(9000), 1460, at(0));
    let check = |cookies: Cookies, tuple, irs| cookies.check(&tuple, SeqNumber(irs), cookie, at(0));
    assert_eq!(check(cookies(), TUPLE, 9000), Some(1460));
    assert_eq!(check(cookies(), FourTuple { remote_port: 5001, ..TUPLE }, 9000), None);
    assert_eq!(check(cookies(), FourTuple { local_port: 81, ..TUPLE }, 9000), None);
    assert_eq!(check(cookies(), FourTuple { remote: Ipv4Addr::new(10, 0, 0, 3), ..TUPLE }, 9000), None);
    assert_eq!(check(cookies(), TUPLE, 9000 + (1 << COOKIE_BITS)), None);
    for near in 1..100 {
        assert_eq!(check(cookies(), TUPLE, 9000 + near), None);
        assert_eq!(check(cookies(), TUPLE, 9000 - near), None);
    }
    assert_eq!(check(Cookies::new([[1; 16], [3; 16]]), TUPLE, 9000), None);
    assert_eq!(check(Cookies::new([[3; 16], [2; 16]]), TUPLE, 9000), None);
}

#[test]
fn holds_the_mss_rounded_down() {
    let kept = |mss| cookies().make(&TUPLE, SeqNumber(1), mss, at(0)).1;
    assert_eq!(
        [48, 535, 536, 1299, 1439, 1459, 1460, 8960].map(kept),
        [48, 48, 536, 536, 1300, 1440, 1460, 1460]
    );
}

/// What a peer sends back when it got `kept` by a cookie.
fn back(kept: Kept, now: Instant, config: &TcpConfig) -> Option<Kept> {
    let offset = 0xffff_fff0; // wraps
    let value = timestamp(&kept, now).wrapping_add(offset);
    let peer = TcpOptions {
        timestamps: kept.negotiated.timestamps.map(|value_of_peer| (value_of_peer, value)),
        ..TcpOptions::default()
    };
    recover(1460, &peer, offset, config, 1460)
}

proptest! {
    #[test]
    fn any_cookie_comes_back(
        irs: u32,
        ports: (u16, u16),
        remote: u32,
        mss in 48_u16..,
        made in 0_u64..1 << 40,
        later in 0_u64..60,
        guess: u32,
    ) {
        let tuple = FourTuple { remote: remote.into(), local_port: ports.0, remote_port: ports.1, ..TUPLE };
        let (irs, made, later) = (SeqNumber(irs), at(made % (1 << 31)), at(made % (1 << 31) + later));
        let (cookie, kept) = cookies().make(&tuple, irs, mss, made);
        prop_assert!(kept <= mss);
        prop_assert_eq!(cookies().check(&tuple, irs, cookie, later), Some(kept));
        // Ten in 2^32 are right: none of a few hundred is.
        prop_assert!(guess == cookie.0 || cookies().check(&tuple, irs, SeqNumber(guess), later).is_none());
    }

    #[test]
    fn options_survive_in_the_timestamp(
        scale in proptest::option::of(0_u8..15),
        sack: bool,
        ecn_ok: bool,
        millis in 64_u64..1 << 40,
    ) {
        let now = Instant::ZERO + Duration::from_millis(millis);
        let negotiated = Negotiated { mss: 1448, scale, timestamps: Some(77), sack };
        let kept = Kept { negotiated, ecn_ok };
        prop_assert_eq!(back(kept, now, &TcpConfig::default()), Some(kept));
        let age = Timestamps::value(0, now).wrapping_sub(timestamp(&kept, now));
        prop_assert!(age < 64, "{} ms back", age);
    }
}

#[test]
fn without_timestamps_only_the_mss_survives() {
    let negotiated = Negotiated { mss: 1460, scale: None, timestamps: None, sack: false };
    let kept = Kept { negotiated, ecn_ok: false };
    assert_eq!(back(kept, at(1), &TcpConfig::default()), Some(kept));
}

#[test]
fn what_we_never_offer_is_refused() {
    let negotiated = Negotiated { mss: 1448, scale: Some(7), timestamps: Some(1), sack: true };
    let kept = Kept { negotiated, ecn_ok: false };
    for config in [
        TcpConfig { tcp_sack: false, ..TcpConfig::default() },
        TcpConfig { tcp_window_scaling: false, ..TcpConfig::default() },
        TcpConfig { tcp_timestamps: false, ..TcpConfig::default() },
    ] {
        assert_eq!(back(kept, at(1), &config), None);
    }
}
