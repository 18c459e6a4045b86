//! What a download or an unpacking tells while it runs, and how it is stopped.

/// Hears how far the work is and may stop it.
pub trait Watch {
    /// `done` bytes of the present step are finished, of `total` if that is known. A step is announced by [`Watch::note`].
    fn progress(&self, done: u64, total: Option<u64>);

    /// Something a person wants to know: a step that begins, a connection that was cut.
    fn note(&self, text: &str);

    /// Whether the work is to stop. Asked several times a second, also while nothing arrives.
    fn cancelled(&self) -> bool;
}

/// Says nothing and never stops.
pub struct Silent;

impl Watch for Silent {
    fn progress(&self, _: u64, _: Option<u64>) {}

    fn note(&self, _: &str) {}

    fn cancelled(&self) -> bool {
        false
    }
}
