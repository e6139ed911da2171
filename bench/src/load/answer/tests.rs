use super::*;

const HEAD: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\ncontent-length: 5\r\nDate: today\r\n\r\n";

fn answer() -> Answer {
    Answer::new(b"hello".to_vec())
}

fn whole(head: &[u8]) -> Vec<u8> {
    [head, b"hello"].concat()
}

#[test]
fn an_answer_is_whole_with_the_last_byte_of_its_body_however_it_is_cut() {
    let bytes = whole(HEAD);
    for cut in 1..bytes.len() {
        let mut answer = answer();
        // The second time the head is known.
        for _ in 0..2 {
            answer.start();
            assert_eq!(answer.take(&bytes[..cut]).expect("right"), 0);
            assert!(!answer.is_whole(), "{cut}");
            assert_eq!(answer.take(&bytes[cut..]).expect("right"), 0);
            assert!(answer.is_whole(), "{cut}");
        }
    }
}

#[test]
fn a_head_with_another_date_is_read_anew() {
    let mut answer = answer();
    for date in ["today", "tomorrow"] {
        answer.start();
        let head = String::from_utf8_lossy(HEAD).replace("today", date);
        assert_eq!(answer.take(&whole(head.as_bytes())).expect("right"), 0);
        assert!(answer.is_whole(), "{date}");
    }
}

#[test]
fn wrong_bytes_and_bytes_behind_the_body_are_counted() {
    let mut answer = answer();
    assert_eq!(answer.take(&[HEAD, b"hallo!!"].concat()).expect("a head"), 3);
    assert!(answer.is_whole());
}

#[test]
fn another_status_or_length_is_an_error() {
    for (head, expected) in [
        ("HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n\r\n", "404"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n", "6 instead of 5"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "no Content-Length"),
        ("SSH-2.0-none\r\n\r\n", "SSH-2.0"),
    ] {
        let error = answer().take(&whole(head.as_bytes())).expect_err(head);
        assert!(error.to_string().contains(expected), "{error}");
    }
    let endless = vec![b'x'; HEAD_LIMIT + 1];
    assert!(answer().take(&endless).is_err());
}
