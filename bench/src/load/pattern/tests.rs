use super::*;

fn request(size: usize, connection: u64, number: u64) -> Vec<u8> {
    let mut request = vec![0; size];
    fill(&mut request, connection, number);
    request
}

#[test]
fn each_flipped_bit_is_one_byte_error() {
    for size in [1, 7, 8, 9, 64, 1000] {
        let sent = request(size, 3, 14);
        assert_eq!(errors(&sent, 0, &sent), 0);
        for byte in 0..size {
            for bit in 0..8 {
                let mut answer = sent.clone();
                answer[byte] ^= 1 << bit;
                assert_eq!(errors(&sent, 0, &answer), 1, "{size} {byte} {bit}");
            }
        }
    }
}

#[test]
fn pieces_are_compared_at_their_position() {
    let sent = request(100, 1, 2);
    for cut in 0..=100 {
        assert_eq!(errors(&sent, 0, &sent[..cut]) + errors(&sent, cut, &sent[cut..]), 0);
    }
    assert!(errors(&sent, 1, &sent[..50]) > 40, "a shifted answer");
}

#[test]
fn bytes_past_the_end_are_errors() {
    let sent = request(10, 1, 2);
    let mut answer = sent.clone();
    answer.extend_from_slice(&[0; 5]);
    assert_eq!(errors(&sent, 0, &answer), 5);
    assert_eq!(errors(&sent, 10, &[0; 3]), 3);
    assert_eq!(errors(&sent, 11, &[0; 3]), 3);
}

#[test]
fn requests_differ_in_position_number_and_connection() {
    for size in [64, 1024, 1032, 65_536] {
        let one = request(size, 1, 1);
        for other in [request(size, 1, 2), request(size, 2, 1), request(size, 0, 1)] {
            assert!(errors(&one, 0, &other) > size as u64 * 3 / 4, "{size}"); // far below 2^64
        }
        let words: std::collections::HashSet<_> = one.chunks(WORD).collect();
        assert_eq!(words.len(), size / WORD, "no word comes twice");
    }
}

#[test]
fn a_request_starts_the_same_whatever_its_length() {
    let long = request(4000, 1, 2);
    for size in [1016, 1024, 1032, 3000] {
        assert_eq!(errors(&long, 0, &request(size, 1, 2)), 0, "{size}");
    }
}

#[test]
fn a_gap_in_a_long_request_is_seen() {
    let mut answer = request(4000, 1, 2);
    for place in [1500, 1023] {
        let sent = answer.clone();
        answer.remove(place);
        assert!(errors(&sent, 0, &answer) > (4000 - 1500) * 3 / 4, "{place}");
    }
}
