use super::*;

fn at(seconds: u64) -> Instant {
    Instant::ZERO + Duration::from_secs(seconds)
}

fn server(n: u32) -> Ipv4Addr {
    Ipv4Addr::from(0x0a00_0000 + n)
}

fn cookie(n: u8) -> Option<FastOpenCookie> {
    FastOpenCookie::new(&[n; 8])
}

#[test]
fn remembers_the_servers_that_it_used_last() {
    let mut cache = CookieCache::default();
    for n in 0..300 {
        cache.learn(server(n), 1460, cookie(1), false, at(u64::from(n)));
        cache.get(server(0), at(u64::from(n))); // is used all along
    }
    assert_eq!(cache.known.len(), CACHE);
    let mut knows = |n| cache.get(server(n), at(1000)).is_some();
    assert!(knows(0) && knows(299) && knows(46));
    assert!(!knows(1) && !knows(44));
}

#[test]
fn a_new_cookie_takes_the_old_ones_place() {
    let mut cache = CookieCache::default();
    cache.learn(server(1), 1460, None, false, at(0));
    assert!(cache.get(server(1), at(0)).is_none(), "nothing to remember");
    cache.learn(server(1), 1460, cookie(1), false, at(0));
    cache.learn(server(1), 1400, cookie(2), false, at(0));
    cache.learn(server(1), 1300, None, false, at(0));
    let known = cache.get(server(1), at(0)).unwrap();
    assert_eq!((known.cookie, known.mss), (cookie(2), 1400));
}

#[test]
fn lost_syns_keep_data_out_of_the_next_for_longer_and_longer() {
    let mut cache = CookieCache::default();
    for (now, until) in [(0, 60), (100, 220), (300, 540)] {
        cache.learn(server(1), 1460, cookie(1), true, at(now));
        assert_eq!(cache.get(server(1), at(now)).unwrap().blocked_until, at(until));
    }
    cache.learn(server(1), 1460, None, false, at(600));
    cache.learn(server(1), 1460, None, true, at(700));
    assert_eq!(cache.get(server(1), at(700)).unwrap().blocked_until, at(760));
}
