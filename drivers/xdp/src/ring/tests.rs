use super::*;

/// A ring whose other half is ours too, playing the kernel.
fn pair(size: u32) -> (Producer<u64>, Consumer<u64>) {
    let at = libc::xdp_ring_offset { producer: 0, consumer: 64, desc: 192, flags: 128 };
    let memory = Rc::new(Mapping::anonymous(4096).expect("a page"));
    let producer = Producer::new(memory.clone(), &at, size).expect("the layout fits");
    (producer, Consumer::new(memory, &at, size).expect("the layout fits"))
}

#[test]
fn entries_come_out_in_order_once_submitted() {
    let (mut producer, mut consumer) = pair(8);
    assert!((0..8).all(|i| producer.push(i)));
    assert!(!producer.push(8), "full");
    assert_eq!(consumer.available(), 0, "not submitted yet");
    producer.submit();
    assert_eq!((consumer.available(), producer.pending()), (8, 8));
    let got: Vec<_> = std::iter::from_fn(|| consumer.pop()).collect();
    assert_eq!(got, (0..8).collect::<Vec<_>>());
    assert_eq!(producer.room(1), 0, "not released yet");
    consumer.release();
    assert_eq!((producer.room(8), producer.pending()), (8, 0));
}

#[test]
fn pop_gives_only_what_available_saw() {
    let (mut producer, mut consumer) = pair(4);
    producer.push(1);
    producer.submit();
    assert_eq!(consumer.available(), 1);
    producer.push(2);
    producer.submit();
    assert_eq!((consumer.pop(), consumer.pop()), (Some(1), None));
    assert_eq!((consumer.available(), consumer.pop()), (1, Some(2)));
}

#[test]
fn cursors_wrap() {
    let (mut producer, mut consumer) = pair(4);
    let start = u32::MAX - 5;
    for shared in [&producer.shared, &consumer.shared] {
        shared.producer().store(start, Ordering::Relaxed);
        shared.consumer().store(start, Ordering::Relaxed);
    }
    (producer.next, producer.consumed, consumer.next, consumer.produced) = (start, start, start, start);
    for i in 0..100u64 {
        let burst = 1 + i % 4;
        assert!((0..burst).all(|j| producer.push(i * 10 + j)), "round {i}");
        producer.submit();
        assert_eq!(u64::from(consumer.available()), burst);
        assert!((0..burst).all(|j| consumer.pop() == Some(i * 10 + j)), "round {i}");
        consumer.release();
    }
}

#[test]
fn the_wakeup_flag_is_read_anew_each_time() {
    let (producer, _consumer) = pair(4);
    assert!(!producer.needs_wakeup());
    producer.shared.flags().store(libc::XDP_RING_NEED_WAKEUP, Ordering::Relaxed);
    assert!(producer.needs_wakeup());
}

#[test]
fn a_cursor_beyond_the_ring_reads_no_more_than_the_ring() {
    let (_producer, mut consumer) = pair(4);
    consumer.shared.producer().store(1000, Ordering::Relaxed);
    assert_eq!(consumer.available(), 4);
}

#[test]
fn a_layout_outside_the_mapping_is_refused() {
    let memory = || Rc::new(Mapping::anonymous(4096).expect("a page"));
    let at = |producer, desc| libc::xdp_ring_offset { producer, consumer: 64, desc, flags: 128 };
    for (offsets, size) in
        [(at(4094, 192), 4), (at(2, 192), 4), (at(0, 4080), 4), (at(0, 192), 3), (at(0, u64::MAX), 4)]
    {
        assert!(Producer::<u64>::new(memory(), &offsets, size).is_err());
    }
}
