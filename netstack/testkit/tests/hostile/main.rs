//! Peers that break the rules, and strangers that forge segments: each ends in a counted drop or in the RFC's answer, and
//! leaves the connection and the stack working.

mod support;

mod challenge;
mod flood;
mod malformed;
mod paws;
mod random;
mod text;
mod window;
