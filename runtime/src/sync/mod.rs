//! Between cores: what one worker's tasks tell another's.

pub mod mpsc;
