//! What runs on one core: the worker and its turn, and what the turn needs.

pub(crate) mod budget;
pub(crate) mod clock;
pub(crate) mod current;
pub(crate) mod idle;
pub(crate) mod inner;
pub(crate) mod mailbox;
pub(crate) mod spawn;
pub(crate) mod worker;
