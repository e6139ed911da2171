//! PSH and URG (RFC 9293 3.8.5, RFC 6093): data are read in line, and the pointer is nobody's.

use corelane_netstack::{Config, Error};
use corelane_testkit::{Script, Spoken};

const WINDOW: u16 = 20_000;

#[test]
fn urgent_data_are_read_in_line_wherever_the_pointer_points() {
    for pointer in [0, 1, 3, 4, 5, 1000, u16::MAX] {
        let mut script = Script::new(Config::default());
        let (id, theirs, ours) = script.accept(WINDOW);
        let say = |script: &mut Script, at, data: &[u8]| {
            let (seq, ack) = (theirs + at, Some(ours));
            script.say(&Spoken {
                seq,
                ack,
                window: WINDOW,
                urgent: Some(pointer),
                data,
                ..Spoken::default()
            });
        };
        say(&mut script, 8, b"9abc"); // out of order
        say(&mut script, 4, b"5678");
        say(&mut script, 0, b"1234");
        say(&mut script, 12, b""); // a pointer alone
        say(&mut script, 10, b"bcde"); // half of it old
        let mut buf = [0; 100];
        assert_eq!(script.stack().read(id, &mut buf), Ok(14), "{pointer}");
        assert_eq!(&buf[..14], b"123456789abcde");
        assert_eq!(script.stack().read(id, &mut buf), Err(Error::WouldBlock));
    }
}

#[test]
fn a_pointer_in_the_syn_and_with_the_fin_is_ignored() {
    let mut script = Script::new(Config::default());
    let listener = script.listen(1);
    let urgent = Some(7);
    let window = WINDOW;
    script.say(&Spoken { seq: 9000, flags: "S", window, urgent, mss: Some(1000), ..Spoken::default() });
    let ours = script.hear().seq.wrapping_add(1);
    script.say(&Spoken { seq: 9001, ack: Some(ours), window, urgent, ..Spoken::default() });
    let (id, _) = script.stack().accept(listener).unwrap();
    script.say(&Spoken {
        seq: 9001,
        ack: Some(ours),
        flags: "F",
        window,
        urgent,
        data: b"end",
        ..Spoken::default()
    });
    assert_eq!(script.hear().ack, Some(9005));
    assert_eq!(script.stack().read(id, &mut [0; 10]), Ok(3));
    assert_eq!(script.stack().read(id, &mut [0; 10]), Ok(0));
}

/// RFC 9293 3.9.1.2: PSH on the last segment of what was written, and only there.
#[test]
fn the_last_segment_of_a_write_is_pushed() {
    let mut script = Script::new(Config::default());
    let (id, ..) = script.accept(WINDOW);
    script.write(id, &[1; 2500]);
    script.stack().set_nodelay(id, true).unwrap();
    script.run();
    let pushed: Vec<(usize, bool)> =
        script.heard().iter().map(|heard| (heard.data.len(), heard.push)).collect();
    assert_eq!(pushed, [(1000, false), (1000, false), (500, true)]);
}
