use super::*;
use proptest::prelude::*;

proptest! {
    #[test]
    fn any_header_is_read_as_it_is_written(destination: [u8; 6], source: [u8; 6], ether_type: u16) {
        let header = Header { destination: MacAddress(destination), source: MacAddress(source), ether_type };
        prop_assert_eq!(Header::parse(&header.to_bytes()), Some(header));
    }

    #[test]
    fn agrees_with_etherparse(frame in prop::collection::vec(any::<u8>(), 0..40)) {
        let ours = Header::parse(&frame);
        match etherparse::Ethernet2Header::from_slice(&frame) {
            Ok((theirs, _)) => {
                let theirs = Header {
                    destination: MacAddress(theirs.destination),
                    source: MacAddress(theirs.source),
                    ether_type: theirs.ether_type.0,
                };
                prop_assert_eq!(ours, Some(theirs));
            }
            Err(_) => prop_assert_eq!(ours, None),
        }
    }
}
