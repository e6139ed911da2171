use super::*;

#[test]
fn retries_make_the_times_that_linux_documents() {
    let model = |retries| model_timeout(retries, Duration::from_secs(120));
    assert_eq!(model(0), Duration::from_millis(200));
    assert_eq!(model(3), Duration::from_secs(3), "tcp_retries1");
    assert_eq!(model(8), Duration::from_millis(102_200), "an orphan's 8: more than 100 s");
    assert_eq!(model(9), Duration::from_millis(204_600));
    assert_eq!(model(15), Duration::from_millis(924_600), "tcp_retries2");
    assert_eq!(model(255), Duration::from_millis(204_600 + 246 * 120_000));
}

#[test]
fn a_ceiling_below_the_base_is_linear_from_the_start() {
    assert_eq!(
        model_timeout(4, Duration::from_millis(200)),
        Duration::from_millis(200) + Duration::from_millis(800)
    );
    assert_eq!(
        model_timeout(2, Duration::from_millis(100)),
        Duration::from_millis(200) + Duration::from_millis(200)
    );
}
