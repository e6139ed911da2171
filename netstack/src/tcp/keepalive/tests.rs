use super::*;

const ALL: [Keepalive; 9] = [
    Keepalive::LINUX,
    Keepalive::MACOS,
    Keepalive::WINDOWS,
    Keepalive::WEB,
    Keepalive::DATABASE_POOL,
    Keepalive::FINANCE,
    Keepalive::REAL_TIME,
    Keepalive::NAT,
    Keepalive::IOT,
];

#[test]
fn the_ready_made_settings_can_be_set_and_give_up_when_the_table_says() {
    let after: [u64; 9] = [7875, 7800, 7210, 120, 60, 16, 5, 220, 1200];
    for (keepalive, seconds) in ALL.iter().zip(after) {
        assert_eq!(keepalive.check(), Ok(()), "{keepalive:?}");
        assert_eq!(keepalive.gives_up_after(), Duration::from_secs(seconds), "{keepalive:?}");
    }
    assert_eq!(Keepalive::configured(&TcpConfig::default()), Keepalive::LINUX);
}

#[test]
fn linux_bounds_hold() {
    let one = Duration::from_secs(1);
    for wrong in [
        Keepalive { time: Duration::ZERO, ..Keepalive::WEB },
        Keepalive { time: MAX_TIME + one, ..Keepalive::WEB },
        Keepalive { interval: Duration::ZERO, ..Keepalive::WEB },
        Keepalive { interval: MAX_TIME + one, ..Keepalive::WEB },
        Keepalive { probes: 0, ..Keepalive::WEB },
        Keepalive { probes: 128, ..Keepalive::WEB },
    ] {
        assert_eq!(wrong.check(), Err(Error::InvalidInput), "{wrong:?}");
    }
}
