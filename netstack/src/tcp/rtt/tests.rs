use super::*;

fn ms(n: u64) -> u64 {
    n * 1_000_000
}

const MS: fn(u64) -> Duration = Duration::from_millis;

#[test]
fn first_and_later_measurements() {
    let config = TcpConfig { tcp_rto_min: MS(1), ..TcpConfig::default() };
    let mut rtt = Rtt::new();
    assert_eq!(Duration::from_nanos(rtt.rto(&config)), Duration::from_secs(1));
    rtt.measured(ms(100), SeqNumber(2), SeqNumber(1), &config);
    assert_eq!(
        (rtt.srtt(), rtt.rttvar(), Duration::from_nanos(rtt.rto(&config))),
        (Some(MS(100)), Some(MS(50)), MS(300))
    );
    rtt.measured(ms(180), SeqNumber(2), SeqNumber(1), &config);
    // SRTT = 7/8 * 100 + 1/8 * 180; RTTVAR = 3/4 * 50 + 1/4 * 80
    assert_eq!(
        (rtt.srtt(), rtt.rttvar(), Duration::from_nanos(rtt.rto(&config))),
        (Some(MS(110)), Some(Duration::from_micros(57_500)), MS(340))
    );
    // Where RFC 6298 takes a quarter of a fall, Linux takes an eighth of that: (100 - 57.5) / 4 / 8.
    rtt.measured(ms(10), SeqNumber(3), SeqNumber(3), &config);
    assert_eq!(
        (rtt.srtt(), rtt.rttvar()),
        (Some(Duration::from_micros(97_500)), Some(Duration::from_nanos(58_828_125)))
    );
}

#[test]
fn backs_off_to_the_ceiling_and_recovers() {
    let config = TcpConfig::default();
    let mut rtt = Rtt::new();
    rtt.measured(ms(1), SeqNumber(2), SeqNumber(1), &config);
    assert_eq!(Duration::from_nanos(rtt.rto(&config)), MS(201));
    rtt.back_off();
    rtt.back_off();
    assert_eq!(Duration::from_nanos(rtt.rto(&config)), MS(804));
    for _ in 0..300 {
        rtt.back_off();
    }
    assert_eq!(Duration::from_nanos(rtt.rto(&config)), config.tcp_rto_max);
    rtt.restart();
    assert_eq!(Duration::from_nanos(rtt.rto(&config)), MS(201), "tcp_rto_min bounds the variation");
}

#[test]
fn a_lost_syn_makes_the_first_rto_three_seconds() {
    let config = TcpConfig::default();
    let mut rtt = Rtt::new();
    rtt.syn_was_lost();
    assert_eq!(Duration::from_nanos(rtt.rto(&config)), Duration::from_secs(3));
    rtt.measured(ms(1), SeqNumber(2), SeqNumber(1), &config);
    rtt.syn_was_lost();
    assert_eq!(Duration::from_nanos(rtt.rto(&config)), MS(201));
}
