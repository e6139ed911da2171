use super::Span;
use crate::{Chunk, Packet};

#[test]
fn both_ends_move_and_never_pass_each_other() {
    let span = Span::new(16, 100);
    assert_eq!((span.head(), span.len(), span.end()), (16, 100, 116));
    assert_eq!(span.advanced(40), Span::new(56, 60));
    assert_eq!(span.advanced(101), Span::new(116, 0));
    assert_eq!(span.advanced(usize::MAX), Span::new(116, 0));
    assert_eq!(span.truncated(40), Span::new(16, 40));
    assert_eq!(span.truncated(101), span);
    assert_eq!(Span::new(u32::MAX, 0).head(), u32::MAX);
    assert_eq!(Span::new(0, u32::MAX).len(), u32::MAX);
}

#[test]
fn handles_are_two_words_also_where_there_may_be_none() {
    let words = 2 * size_of::<usize>();
    assert_eq!((size_of::<Packet>(), size_of::<Chunk>()), (words, words));
    assert_eq!((size_of::<Option<Packet>>(), size_of::<Option<Chunk>>()), (words, words));
}
