//! A Linux TAP device as a corelane driver.
