//! What runs on one core: the worker and its turn, and what the turn needs.

pub(crate) mod budget;
pub(crate) mod clock;
pub(crate) mod counts;
pub(crate) mod current;
pub(crate) mod idle;
pub(crate) mod inner;
pub(crate) mod lane;
pub(crate) mod letterbox;
pub(crate) mod mailbox;
pub(crate) mod mesh;
pub(crate) mod parts;
pub(crate) mod route;
pub(crate) mod spawn;
pub(crate) mod spread;
pub(crate) mod steering;
#[cfg(not(feature = "tokio-rt"))]
#[path = "no_tokio_rt.rs"]
pub(crate) mod tokio_rt;
#[cfg(feature = "tokio-rt")]
pub(crate) mod tokio_rt;
pub(crate) mod worker;
