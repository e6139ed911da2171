use core::time::Duration;

use super::*;

#[test]
fn odd_mss_values_are_survived() {
    let config = TcpConfig::default();
    let mss = |mss| Negotiated::from(&TcpOptions { mss, ..TcpOptions::default() }, &config, 1460).mss;
    assert_eq!(
        [None, Some(0), Some(1), Some(48), Some(1400), Some(9000)].map(mss),
        [536, 536, 48, 48, 1400, 1460]
    );
}

#[test]
fn timestamps_take_room_from_the_payload() {
    let peer = TcpOptions {
        mss: Some(1460),
        timestamps: Some((5, 0)),
        window_scale: Some(7),
        ..TcpOptions::default()
    };
    let on = Negotiated::from(&peer, &TcpConfig::default(), 1460);
    assert_eq!(on, Negotiated { mss: 1448, scale: Some(7), timestamps: Some(5), sack: false });
    let off = TcpConfig { tcp_timestamps: false, tcp_window_scaling: false, ..TcpConfig::default() };
    let plain = Negotiated { mss: 1460, scale: None, timestamps: None, sack: false };
    assert_eq!(Negotiated::from(&peer, &off, 1460), plain);
}

#[test]
fn an_answer_offers_only_what_was_offered() {
    let config = TcpConfig::default();
    let plain = Negotiated::from(&TcpOptions::default(), &config, 1460);
    let answer = offer(&config, 1460, Some(&plain));
    assert_eq!((answer.mss, answer.window_scale, answer.timestamps), (Some(1460), None, None));
    let first = offer(&config, 1460, None);
    assert_eq!((first.window_scale, first.timestamps), (Some(7), Some((0, 0))));
}

#[test]
fn paws() {
    let now = Instant::ZERO + Duration::from_secs(100);
    let mut ts = Timestamps { offset: 0, recent: 10, recent_at: now.as_secs() };
    assert!(ts.is_old(9, now) && !ts.is_old(10, now) && !ts.is_old(11, now));
    ts.update(5, now);
    assert_eq!(ts.recent, 10);
    let later = now + Duration::from_secs(25 * 24 * 3600);
    assert!(!ts.is_old(5, later), "24 days idle");
    ts.update(5, later);
    assert_eq!(ts.recent, 5);
}
