use super::*;

#[test]
fn calls_of_this_thread_and_of_later_ones_are_counted() {
    let counter = match system_call_event().and_then(SystemCalls::count) {
        Ok(counter) => counter,
        Err(error) => {
            eprintln!("SKIPPED: counting system calls needs root and the tracepoint raw_syscalls ({error})");
            return;
        }
    };
    // stat(2), which nothing caches.
    let call = || (0..100).for_each(|_| assert!(fs::metadata("/").is_ok()));
    let before = counter.read().expect("a count");
    call();
    let here = counter.read().expect("a count");
    assert!((100..200).contains(&(here - before)), "{before} to {here}");
    std::thread::spawn(call).join().expect("no panic");
    let both = counter.read().expect("a count");
    assert!((100..300).contains(&(both - here)), "{here} to {both}: and those of starting a thread");
}

#[test]
fn an_unknown_event_is_an_error() {
    assert!(SystemCalls::count(u64::MAX).is_err());
}
