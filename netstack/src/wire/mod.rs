//! What the bytes of a header mean. Parsing never panics and never allocates.

pub(crate) mod checksum;
