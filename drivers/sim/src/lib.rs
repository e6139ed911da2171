//! An in-memory link with seeded faults in virtual time.
