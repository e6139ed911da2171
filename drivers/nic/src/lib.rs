//! Packets, pools and the traits between network drivers and the stack.
