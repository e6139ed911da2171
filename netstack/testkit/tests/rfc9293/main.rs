//! RFC9293.md names a test for each requirement of RFC 9293; this one checks the list, and holds the tests of what no other
//! file is about.

mod table;

mod acknowledgments;
mod closing;
mod header;
mod icmp;
mod opening;
mod sending;
