use super::*;

fn at(ms: u64) -> Instant {
    Instant::from_nanos(ms * 1_000_000)
}

#[test]
fn a_steady_stream_is_measured_at_its_rate() {
    let mut rate = Rate::default();
    // 1000 bytes a millisecond, a round trip of 10 ms.
    let mut sent = alloc::collections::VecDeque::new();
    for ms in 0..50 {
        if ms >= 10 {
            let (snapshot, when): (Snapshot, Instant) = sent.pop_front().unwrap();
            let mut sampler = Sampler::default();
            let end = SeqNumber(ms as u32 * 1000);
            rate.segment_delivered(&mut sampler, &snapshot, when, end);
            let sample = rate.sample(&sampler, 1000, at(ms), Some(10_000_000)).unwrap();
            assert!(!sample.is_app_limited);
            if ms > 25 {
                assert_eq!(u64::from(sample.delivered) * 1_000_000 / sample.interval, 1000, "at {ms} ms");
            }
        }
        let snapshot = rate.sent(at(ms), sent.is_empty());
        sent.push_back((snapshot, at(ms)));
    }
    assert_eq!(rate.delivery_rate(), Some((1_000_000, false)));
}

#[test]
fn acks_in_a_clump_do_not_make_the_path_faster() {
    let mut rate = Rate::default();
    let first = rate.sent(at(0), true);
    let second = rate.sent(at(10), false);
    let mut sampler = Sampler::default();
    rate.segment_delivered(&mut sampler, &first, at(0), SeqNumber(1000));
    rate.sample(&sampler, 1000, at(30), None);
    let mut sampler = Sampler::default();
    rate.segment_delivered(&mut sampler, &second, at(10), SeqNumber(2000));
    let sample = rate.sample(&sampler, 1000, at(30), None).unwrap();
    assert_eq!((sample.delivered, sample.interval), (2000, 30_000_000));
}

#[test]
fn a_pause_of_the_application_marks_what_is_sent_after_it() {
    let mut rate = Rate::default();
    rate.app_limited(0);
    let snapshot = rate.sent(at(0), true);
    let mut sampler = Sampler::default();
    rate.segment_delivered(&mut sampler, &snapshot, at(0), SeqNumber(1000));
    assert!(rate.sample(&sampler, 1000, at(10), None).unwrap().is_app_limited);
    let snapshot = rate.sent(at(20), true);
    let mut sampler = Sampler::default();
    rate.segment_delivered(&mut sampler, &snapshot, at(20), SeqNumber(2000));
    assert!(!rate.sample(&sampler, 1000, at(30), None).unwrap().is_app_limited, "the pause is over");
}
