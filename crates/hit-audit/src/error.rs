//! What can be wrong with the two files of an audit.

/// Why an audit could not be done. Every message names the file, the entry in it, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file that could not be read; the message names the path.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// A file that is no TOML.
    #[error("{file}: {what}")]
    Toml {
        /// The file.
        file: String,
        /// Message of the parser, with line and column.
        what: String,
    },
    /// An entry of the file of published values that is neither a table nor a leaf.
    #[error("{file}: `{key}` {what}")]
    Leaf {
        /// The file.
        file: String,
        /// Dotted path of the entry.
        key: String,
        /// What is wrong, and what is expected.
        what: String,
    },
    /// A rule that cannot be understood or applied.
    #[error("{file}: rule `{rule}`: {what}")]
    Rule {
        /// The file.
        file: String,
        /// Id of the rule, or its number where it has none.
        rule: String,
        /// What is wrong, and what is expected.
        what: String,
    },
}
