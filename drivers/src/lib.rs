//! Opens the best driver that a machine can have.
