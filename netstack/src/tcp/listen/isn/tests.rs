use core::net::Ipv4Addr;
use core::time::Duration;

use super::*;

#[test]
fn grows_with_time_and_differs_by_tuple_and_secret() {
    let tuple = FourTuple {
        local: Ipv4Addr::new(10, 0, 0, 1),
        remote: Ipv4Addr::new(10, 0, 0, 2),
        local_port: 80,
        remote_port: 5000,
    };
    let other = FourTuple { remote_port: 5001, ..tuple };
    let isn = Isn::new([[1; 16], [2; 16]]);
    let (a, b) =
        (isn.sequence(&tuple, Instant::ZERO), isn.sequence(&tuple, Instant::ZERO + Duration::from_secs(1)));
    assert_eq!(b.since(a), 250_000);
    assert_ne!(a, isn.sequence(&other, Instant::ZERO));
    assert_ne!(a, Isn::new([[3; 16], [2; 16]]).sequence(&tuple, Instant::ZERO));
    assert_eq!(isn.timestamp_offset(&tuple), isn.timestamp_offset(&other));
}
