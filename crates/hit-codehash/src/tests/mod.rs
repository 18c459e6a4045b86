//! What does and what does not change a digest.

mod blind;
mod edits;
mod formatting;
mod includes;
mod oracle;
mod workspace;

use crate::tokens::source;

/// Asserts that the tokens of two texts count the same.
#[track_caller]
fn same(left: &str, right: &str) {
    assert!(source(left).bytes.starts_with(b"file\0"), "does not parse: {left}");
    assert!(source(right).bytes.starts_with(b"file\0"), "does not parse: {right}");
    assert!(source(left).bytes == source(right).bytes, "digests differ:\n{left}\n---\n{right}");
}

/// Asserts that two texts count as different code.
#[track_caller]
fn differ(left: &str, right: &str) {
    assert!(source(left).bytes != source(right).bytes, "digests are the same:\n{left}\n---\n{right}");
}
