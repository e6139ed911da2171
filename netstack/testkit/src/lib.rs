//! Two or more stacks in virtual time, and checkers.

pub mod fuzz;
