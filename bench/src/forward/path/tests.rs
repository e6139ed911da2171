use super::*;

const MS: Duration = Duration::from_millis(1);

/// A TCP segment of 1000 bytes with a number in it.
fn segment(number: u16) -> Vec<u8> {
    let mut frame = vec![0; 1000];
    (frame[12], frame[23]) = (0x08, 6);
    frame[998..].copy_from_slice(&number.to_be_bytes());
    frame
}

fn number(frame: &[u8]) -> u16 {
    u16::from_be_bytes([frame[998], frame[999]])
}

fn path(settings: Settings, seed: u64) -> Path {
    Path::new(Settings { queue: settings.queue.max(1), ..settings }, Rng::new(seed))
}

/// Sends `count` segments, `gap` apart; what arrives, and when.
fn pass(path: &mut Path, count: u16, gap: Duration) -> Vec<(u16, Duration)> {
    for index in 0..count {
        path.push(gap * u32::from(index), &segment(index));
    }
    let mut arrived = Vec::new();
    while let Some(at) = path.next() {
        if let Some(before) = at.checked_sub(Duration::from_nanos(1)) {
            assert_eq!(path.pop(before), None, "not before its time");
        }
        arrived.push((number(&path.pop(at).expect("it is due")), at));
    }
    arrived
}

#[test]
fn without_faults_all_arrive_in_order_after_the_delay() {
    let settings = Settings { delay: 5 * MS, ..Settings::default() };
    let arrived = pass(&mut path(settings, 1), 100, MS);
    let expected: Vec<_> = (0..100).map(|index| (index, MS * u32::from(index) + 5 * MS)).collect();
    assert_eq!(arrived, expected);
}

#[test]
fn the_bottleneck_spaces_frames_and_drops_what_its_queue_does_not_hold() {
    // 1000 bytes at 8 Mbit/s take 1 ms.
    let settings = Settings { rate: 8_000_000, queue: 10, delay: 3 * MS, ..Settings::default() };
    let mut path = path(settings, 1);
    let arrived = pass(&mut path, 25, Duration::ZERO);
    let expected: Vec<_> = (0..10).map(|index| (index, MS * u32::from(index + 1) + 3 * MS)).collect();
    assert_eq!(arrived, expected);
    assert_eq!((path.counts.queue_full, path.counts.lost), (15, 0));
    // Later there is room again.
    path.push(20 * MS, &segment(99));
    assert_eq!(path.next(), Some(24 * MS));
}

#[test]
fn the_share_of_losses_is_that_of_the_setting_and_hangs_on_the_seed() {
    let settings = Settings { loss: 0.05, ..Settings::default() };
    let lost = |seed| {
        let mut path = path(settings, seed);
        let arrived = pass(&mut path, 20_000, MS);
        assert_eq!(arrived.len() as u64 + path.counts.lost, 20_000);
        (path.counts.lost, arrived)
    };
    assert!((800..1200).contains(&lost(1).0), "{}", lost(1).0);
    assert_eq!(lost(1), lost(1));
    assert_ne!(lost(1).1, lost(2).1);
}

#[test]
fn jitter_alone_does_not_reorder() {
    let settings = Settings { jitter: 20 * MS, ..Settings::default() };
    let arrived = pass(&mut path(settings, 3), 1000, MS);
    assert!(arrived.is_sorted(), "{arrived:?}");
    let longest = arrived.iter().map(|(index, at)| *at - MS * u32::from(*index)).max();
    assert!(longest > Some(15 * MS) && longest < Some(21 * MS), "{longest:?}");
}

#[test]
fn held_up_frames_are_overtaken_and_doubled_ones_arrive_twice() {
    let settings = Settings { reorder: 0.1, reorder_delay: 5 * MS, duplicate: 0.1, ..Settings::default() };
    let mut path = path(settings, 4);
    let arrived = pass(&mut path, 1000, MS);
    assert_eq!(arrived.len() as u64, 1000 + path.counts.duplicated);
    assert!((50..150).contains(&path.counts.duplicated), "{:?}", path.counts);
    assert!((50..150).contains(&path.counts.reordered), "{:?}", path.counts);
    let late = arrived.iter().filter(|(index, at)| *at == MS * u32::from(*index) + 5 * MS);
    assert!(late.count() as u64 >= path.counts.reordered);
    assert!(!arrived.iter().map(|(index, _)| index).is_sorted());
}

#[test]
fn other_frames_than_tcp_are_spared() {
    let settings = Settings { loss: 1.0, delay: MS, ..Settings::default() };
    let mut path = path(settings, 5);
    let mut arp = segment(1);
    (arp[12], arp[13]) = (0x08, 0x06);
    path.push(Duration::ZERO, &arp);
    path.push(Duration::ZERO, &segment(2));
    assert_eq!(path.pop(MS).as_deref(), Some(&arp[..]));
    assert_eq!((path.next(), path.counts.lost), (None, 1));
}
