use super::HalfOpen;

#[test]
fn fits_its_bound() {
    assert!(size_of::<HalfOpen>() <= 128, "{} bytes", size_of::<HalfOpen>());
}
