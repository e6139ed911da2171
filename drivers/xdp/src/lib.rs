//! AF_XDP as a corelane driver, on libc alone.
