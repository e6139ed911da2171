//! A digest of a capture, and the capture itself where wanted.

use std::cell::RefCell;
use std::hash::{DefaultHasher, Hasher};
use std::io::{self, Write};
use std::rc::Rc;

/// Digests what is written to it, and passes it on. Clones share the digest.
#[derive(Clone)]
pub struct Trace {
    hasher: Rc<RefCell<(DefaultHasher, u64)>>,
    copy: Option<Rc<RefCell<dyn Write>>>,
}

impl Trace {
    /// A digest alone, or with a copy of the bytes.
    pub fn new(copy: Option<Box<dyn Write>>) -> Trace {
        let copy = copy.map(|out| Rc::new(RefCell::new(out)) as Rc<RefCell<dyn Write>>);
        Trace { hasher: Rc::default(), copy }
    }

    /// The digest of all bytes so far, and their number.
    pub fn digest(&self) -> (u64, u64) {
        let state = self.hasher.borrow();
        (state.0.finish(), state.1)
    }
}

impl Write for Trace {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.hasher.borrow_mut();
        state.0.write(bytes);
        state.1 += bytes.len() as u64;
        if let Some(copy) = &self.copy {
            copy.borrow_mut().write_all(bytes)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.copy.as_ref().map_or(Ok(()), |copy| copy.borrow_mut().flush())
    }
}
