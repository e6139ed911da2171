use super::*;

/// What `size` asks of a device with `waiting` frames, and how many it takes.
fn asked(size: &mut PollSize, room: usize, mut waiting: usize) -> (Vec<usize>, usize) {
    let mut asked = Vec::new();
    let (came, dropped) = size.poll(room, |most| {
        asked.push(most);
        let some = most.min(waiting);
        waiting -= some;
        (some, 1)
    });
    assert_eq!(dropped as usize, asked.len());
    (asked, came)
}

#[test]
fn a_card_is_asked_for_all_there_is_room_for() {
    let mut size = PollSize::of(b"net_ixgbe");
    assert_eq!(asked(&mut size, 64, 3), (vec![64], 3));
    assert_eq!(asked(&mut size, 7, 9), (vec![7], 7));
}

#[test]
fn vhost_is_asked_for_what_came_of_late_and_somewhat_more() {
    let mut size = PollSize::of(b"net_vhost");
    assert_eq!(asked(&mut size, 64, 0), (vec![4], 0));
    assert_eq!(asked(&mut size, 64, 20), (vec![4, 8, 16], 20));
    assert_eq!(asked(&mut size, 64, 20), (vec![32], 20));
    assert_eq!(asked(&mut size, 64, 0), (vec![32], 0));
    assert_eq!(asked(&mut size, 64, 0), (vec![4], 0));
}

#[test]
fn nothing_is_asked_for_beyond_the_room() {
    let mut size = PollSize::of(b"net_vhost");
    assert_eq!(asked(&mut size, 0, 5), (vec![], 0));
    assert_eq!(asked(&mut size, 2, 5), (vec![2], 2));
    assert_eq!(asked(&mut size, 64, 1000), (vec![4, 8, 16, 32, 4], 64));
    assert_eq!(asked(&mut size, 64, 1000), (vec![64], 64));
    assert_eq!(asked(&mut size, 10, 1000), (vec![10], 10));
}
