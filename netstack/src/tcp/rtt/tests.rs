use super::*;

const MS: fn(u64) -> Duration = Duration::from_millis;

#[test]
fn first_and_later_measurements() {
    let config = TcpConfig { tcp_rto_min: MS(1), ..TcpConfig::default() };
    let mut rtt = Rtt::new();
    assert_eq!(rtt.rto(&config), Duration::from_secs(1));
    rtt.measured(MS(100), &config);
    assert_eq!((rtt.srtt(), rtt.rttvar(), rtt.rto(&config)), (Some(MS(100)), Some(MS(50)), MS(300)));
    rtt.measured(MS(180), &config);
    // SRTT = 7/8 * 100 + 1/8 * 180; RTTVAR = 3/4 * 50 + 1/4 * 80
    assert_eq!(
        (rtt.srtt(), rtt.rttvar(), rtt.rto(&config)),
        (Some(MS(110)), Some(Duration::from_micros(57_500)), MS(340))
    );
}

#[test]
fn backs_off_to_the_ceiling_and_recovers() {
    let config = TcpConfig::default();
    let mut rtt = Rtt::new();
    rtt.measured(MS(1), &config);
    assert_eq!(rtt.rto(&config), MS(200));
    rtt.back_off();
    rtt.back_off();
    assert_eq!(rtt.rto(&config), MS(800));
    for _ in 0..300 {
        rtt.back_off();
    }
    assert_eq!(rtt.rto(&config), config.tcp_rto_max);
    rtt.restart();
    assert_eq!(rtt.rto(&config), MS(200));
}

#[test]
fn a_lost_syn_makes_the_first_rto_three_seconds() {
    let config = TcpConfig::default();
    let mut rtt = Rtt::new();
    rtt.syn_was_lost();
    assert_eq!(rtt.rto(&config), Duration::from_secs(3));
    rtt.measured(MS(1), &config);
    rtt.syn_was_lost();
    assert_eq!(rtt.rto(&config), MS(200));
}
