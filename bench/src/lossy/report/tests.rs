use super::*;
use crate::talk::report::Talk;

fn transfer(goodput: f64, wrong: u64, ending: Ending) -> Transfer {
    let counted = [("TcpRetransSegs".to_owned(), 3), ("TcpExtTCPTimeouts".to_owned(), 1)].into();
    let talk = Talk { received: 1, wrong, seconds: 1.0, ending, counted };
    Transfer { receiver: talk.clone(), sender: Some(talk), forwarder: Default::default(), goodput }
}

fn series(corelane: Vec<Transfer>) -> Series {
    let network = Network { loss: 1.0, rtt_ms: 10.0, disorder: false, rate_mbit: 100 };
    let kernel = [40.0, 10.0, 20.0].map(|goodput| transfer(goodput, 0, Ending::Cut)).to_vec();
    Series { network, direction: Direction::Out, kernel, corelane }
}

fn report(series: Series) -> Report {
    Report { congestion: "cubic".to_owned(), mib: 1, seconds: 1.0, least: 0.8, seed: 1, series: vec![series] }
}

#[test]
fn the_ratio_is_that_of_the_medians() {
    let fast = series([16.0, 90.0, 1.0].map(|goodput| transfer(goodput, 0, Ending::Eof)).to_vec());
    assert_eq!(fast.ratio(), 0.8);
    let good = report(fast);
    assert!(good.is_good());
    assert!(good.table().contains(" 20.00 |"), "{}", good.table());
    assert!(good.table().contains("3/1"), "{}", good.table());
    let slow = series([15.0, 90.0, 1.0].map(|goodput| transfer(goodput, 0, Ending::Eof)).to_vec());
    assert!(!report(slow).is_good());
}

#[test]
fn a_wrong_byte_or_a_broken_connection_is_bad_at_any_speed() {
    for bad in [transfer(90.0, 1, Ending::Eof), transfer(90.0, 0, Ending::Error("TimedOut".to_owned()))] {
        let broken = report(series(vec![transfer(90.0, 0, Ending::Eof), bad]));
        assert!(!broken.is_good());
        assert!(broken.table().contains("NOT INTACT"), "{}", broken.table());
    }
}
