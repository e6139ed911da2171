use super::*;

/// An answer as the kernel frames it: INET_DIAG_CONG, then INET_DIAG_INFO.
fn answer(info: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; MESSAGE];
    bytes[4..6].copy_from_slice(&SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    bytes[HEADER + 1] = 5;
    bytes[HEADER + 3] = 2;
    bytes[HEADER + 56..HEADER + 60].copy_from_slice(&7u32.to_ne_bytes());
    bytes[HEADER + 60..HEADER + 64].copy_from_slice(&9u32.to_ne_bytes());
    attribute(&mut bytes, INET_DIAG_CONG, b"bbr\0");
    attribute(&mut bytes, INET_DIAG_INFO, info);
    bytes
}

fn attribute(bytes: &mut Vec<u8>, kind: u16, value: &[u8]) {
    bytes.extend_from_slice(&(4 + value.len() as u16).to_ne_bytes());
    bytes.extend_from_slice(&kind.to_ne_bytes());
    bytes.extend_from_slice(value);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
}

#[test]
fn an_answer_is_read_with_its_attributes() {
    let mut info = vec![0; 232];
    info[0] = 5;
    info[1] = 3;
    info[5] = 1 | 8;
    info[6] = 0x87;
    info[16..20].copy_from_slice(&1000u32.to_ne_bytes());
    info[24..28].copy_from_slice(&3u32.to_ne_bytes());
    info[68..72].copy_from_slice(&1500u32.to_ne_bytes());
    info[104..112].copy_from_slice(&u64::MAX.to_ne_bytes());
    info[148..152].copy_from_slice(&u32::MAX.to_ne_bytes());
    let answer = parse(&answer(&info)).unwrap();
    assert_eq!((answer.state, answer.retransmits), (State::FinWait2, 2));
    assert_eq!((answer.recv_queue, answer.send_queue), (7, 9));
    let info = answer.tcp_info().unwrap();
    assert_eq!((info.state, info.ca_state), (State::FinWait2, CaState::Recovery));
    assert_eq!((info.timestamps, info.sack, info.ecn), (true, false, true));
    assert_eq!((info.snd_wscale, info.rcv_wscale), (7, 8));
    assert_eq!((info.unacked, info.rtt), (3000, Duration::from_micros(1500)));
    assert_eq!((info.pacing_rate, info.min_rtt), (None, Duration::ZERO));
    assert_eq!(info.congestion_control, CongestionControl::Bbr);
    assert_eq!(info.rcv_wnd, 0, "the kernel is older than that");
}

#[test]
fn what_is_cut_off_or_no_answer_is_an_error() {
    let whole = answer(&[0; 232]);
    for len in 0..MESSAGE {
        assert!(parse(&whole[..len]).is_err(), "{len}");
    }
    for len in MESSAGE..whole.len() {
        assert!(parse(&whole[..len]).unwrap().tcp_info().is_err(), "{len}");
    }
    let mut refused = vec![0; HEADER + 4];
    refused[4..6].copy_from_slice(&NLMSG_ERROR.to_ne_bytes());
    refused[HEADER..].copy_from_slice(&(-2i32).to_ne_bytes());
    assert_eq!(parse(&refused), Err(SocketError::Stack(Error::NotConnected)));
    refused[HEADER..].copy_from_slice(&(-93i32).to_ne_bytes()); // EPROTONOSUPPORT: no tcp_diag
    assert_eq!(parse(&refused), Err(SocketError::Unsupported(Missing::Diag)));
}
