use super::*;

#[test]
fn bytes_and_back() {
    let options = vec![
        TcpOption::Mss(1460),
        TcpOption::Nop,
        TcpOption::WindowScale(7),
        TcpOption::SackOk,
        TcpOption::Sack(vec![(1, 2), (u32::MAX, 0)]),
        TcpOption::Timestamps { value: 1, echo: 2 },
        TcpOption::FastOpen(Some(vec![1, 2, 3, 4])),
        TcpOption::Other(253, vec![9]),
        TcpOption::Eol,
    ];
    let mut bytes = Vec::new();
    options.iter().for_each(|option| option.encode(&mut bytes));
    assert_eq!(TcpOption::decode(&bytes), options);
    bytes.extend([0, 0]); // padding
    assert_eq!(TcpOption::decode(&bytes), options);
}

#[test]
fn what_can_not_be_is_raw() {
    for bytes in [&[2_u8][..], &[2, 0], &[2, 1], &[2, 4, 1], &[253, 255]] {
        assert_eq!(TcpOption::decode(bytes), [TcpOption::Raw(bytes.to_vec())], "{bytes:?}");
    }
    assert_eq!(TcpOption::decode(&[2, 3, 1]), [TcpOption::Other(2, vec![1])], "an MSS of one byte");
}
