use super::*;

#[test]
fn durations_need_a_unit() {
    let nanos = |text: &str| text.parse::<Time>().map(|time| time.0.as_nanos());
    assert_eq!(nanos("200us"), Ok(200_000));
    assert_eq!(nanos("40 ms"), Ok(40_000_000));
    assert_eq!(nanos("15min"), Ok(900_000_000_000));
    assert_eq!(nanos("2h"), Ok(7_200_000_000_000));
    for wrong in ["", "5", "ms", "-1s", "1.5s", "5m", "s5"] {
        assert!(nanos(wrong).unwrap_err().contains("with its unit"), "{wrong}");
    }
    assert!(nanos("18446744073709551615h").unwrap_err().contains("584 years"));
}

#[test]
fn durations_print_as_they_are_read() {
    for text in ["1ns", "200us", "40ms", "7200s", "0ns"] {
        let time: Time = text.parse().unwrap();
        assert_eq!(time.to_string(), format!("\"{text}\""));
    }
}
